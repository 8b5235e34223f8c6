// SPDX-License-Identifier: MIT
/* Interrupt remapping by an AMD-Vi unit (S6). */
#include <criterion/criterion.h>
#include <tests/unit/iommu/amd_bed.h>

#include <cordon/errno.h>
#include <string.h>

#define BIT(n) (UINT64_C(1) << (n))

static void check_remap(uint64_t features, bool level)
{
	uint32_t index, apic = 0, other;
	uint8_t vector;

	bed_prepare(features, 0);
	bed_start();
	cr_expect_eq(amdvi_interrupt(&bed_amdvi, BED_IOAPIC, 0x51, &vector, &apic),
	             AMDVI_PAGE_FAULT, "and the unit remembers that");
	cr_assert_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_IOAPIC}, (vector_t){0x51}, level, &index),
	        0);
	cr_expect_eq(index, 0x51);
	cr_assert_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE}, (vector_t){0x52}, false, &other),
	        0);
	cr_expect_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE}, (vector_t){0x51}, false, &other),
	        -ENOSPC, "a vector has one source");
	cr_expect_eq(amdvi_interrupt(&bed_amdvi, BED_IOAPIC, 0x51, &vector, &apic), AMDVI_OK);
	cr_expect_eq(vector, 0x51);
	cr_expect_eq(apic, MACHINE_APIC_ID);
	/* Every other index of this source, and every other source. */
	for (uint16_t data = 0; data < 0x800; data++) {
		if (data != 0x51)
			cr_assert_eq(amdvi_interrupt(&bed_amdvi, BED_IOAPIC, data, &vector, &apic),
			             AMDVI_PAGE_FAULT);
		if (data != 0x52)
			cr_assert_eq(amdvi_interrupt(&bed_amdvi, BED_SOURCE, data, &vector, &apic),
			             AMDVI_PAGE_FAULT);
		cr_assert_eq(amdvi_interrupt(&bed_amdvi, BED_NEIGHBOUR, data, &vector, &apic),
		             AMDVI_PAGE_FAULT);
	}
	/* What the unit has just looked up it remembers, absent or present. */
	cr_assert_eq(amdvi_interrupt(&bed_amdvi, BED_SOURCE, 0x53, &vector, &apic),
	             AMDVI_PAGE_FAULT);
	cr_assert_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE}, (vector_t){0x53}, false, &other),
	        0);
	cr_expect_eq(amdvi_interrupt(&bed_amdvi, BED_SOURCE, 0x53, &vector, &apic), AMDVI_OK);
	cr_expect_eq(amdvi_interrupt(&bed_amdvi, BED_IOAPIC, 0x51, &vector, &apic), AMDVI_OK);
	cr_assert_eq(iommu_remap_free(bed.unit, index), 0);
	cr_expect_eq(amdvi_interrupt(&bed_amdvi, BED_IOAPIC, 0x51, &vector, &apic),
	             AMDVI_PAGE_FAULT);
	cr_assert_eq(iommu_remap_alloc(bed.unit, (rid_t){BED_NEIGHBOUR}, (vector_t){0x51}, false,
	                               &index),
	             0);
	cr_expect_eq(amdvi_interrupt(&bed_amdvi, BED_IOAPIC, 0x51, &vector, &apic),
	             AMDVI_PAGE_FAULT);
	cr_expect_eq(amdvi_interrupt(&bed_amdvi, BED_NEIGHBOUR, 0x51, &vector, &apic), AMDVI_OK);
}

Test(amd_remap, wide_entries_are_for_one_source_one_vector_one_cpu)
{
	check_remap(AMDVI_FEATURES, false);
}

Test(amd_remap, narrow_entries_are_for_one_source_one_vector_one_cpu)
{
	check_remap(AMDVI_FEATURES & ~AMDVI_FEATURE_WIDE, false);
}

/* With a unit that can, and CPUs that could: 32 bits of the id count. */
static void check_extended(uint64_t features, bool possible, bool extended)
{
	uint32_t index, apic;
	uint8_t vector;

	machine_x2apic = possible;
	bed_prepare(features, 0);
	bed_start();
	cr_assert_eq(iommu_interrupts_extended(), extended);
	if (possible && !extended)
		return; /* the id fits in no entry, and the CPUs stay in the other mode */
	cr_assert_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE}, (vector_t){0x51}, false, &index),
	        0);
	cr_assert_eq(amdvi_interrupt(&bed_amdvi, BED_SOURCE, 0x51, &vector, &apic), AMDVI_OK);
	cr_expect_eq(apic, extended ? MACHINE_X2APIC_ID : MACHINE_APIC_ID);
	cr_expect_eq(vector, 0x51);
}

Test(amd_remap, S6_extended_entries_name_a_cpu_by_32_bits)
{
	check_extended(AMDVI_FEATURES | BIT(2), true, true);
}

Test(amd_remap, cpus_that_cannot_get_short_ids)
{
	check_extended(AMDVI_FEATURES | BIT(2), false, false);
}

Test(amd_remap, unit_that_cannot_is_not_extended)
{
	check_extended(AMDVI_FEATURES, true, false);
}

Test(amd_remap, narrow_entries_are_not_extended)
{
	check_extended((AMDVI_FEATURES | BIT(2)) & ~AMDVI_FEATURE_WIDE, true, false);
}

/* With a second unit, which has these features. */
static void begin_two(uint64_t features)
{
	static struct amdvi second;
	struct pci_function *function;

	machine_x2apic = true;
	bed_prepare(AMDVI_FEATURES | BIT(2), 0);
	second.features = features;
	second.np_cache = true;
	amdvi_add(&second);
	function = machine_function(0, 0, 1, 2, NULL);
	memcpy(machine_config(function), machine_config(bed_unit_function), 256);
	machine_ivrs.unit_count = 2;
	machine_ivrs.units[1] = (struct ivrs_unit){
	        .type = 0x11,
	        .device_id = (uint16_t)function->bdf,
	        .capability = 0x40,
	        .registers = paddr(AMDVI_BASE + AMDVI_SIZE),
	        .device_count = 1,
	        .devices = {{.first = 0x30, .last = 0x30}},
	};
	bed_start();
	cr_expect(second.control & 1);
	cr_expect_eq(!(bed_amdvi.control & BIT(50)), !(second.control & BIT(50)), "of one mind");
	cr_expect_eq(iommu_interrupts_extended(), !!(second.control & BIT(50)));
}

Test(amd_remap, S6_all_units_are_extended_when_each_can_be)
{
	begin_two(AMDVI_FEATURES | BIT(2));
	cr_expect(iommu_interrupts_extended());
}

Test(amd_remap, S6_no_unit_is_extended_when_another_cannot)
{
	begin_two(AMDVI_FEATURES);
	cr_expect_not(iommu_interrupts_extended());
}

Test(amd_remap, level_interrupts_say_so_themselves)
{
	check_remap(AMDVI_FEATURES, true);
}

Test(amd_remap, attached_requester_keeps_its_table_and_its_entries)
{
	uint64_t target;
	uint32_t index, apic;
	uint8_t vector;

	bed_begin(0);
	cr_assert_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE}, (vector_t){0x60}, false, &index),
	        0);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x1000, 0x300000, 0x1000, RW), 0);
	cr_expect_eq(amdvi_interrupt(&bed_amdvi, BED_SOURCE, 0x60, &vector, &apic), AMDVI_OK);
	cr_expect_eq(bed_reach(BED_SOURCE, 0x1000, true, &target), 0);
}

/* Each entry of the table, in both formats: what is written is in no other entry's place. */
static void check_every_vector(uint64_t features)
{
	uint32_t index, apic;
	uint8_t vector;

	bed_prepare(features, BED_COHERENT);
	bed_start();
	for (uint16_t i = 0x20; i < 0x100; i++) {
		cr_assert_eq(iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE},
		                               (vector_t){(uint8_t)i}, false, &index),
		             0);
		bed_amdvi.write_count = bed_amdvi.command_count = 0;
	}
	for (uint16_t i = 0; i < 0x100; i++) {
		unsigned int code = amdvi_interrupt(&bed_amdvi, BED_SOURCE, i, &vector, &apic);

		bed_forget_faults();
		cr_assert_eq(code, i < 0x20 ? AMDVI_PAGE_FAULT : AMDVI_OK, "%u", i);
		cr_assert(i < 0x20 || (vector == i && apic == MACHINE_APIC_ID));
	}
}

Test(amd_remap, every_wide_entry)
{
	check_every_vector(AMDVI_FEATURES);
}

Test(amd_remap, every_narrow_entry)
{
	check_every_vector(AMDVI_FEATURES & ~AMDVI_FEATURE_WIDE);
}

Test(amd_remap, without_a_unit_is_an_error)
{
	uint32_t index;

	cr_expect_eq(iommu_remap_alloc(NULL, (rid_t){1}, (vector_t){0x40}, false, &index), -ENODEV);
}

Test(amd_remap, no_memory_for_a_table_changes_nothing)
{
	uint32_t index;

	bed_begin(0);
	fake_page_fail(1);
	cr_expect_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE}, (vector_t){0x60}, false, &index),
	        -ENOMEM);
	fake_page_fail(0);
	cr_expect_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE}, (vector_t){0x60}, false, &index),
	        0);
}
