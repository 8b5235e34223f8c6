// SPDX-License-Identifier: MIT
/* Interrupt remapping by a VT-d unit (S6). */
#include <criterion/criterion.h>
#include <tests/unit/iommu/intel_bed.h>

#include <cordon/errno.h>
#include <drivers/iommu/intel/intel.h>
#include <sys/wait.h>
#include <unistd.h>

#define BIT(n) (UINT64_C(1) << (n))

Test(remap, S6_extended_entry_names_a_cpu_by_32_bits)
{
	uint32_t index, apic;
	uint8_t vector;
	bool level;

	machine_x2apic = true;
	bed_begin(VTD_CAP_39, VTD_ECAP | BIT(4));
	cr_assert(iommu_interrupts_extended());
	cr_assert_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE}, (vector_t){0x51}, false, &index),
	        0);
	cr_assert_eq(vtd_interrupt(&bed_vtd, BED_SOURCE, (uint16_t)index, &vector, &apic, &level),
	             0);
	cr_expect_eq(vector, 0x51);
	cr_expect_eq(apic, MACHINE_X2APIC_ID);
}

Test(remap, entries_stay_short_where_the_unit_the_cpus_or_firmware_do_not_want_long_ones)
{
	for (int i = 0; i < 3; i++) {
		pid_t child = machine_fork();

		if (child == 0) {
			machine_x2apic = i != 0;
			bed_prepare(VTD_CAP_39, i != 1 ? VTD_ECAP | BIT(4) : VTD_ECAP);
			machine_dmar.x2apic_opt_out = i == 2;
			bed_start();
			_exit(iommu_interrupts_extended() || (bed_vtd.irta & BIT(11)));
		}
		int status;
		waitpid(child, &status, 0);
		cr_expect_eq(status, 0, "%d", i);
	}
}

/* With a second unit, whose capabilities are ecap. */
static void begin_two(uint64_t ecap)
{
	static struct vtd second;

	machine_x2apic = true;
	bed_prepare(VTD_CAP_39, VTD_ECAP | BIT(4));
	second.cap = VTD_CAP_39;
	second.ecap = ecap;
	vtd_add(&second);
	machine_dmar.unit_count = 2;
	machine_dmar.units[1].registers = paddr(VTD_BASE + VTD_SIZE);
	machine_dmar.units[1].scope_count = 1;
	machine_dmar.units[1].scopes[0] = (struct dmar_scope){
	        .type = DMAR_SCOPE_ENDPOINT, .path_length = 1, .path = {{5, 0}}};
	bed_start();
	cr_expect_eq(!(bed_vtd.irta & BIT(11)), !(second.irta & BIT(11)), "of one mind");
	cr_expect_eq(iommu_interrupts_extended(), !!(second.irta & BIT(11)));
}

Test(remap, S6_all_units_are_extended_when_each_can_be)
{
	begin_two(VTD_ECAP | BIT(4));
	cr_expect(iommu_interrupts_extended());
}

Test(remap, S6_no_unit_is_extended_when_another_cannot)
{
	begin_two(VTD_ECAP);
	cr_expect_not(iommu_interrupts_extended());
}

Test(remap, S6_no_unit_is_extended_beside_one_that_remaps_nothing)
{
	begin_two((VTD_ECAP | BIT(4)) & ~BIT(3));
	cr_expect_not(iommu_interrupts_extended());
}

Test(remap, S6_entry_is_for_one_source_one_vector_one_cpu)
{
	uint32_t index, apic;
	uint8_t vector;
	bool level;

	bed_begin(VTD_CAP_39, VTD_ECAP);
	cr_assert_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE}, (vector_t){0x51}, false, &index),
	        0);
	const uint64_t *irte = (const uint64_t *)&intel_unit_of(bed.unit)->irtes[index];
	cr_expect_eq(irte[0], UINT64_C(0x0000030000510001), "%#llx", (unsigned long long)irte[0]);
	cr_expect_eq(irte[1], UINT64_C(0x00040018));
	cr_assert_eq(vtd_interrupt(&bed_vtd, BED_SOURCE, (uint16_t)index, &vector, &apic, &level),
	             0);
	cr_expect_eq(vector, 0x51);
	cr_expect_eq(apic, MACHINE_APIC_ID);
	cr_expect_not(level);
	cr_expect_eq(
	        vtd_interrupt(&bed_vtd, BED_NEIGHBOUR, (uint16_t)index, &vector, &apic, &level),
	        0x26);
	cr_assert_eq(iommu_remap_free(bed.unit, index), 0);
	cr_expect_eq(vtd_interrupt(&bed_vtd, BED_SOURCE, (uint16_t)index, &vector, &apic, &level),
	             0x22);
}

Test(remap, level_triggered_entry)
{
	uint32_t index, apic;
	uint8_t vector;
	bool level;

	bed_begin(VTD_CAP_39, VTD_ECAP);
	cr_assert_eq(iommu_remap_alloc(bed.unit, (rid_t){0xff00}, (vector_t){0x40}, true, &index),
	             0);
	cr_assert_eq(vtd_interrupt(&bed_vtd, 0xff00, (uint16_t)index, &vector, &apic, &level), 0);
	cr_expect(level);
}

Test(remap, entries_run_out_with_an_error)
{
	uint32_t index, count = 0;

	bed_begin(VTD_CAP_39, VTD_ECAP);
	for (;; count++) {
		bed_vtd.descriptor_count = bed_vtd.write_count = 0;
		int error = iommu_remap_alloc(bed.unit, (rid_t){1}, (vector_t){0x40}, false,
		                              &index);
		if (error) {
			cr_expect_eq(error, -ENOSPC);
			break;
		}
	}
	cr_expect_eq(count, bed_vtd.irte_count);
}

Test(remap, without_a_unit_is_an_error)
{
	uint32_t index;

	cr_expect_eq(iommu_remap_alloc(NULL, (rid_t){1}, (vector_t){0x40}, false, &index), -ENODEV);
}
