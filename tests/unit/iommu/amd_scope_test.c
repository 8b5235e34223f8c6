// SPDX-License-Identifier: MIT
/* What the IVRS table says of functions and I/O APICs, and the emulated units' own ways. */
#include <criterion/criterion.h>
#include <tests/unit/iommu/amd_bed.h>

#include <arch/mmio.h>
#include <cordon/errno.h>
#include <kernel/cmdline.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BIT(n) (UINT64_C(1) << (n))

/* --- who is covered -------------------------------------------------------------------------- */

Test(amd_cover, function_in_no_entry_is_refused)
{
	bed_prepare(AMDVI_FEATURES, 0);
	struct pci_function *stranger = machine_function(0, 1, 0, 0, NULL);
	struct pci_function *elsewhere = machine_function(1, 0, 3, 0, NULL);
	bed_start();
	cr_assert_not_null(stranger->refused);
	cr_expect(strstr(stranger->refused, "no IOMMU covers it"));
	cr_assert_not_null(elsewhere->refused);
	cr_expect(strstr(elsewhere->refused, "no IOMMU covers it"));
	cr_expect_null(bed.function->refused);
}

Test(amd_cover, entry_for_all)
{
	bed_prepare(AMDVI_FEATURES, 0);
	bed_description->devices[0] = (struct ivrs_devices){.first = 0, .last = 0xffff};
	bed_description->device_count = 1;
	struct pci_function *other = machine_function(0, 7, 0, 0, NULL);
	bed_start();
	cr_expect_null(other->refused);
	cr_expect_eq(other->iommu, bed.unit);
}

Test(amd_cover, firmware_and_bus_must_agree_on_an_alias)
{
	bed_prepare(AMDVI_FEATURES, 0);
	struct pci_function *same = machine_function(0, 2, 1, 0, NULL);
	struct pci_function *other = machine_function(0, 2, 2, 0, NULL);
	same->requester = (rid_t){0x0200};
	bed_description->devices[bed_description->device_count++] = (struct ivrs_devices){
	        .first = 0x0200, .last = 0x02ff, .alias = 0x0200, .aliased = true};
	bed_start();
	cr_expect_null(same->refused);
	cr_assert_not_null(other->refused);
	cr_expect(strstr(other->refused, "another requester id"));
}

/* S5 */
Test(amd_cover, memory_that_firmware_wants_reached_makes_its_devices_refused)
{
	for (int exclusion = 0; exclusion < 2; exclusion++) {
		pid_t child = machine_fork();

		if (child == 0) {
			bed_prepare(AMDVI_FEATURES, 0);
			machine_ivrs.region_count = 1;
			machine_ivrs.regions[0] = (struct ivrs_region){BED_SOURCE, BED_SOURCE,
			                                               0x1000, 0x1000, exclusion};
			bed_start();
			_exit(bed.function->refused && strstr(bed.function->refused, "IVMD") &&
			                      !bed.neighbour->refused
			              ? 0
			              : 1);
		}
		int status;
		waitpid(child, &status, 0);
		cr_expect_eq(status, 0);
	}
}

Test(amd_cover, io_apic_has_a_source_of_its_own)
{
	struct iommu_unit *unit;
	rid_t source;

	bed_prepare(AMDVI_FEATURES, 0);
	bed_start();
	cr_assert_eq(iommu_ioapic_source(BED_IOAPIC_ID, &unit, &source), 0);
	cr_expect_eq(unit, bed.unit);
	cr_expect_eq(source.raw, BED_IOAPIC);
	cr_expect(iommu_remap_by_vector(unit));
	cr_expect_eq(iommu_ioapic_source(0, &unit, &source), -ENOENT, "that is the HPET's number");
}

Test(amd_cover, io_apics_and_hpets_that_are_many)
{
	struct iommu_unit *unit;
	rid_t source;

	bed_prepare(AMDVI_FEATURES, 0);
	bed_description->specials[2] = (struct ivrs_special){IVRS_IOAPIC, 7, 0x00a1};
	bed_description->specials[3] = (struct ivrs_special){IVRS_HPET, 7, 0x00a2};
	bed_description->special_count = 4;
	bed_start();
	cr_assert_eq(iommu_ioapic_source(BED_IOAPIC_ID, &unit, &source), 0);
	cr_expect_eq(source.raw, BED_IOAPIC);
	cr_assert_eq(iommu_ioapic_source(7, &unit, &source), 0);
	cr_expect_eq(source.raw, 0x00a1, "and not the HPET of the same number");
}

Test(amd_cover, what_an_hpet_sends_is_refused)
{
	uint8_t vector;
	uint32_t apic;

	bed_prepare(AMDVI_FEATURES, 0);
	bed_start();
	for (uint16_t data = 0; data < 0x100; data++)
		cr_assert_eq(amdvi_interrupt(&bed_amdvi, BED_IOAPIC + 1, data, &vector, &apic),
		             AMDVI_PAGE_FAULT);
}

Test(amd_cover, ranges_end_where_they_say)
{
	bed_prepare(AMDVI_FEATURES, 0);
	struct pci_function *first = machine_function(0, 3, 0, 0, NULL);
	struct pci_function *last = machine_function(0, 3, 31, 7, NULL);
	struct pci_function *before = machine_function(0, 2, 31, 7, NULL);
	struct pci_function *behind = machine_function(0, 4, 0, 0, NULL);
	bed_description->devices[bed_description->device_count++] = (struct ivrs_devices){
	        .first = 0x0300, .last = 0x03ff};
	bed_start();
	cr_expect_eq(first->iommu, bed.unit);
	cr_expect_eq(last->iommu, bed.unit);
	cr_expect_null(before->iommu);
	cr_expect_null(behind->iommu);
}

Test(amd_cover, function_claimed_by_two_units_is_refused)
{
	struct cordon_iommu_desc desc;

	bed_prepare(AMDVI_FEATURES, 0);
	machine_ivrs.unit_count = 2;
	machine_ivrs.units[1] = machine_ivrs.units[0];
	machine_ivrs.units[1].registers = paddr(UINT64_C(0xfeda0000));
	machine_ivrs.units[1].device_count = 1;
	bed_start();
	cr_expect_not_null(bed.function->refused);
	cr_expect_null(bed.neighbour->refused);
	/* The second unit has no registers behind it: only its own functions suffer. */
	cr_expect(iommu_usable(NULL));
	cr_assert(iommu_describe(1, &desc));
	cr_expect_eq(desc.usable, 0);
	cr_expect_not(iommu_describe(2, &desc));
}

Test(amd_cover, earlier_refusal_stays)
{
	bed_prepare(AMDVI_FEATURES, 0);
	bed.function->refused = "for another reason";
	machine_has_ivrs = false;
	bed_start();
	cr_expect_str_eq(bed.function->refused, "for another reason");
}

Test(amd_cover, regions_are_of_every_segment)
{
	bed_prepare(AMDVI_FEATURES, 0);
	machine_ivrs.region_count = 2;
	machine_ivrs.regions[0] = (struct ivrs_region){0x0500, 0x05ff, 0x1000, 0x1000, false};
	machine_ivrs.regions[1] = (struct ivrs_region){BED_NEIGHBOUR, BED_NEIGHBOUR, 0x2000, 0x1000,
	                                               false};
	bed_start();
	cr_expect_null(bed.function->refused);
	cr_assert_not_null(bed.neighbour->refused);
	cr_expect(strstr(bed.neighbour->refused, "IVMD"));
}

Test(amd_cover, registers_are_never_a_target)
{
	bed_prepare(AMDVI_FEATURES, 0);
	bed_start();
	cr_expect(iommu_overlaps_registers(AMDVI_BASE, 1));
	cr_expect(iommu_overlaps_registers(AMDVI_BASE - 1, 2));
	cr_expect(iommu_overlaps_registers(0, UINT64_MAX));
	cr_expect_not(iommu_overlaps_registers(AMDVI_BASE - 1, 1));
}

/* --- the unit of QEMU 7.2 -------------------------------------------------------------------- */

Test(amd_early, is_known_by_what_it_reports)
{
	struct cordon_iommu_desc desc;

	bed_prepare(AMDVI_FEATURES, 0);
	bed_emulated_early();
	bed_start();
	cr_assert(iommu_usable(NULL));
	cr_assert(iommu_describe(0, &desc));
	cr_expect_eq(desc.reports_faults, 0);
	cr_expect(strstr(desc.text, "reports no faults"), "%s", desc.text);
}

Test(amd_early, every_single_difference_makes_it_another_unit)
{
	for (int i = 0; i < 4; i++) {
		pid_t child = machine_fork();

		if (child == 0) {
			struct cordon_iommu_desc desc;

			bed_prepare(i == 0 ? AMDVI_FEATURES | BIT(2) : AMDVI_FEATURES, 0);
			bed_emulated_early();
			if (i == 1)
				bed_description->type = 0x11;
			if (i == 2)
				bed_description->features = 0;
			if (i == 3)
				bed_unit_function->device = 0x1451;
			bed_start();
			_exit(iommu_describe(0, &desc) && desc.reports_faults ? 0 : 1);
		}
		int status;
		waitpid(child, &status, 0);
		cr_expect_eq(status, 0, "difference %d", i);
	}
}

Test(amd_early, device_behind_a_bridge_is_refused)
{
	bed_prepare(AMDVI_FEATURES, 0);
	bed_emulated_early();
	struct pci_function *below = machine_function(0, 1, 0, 0, bed.neighbour);
	bed_description->devices[1].last = 0x1ff;
	bed_start();
	cr_assert_not_null(below->refused);
	cr_expect(strstr(below->refused, "behind bridges"));
	cr_expect_null(bed.function->refused);
}

Test(amd_early, device_behind_a_bridge_is_fine_elsewhere)
{
	bed_prepare(AMDVI_FEATURES, 0);
	struct pci_function *below = machine_function(0, 1, 0, 0, bed.neighbour);
	bed_description->devices[1].last = 0x1ff;
	bed_start();
	cr_expect_null(below->refused);
}

/* A later unit translates only with a property of the emulator's that the guest does not see. */
Test(amd_emulated, S5_nothing_is_handed_out_unless_somebody_says_that_it_translates)
{
	const char *why = NULL;

	bed_prepare(AMDVI_FEATURES, 0);
	bed_unit_function->subsystem_vendor = 0x1af4;
	bed_start();
	cr_expect_not(iommu_usable(&why));
	cr_expect_not_null(strstr(why, "dma-remap=on"));
	cr_expect_not_null(bed.function->refused);
}

/* A later unit looks at a function's entry only when it was named in an invalidation. */
Test(amd_emulated, entries_of_functions_are_invalidated_by_name)
{
	struct cordon_iommu_desc desc;
	unsigned int found = 0;

	bed_prepare(AMDVI_FEATURES, 0);
	bed_unit_function->subsystem_vendor = 0x1af4;
	cmdline_init("iommu.dma-remap=on");
	bed_start();
	for (size_t i = 0; i < bed_amdvi.command_count && i < AMDVI_LOG_SIZE; i++) {
		uint64_t low = bed_amdvi.commands[i].low;

		if (low == (UINT64_C(2) << 60 | BED_SOURCE))
			found |= 1;
		if (low == (UINT64_C(2) << 60 | BED_NEIGHBOUR))
			found |= 2;
	}
	cr_expect_eq(found, 3);
	cr_assert(iommu_describe(0, &desc));
	cr_expect(desc.reports_faults && !desc.reports_addresses);
}

/* It says so when there is nothing that it translates for. */
Test(amd_early, iovas_have_no_more_bits_than_the_unit_tells_apart)
{
	cmdline_init("iommu.bits=63");
	bed_prepare(AMDVI_FEATURES, 0);
	bed_emulated_early();
	bed_start();
	cr_expect_eq(iommu_domain_address_bits(bed_new_domain()), 48);
}

Test(amd_early, entry_for_all_covers_nothing)
{
	bed_prepare(AMDVI_FEATURES, 0);
	bed_emulated_early();
	bed_description->devices[0] = (struct ivrs_devices){.first = 0, .last = 0xffff};
	bed_description->device_count = 1;
	bed_start();
	cr_assert_not_null(bed.function->refused);
	cr_expect(strstr(bed.function->refused, "no IOMMU covers it"));
}

Test(amd_early, level_interrupt_is_not_remapped)
{
	uint32_t index;

	bed_prepare(AMDVI_FEATURES, 0);
	bed_emulated_early();
	bed_start();
	cr_expect_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_IOAPIC}, (vector_t){0x50}, true, &index),
	        -EOPNOTSUPP);
	cr_expect_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_IOAPIC}, (vector_t){0x50}, false, &index),
	        0, "its entry is free after that");
}
