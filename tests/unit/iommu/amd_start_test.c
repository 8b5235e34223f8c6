// SPDX-License-Identifier: MIT
/* Bringing an AMD-Vi unit up: what it must offer, the order of the take-over, who is covered. */
#include <criterion/criterion.h>
#include <tests/unit/iommu/amd_bed.h>

#include <arch/mmio.h>
#include <cordon/errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BIT(n) (UINT64_C(1) << (n))

static const char *why_unusable(void)
{
	const char *why;

	cr_assert_not(iommu_usable(&why));
	cr_assert_not_null(why);
	return why;
}

/* Nothing is handed out, and every function says why. */
static void assert_refused(const char *text)
{
	struct cordon_iommu_desc desc;

	cr_expect(strstr(why_unusable(), text), "said: %s", why_unusable());
	cr_assert(iommu_describe(0, &desc));
	cr_expect_eq(desc.usable, 0);
	cr_expect(strstr(desc.text, text), "described as: %s", desc.text);
	cr_assert_not_null(bed.function->refused);
	cr_expect_null(bed.function->iommu);
}

static void assert_all_blocked(void)
{
	uint64_t target;

	for (unsigned int source = 0; source < 0x10000; source++) {
		cr_assert_eq(amdvi_walk(&bed.amdvi, (uint16_t)source, 0x1000, source & 1, &target),
		             AMDVI_PAGE_FAULT, "%#x", source);
	}
}

Test(amd_start, unit_is_usable)
{
	struct cordon_iommu_desc desc;
	const char *why;
	uint16_t msi[8];

	bed_prepare(AMDVI_FEATURES, 0);
	bed_start();
	cr_assert(iommu_usable(&why), "%s", why);
	cr_assert(iommu_describe(0, &desc));
	cr_expect_eq(desc.vendor, CORDON_IOMMU_AMD);
	cr_expect_eq(desc.usable, 1);
	cr_expect_eq(desc.registers, AMDVI_BASE);
	cr_expect_eq(desc.address_bits, 48);
	cr_expect_eq(desc.levels, 4);
	cr_expect_eq(desc.translation, 1);
	cr_expect_eq(desc.remapping, 1);
	cr_expect_eq(desc.page_sizes, 0x40201000);
	cr_expect_eq(desc.reports_faults, 1);
	cr_expect_not(strstr(desc.text, "reports no faults"));
	/* Enable, events, event interrupt, coherent, commands, wide entries. */
	cr_expect_eq(bed.amdvi.control, 0x2140d, "%#llx", (unsigned long long)bed.amdvi.control);
	cr_expect_eq(bed.amdvi.status & 0x18, 0x18, "log and commands run");
	memcpy(msi, machine_config(bed.unit_function) + BED_MSI, sizeof(msi));
	cr_expect_eq(msi[1], 0x0087, "one message, switched on");
	cr_expect_eq(msi[2], MACHINE_APIC_ID << 12);
	cr_expect_eq(msi[3], 0xfee0);
	cr_expect_eq(msi[6], MACHINE_FIRST_VECTOR);
	cr_expect_null(bed.function->refused);
	cr_expect_eq(bed.function->iommu, bed.unit);
	cr_expect_eq(bed.neighbour->iommu, bed.unit, "by its range");
	cr_expect_null(bed.unit_function->iommu);
	cr_expect(iommu_overlaps_registers(AMDVI_BASE + 0x3fff, 1));
	cr_expect_not(iommu_overlaps_registers(AMDVI_BASE + 0x4000, 1));
}

/* S1: no entry of the whole table is ever one of zeroes. The model looks at each when the unit goes
 * on, and at each store afterwards. */
Test(amd_start, every_requester_is_blocked)
{
	bed_prepare(AMDVI_FEATURES, 0);
	bed_start();
	cr_expect_eq(bed.amdvi.device_table & 0x1ff, 0x1ff, "65536 entries");
	assert_all_blocked();
}

/* S6: whoever sends it, and whatever it is. */
Test(amd_start, every_interrupt_is_refused)
{
	uint8_t vector;
	uint32_t apic;

	bed_prepare(AMDVI_FEATURES, 0);
	bed_start();
	for (unsigned int source = 0; source < 0x10000; source += 5)
		cr_assert_eq(amdvi_interrupt(&bed.amdvi, (uint16_t)source, source & 0x7ff, &vector,
		                             &apic),
		             AMDVI_PAGE_FAULT);
}

Test(amd_start, device_table_entry_of_a_blocked_requester_is_as_the_specification_says)
{
	const uint64_t *entry;

	bed_prepare(AMDVI_FEATURES, BED_COHERENT);
	bed_start();
	entry = phys_to_virt(paddr((bed.amdvi.device_table & ~UINT64_C(0xfff)) + 0x1234 * 32));
	cr_expect_eq(entry[0] & ~UINT64_C(0xffffffffff000), 0x803, "valid, levels, no rights");
	cr_expect_eq(entry[1], 0);
	cr_expect_eq(entry[2], 0x1, "IV, and IntCtl 00: refused");
	cr_expect_eq(entry[3], 0);
}

/* S1: in this order, whatever was on. */
Test(amd_start, unit_that_was_on_is_taken_over_in_order)
{
	bed_prepare(AMDVI_FEATURES, 0);
	/* Enable, events and their interrupt, commands and theirs, PPR log and all, GA log. */
	bed.amdvi.control = 0x3000f01d;
	bed.amdvi.status = 0x19f;
	bed.amdvi.exclusion_base = 0x100003;
	bed.amdvi.exclusion_limit = 0x1ff000;
	bed.amdvi.command_base = 0x0800000000200000;
	bed.amdvi.event_base = 0x0800000000201000;
	bed.amdvi.device_table = 0x202000;
	bed.amdvi.command_head = bed.amdvi.command_tail = 0x40;
	/* The old device table, which the model reads when control is written. */
	bed_start();
	cr_assert(iommu_usable(NULL));

	int quiet = bed_write_index(0, 0x18, 0x20004018, 0);
	int commands_off = bed_write_index(0, 0x18, BIT(12), 0);
	int ppr_off = bed_write_index(0, 0x18, BIT(13) | BIT(15), 0);
	int log_off = bed_write_index(0, 0x18, BIT(2), 0);
	int off = bed_write_index(0, 0x18, BIT(0), 0);
	int exclusion_off = bed_write_index(0, 0x20, UINT64_MAX, 0);
	cr_expect(quiet >= 0 && quiet < commands_off && commands_off < ppr_off &&
	                  ppr_off < log_off && log_off < off && off < exclusion_off,
	          "quiet %d commands %d page requests %d log %d unit %d exclusion %d", quiet,
	          commands_off, ppr_off, log_off, off, exclusion_off);

	/* Then ours: tables and rings, the unit, the commands. */
	size_t from = (size_t)exclusion_off;
	int table = bed_write_index(from, 0x00, 0x1ff, 0x1ff);
	int commands = bed_write_index(from, 0x08, UINT64_C(15) << 56, UINT64_C(8) << 56);
	int events = bed_write_index(from, 0x10, UINT64_C(15) << 56, UINT64_C(8) << 56);
	int on = bed_write_index(from, 0x18, BIT(0), BIT(0));
	int commands_on = bed_write_index(from, 0x18, BIT(12), BIT(12));
	int first = bed_write_index((size_t)on, 0x2008, 0, 0);
	cr_expect(table >= 0 && table < on && commands >= 0 && commands < on && events >= 0 &&
	                  events < on && on < commands_on && commands_on < first,
	          "table %d commands %d events %d on %d %d first %d", table, commands, events, on,
	          commands_on, first);
	cr_expect_eq(bed.amdvi.commands[0].low, UINT64_C(8) << 60, "everything is forgotten first");
	cr_expect(strstr(fake_log_text(), "taken over"));
	assert_all_blocked();
}

Test(amd_start, what_does_not_go_off_makes_the_unit_unusable)
{
	static const uint64_t bits[] = {BIT(0) | BIT(2), BIT(0) | BIT(12), BIT(0) | BIT(13), BIT(0),
	                                BIT(0) | BIT(28)};

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		pid_t child = fork();

		if (child == 0) {
			bed_prepare(AMDVI_FEATURES, 0);
			bed.amdvi.control = bits[i];
			bed.amdvi.stuck_off = bits[i];
			bed.amdvi.status = 0x198;
			bed.amdvi.command_base = bed.amdvi.event_base = UINT64_C(8) << 56 |
			                                                0x200000;
			bed_start();
			_exit(strstr(why_unusable(), "does not go off") ? 0 : 1);
		}
		int status;
		waitpid(child, &status, 0);
		cr_expect_eq(status, 0, "bits %#llx", (unsigned long long)bits[i]);
	}
}

Test(amd_start, exclusion_range_that_stays_makes_the_unit_unusable)
{
	bed_prepare(AMDVI_FEATURES, 0);
	bed.amdvi.exclusion_base = 0x100003;
	bed.amdvi.exclusion_stuck = true;
	bed_start();
	assert_refused("does not go off");
}

Test(amd_start, switch_that_stays_off_makes_the_unit_unusable)
{
	static const struct {
		uint64_t bit;
		const char *why;
	} cases[] = {{BIT(0), "switched on, but stays off"},
	             {BIT(2), "event log"},
	             {BIT(12), "command buffer"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pid_t child = fork();

		if (child == 0) {
			bed_prepare(AMDVI_FEATURES, 0);
			bed.amdvi.stuck = cases[i].bit;
			bed_start();
			_exit(strstr(why_unusable(), cases[i].why) ? 0 : 1);
		}
		int status;
		waitpid(child, &status, 0);
		cr_expect_eq(status, 0, "%s", cases[i].why);
	}
}

Test(amd_start, commands_that_are_not_confirmed_make_the_unit_unusable)
{
	bed_prepare(AMDVI_FEATURES, 0);
	bed.amdvi.stalled = true;
	bed_start();
	cr_expect(strstr(why_unusable(), "stopped answering"));
	cr_expect(bed.amdvi.control & 1, "blocked is better than open");
	assert_all_blocked();
}

/* Without the command for all of it, each id is told. */
Test(amd_start, unit_that_cannot_forget_all_at_once)
{
	bed_prepare(AMDVI_FEATURES & ~AMDVI_FEATURE_IA, 0);
	bed_start();
	cr_assert(iommu_usable(NULL));
	cr_expect_geq(bed.amdvi.command_count, 3 * 65536);
	cr_expect_eq(bed.amdvi.status & BIT(4), BIT(4));
}

Test(amd_start, narrow_interrupt_entries_where_there_are_no_others)
{
	bed_prepare(AMDVI_FEATURES & ~AMDVI_FEATURE_WIDE, 0);
	bed_start();
	cr_assert(iommu_usable(NULL));
	cr_expect_eq(bed.amdvi.control & BIT(17), 0);
}

Test(amd_start, fabric_bits_are_as_firmware_says)
{
	bed_prepare(AMDVI_FEATURES, 0);
	bed.description->flags = 0x0f;
	bed_start();
	cr_expect_eq(bed.amdvi.control & 0xb02, 0xb02);
}

/* S5, S6 */
Test(amd_start, without_an_io_apic_in_the_table_nothing_is_handed_out)
{
	uint8_t vector;
	uint32_t apic;

	bed_prepare(AMDVI_FEATURES, 0);
	bed.description->special_count = 0;
	bed_start();
	assert_refused("interrupt remapping is absent");
	cr_expect(bed.unit->translation, "blocked is better than open");
	assert_all_blocked();
	/* The kernel's own interrupts still pass. */
	cr_expect_eq(amdvi_interrupt(&bed.amdvi, BED_IOAPIC, 0x41, &vector, &apic), AMDVI_OK);
	cr_expect_eq(vector, 0x41);
}

Test(amd_start, memory_beyond_its_addresses_makes_the_unit_unusable)
{
	bed_prepare(AMDVI_FEATURES, 0);
	machine_ivrs.physical_bits = 32;
	bed_start();
	assert_refused("memory lies beyond");
}

Test(amd_start, width_of_addresses_limits_the_iova)
{
	struct cordon_iommu_desc desc;

	bed_prepare(AMDVI_FEATURES, 0);
	machine_ivrs.virtual_bits = 40;
	bed_start();
	cr_assert(iommu_describe(0, &desc));
	cr_expect_eq(desc.address_bits, 40);
}

Test(amd_start, iova_has_a_hole_for_the_fabric)
{
	struct cordon_iova_range ranges[4];
	struct iommu_domain *domain;

	bed_prepare(AMDVI_FEATURES, 0);
	bed_start();
	domain = bed_new_domain();
	cr_assert_eq(iommu_domain_ranges(domain, ranges, 4), 3);
	cr_expect(ranges[0].start == 0 && ranges[0].last == 0xfedfffff);
	cr_expect(ranges[1].start == 0xfef00000 && ranges[1].last == 0xfcffffffff);
	cr_expect(ranges[2].start == 0x10000000000 && ranges[2].last == 0xffffffffffff);
	cr_expect_eq(iommu_domain_ranges(domain, ranges, 2), 2);
	iommu_domain_destroy(domain);
}

Test(amd_start, hole_at_the_end_of_narrow_addresses)
{
	struct cordon_iova_range ranges[4];
	struct iommu_domain *domain;

	bed_prepare(AMDVI_FEATURES, 0);
	machine_ivrs.virtual_bits = 40;
	bed_start();
	domain = bed_new_domain();
	cr_assert_eq(iommu_domain_ranges(domain, ranges, 4), 2);
	cr_expect(ranges[1].start == 0xfef00000 && ranges[1].last == 0xfcffffffff);
	iommu_domain_destroy(domain);
}

Test(amd_start, malformed_table_hands_out_nothing)
{
	bed_prepare(AMDVI_FEATURES, 0);
	machine_ivrs_error = -EINVAL;
	bed_start();
	assert_refused("the IVRS table is malformed");
	cr_expect_eq(bed.amdvi.write_count, 0);
}

Test(amd_start, registers_that_cannot_be_mapped)
{
	bed_prepare(AMDVI_FEATURES, 0);
	bed.description->registers = paddr(UINT64_C(0xfed40000));
	bed_start();
	assert_refused("cannot be mapped");
}

Test(amd_start, memory_runs_out_at_every_allocation)
{
	for (unsigned int n = 1; n <= 4; n++) {
		pid_t child = fork();

		if (child == 0) {
			bed_prepare(AMDVI_FEATURES, 0);
			fake_page_fail(n);
			bed_start();
			_exit(strstr(why_unusable(), "memory") ? 0 : 1);
		}
		int status;
		waitpid(child, &status, 0);
		cr_expect_eq(status, 0, "allocation %u", n);
	}
}

Test(amd_start, no_vector_for_faults_is_no_reason_to_refuse)
{
	bed_prepare(AMDVI_FEATURES, 0);
	machine_irq_error = -ENOSPC;
	bed_start();
	cr_expect(iommu_usable(NULL));
	cr_expect_eq(bed.amdvi.control & BIT(3), 0);
}

/* Its capability is not where the table says: then absence is taken to be cached. */
Test(amd_start, unit_without_a_function_is_driven_with_care)
{
	struct iommu_domain *domain;

	bed_prepare(AMDVI_FEATURES, BED_NO_ABSENT);
	bed.description->capability = 0x50;
	bed_start();
	cr_assert(iommu_usable(NULL));
	domain = bed_domain();
	size_t before = bed.amdvi.command_count;
	cr_assert_eq(bed_map(domain, 0x1000, 0x200000, 0x1000, CORDON_DMA_READ), 0);
	cr_expect_gt(bed.amdvi.command_count, before);
}

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
	bed.description->devices[0] = (struct ivrs_devices){.first = 0, .last = 0xffff};
	bed.description->device_count = 1;
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
	bed.description->devices[bed.description->device_count++] = (struct ivrs_devices){
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
		pid_t child = fork();

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
		pid_t child = fork();

		if (child == 0) {
			struct cordon_iommu_desc desc;

			bed_prepare(i == 0 ? AMDVI_FEATURES | BIT(2) : AMDVI_FEATURES, 0);
			bed_emulated_early();
			if (i == 1)
				bed.description->type = 0x11;
			if (i == 2)
				bed.description->features = 0;
			if (i == 3)
				bed.unit_function->device = 0x1451;
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
	bed.description->devices[1].last = 0x1ff;
	bed_start();
	cr_assert_not_null(below->refused);
	cr_expect(strstr(below->refused, "behind bridges"));
	cr_expect_null(bed.function->refused);
}

Test(amd_early, device_behind_a_bridge_is_fine_elsewhere)
{
	bed_prepare(AMDVI_FEATURES, 0);
	struct pci_function *below = machine_function(0, 1, 0, 0, bed.neighbour);
	bed.description->devices[1].last = 0x1ff;
	bed_start();
	cr_expect_null(below->refused);
}

/* A later unit looks at a function's entry only when it was named in an invalidation. */
Test(amd_emulated, entries_of_functions_are_invalidated_by_name)
{
	struct cordon_iommu_desc desc;
	unsigned int found = 0;

	bed_prepare(AMDVI_FEATURES, 0);
	bed.unit_function->subsystem_vendor = 0x1af4;
	bed_start();
	for (size_t i = 0; i < bed.amdvi.command_count && i < AMDVI_LOG_SIZE; i++) {
		uint64_t low = bed.amdvi.commands[i].low;

		if (low == (UINT64_C(2) << 60 | BED_SOURCE))
			found |= 1;
		if (low == (UINT64_C(2) << 60 | BED_NEIGHBOUR))
			found |= 2;
	}
	cr_expect_eq(found, 3);
	cr_assert(iommu_describe(0, &desc));
	cr_expect(desc.reports_faults && !desc.reports_addresses);
}

/* Mode 0 is "untranslated" for some; a blocked entry leads to tables in which nothing is there. */
Test(amd_start, blocked_entries_lead_to_empty_tables)
{
	const uint64_t *table;

	bed_prepare(AMDVI_FEATURES, 0);
	bed_start();
	table = phys_to_virt(paddr(bed.amdvi.device_table & ~UINT64_C(0xfff)));
	for (size_t i = 0; i < 0x10000; i += 0xff) {
		const uint64_t *root;
		uint64_t word = table[i * 4];

		cr_assert_eq(word & UINT64_C(0x6000000000000003), 3, "valid, no rights");
		cr_assert_eq(word >> 9 & 7, 4, "levels");
		root = phys_to_virt(paddr(word & UINT64_C(0xffffffffff000)));
		for (size_t k = 0; k < 512; k++)
			cr_assert_eq(root[k], 0);
	}
}

/* It says so when there is nothing that it translates for. */
Test(amd_early, entry_for_all_covers_nothing)
{
	bed_prepare(AMDVI_FEATURES, 0);
	bed_emulated_early();
	bed.description->devices[0] = (struct ivrs_devices){.first = 0, .last = 0xffff};
	bed.description->device_count = 1;
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
