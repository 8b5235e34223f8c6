// SPDX-License-Identifier: MIT
/* Bringing a VT-d unit up: what it must offer, the order of the take-over, who is covered. */
#include <criterion/criterion.h>
#include <tests/unit/iommu/intel_bed.h>

#include <cordon/errno.h>
#include <kernel/cmdline.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BIT(n) (UINT64_C(1) << (n))

Test(start, unit_of_39_bits_is_usable)
{
	struct cordon_iommu_desc desc;
	const char *why;

	bed_prepare(VTD_CAP_39, VTD_ECAP);
	bed_start();
	cr_assert(iommu_usable(&why), "%s", why);
	cr_assert(iommu_describe(0, &desc));
	cr_expect_not(iommu_describe(1, &desc) && desc.usable);
	cr_assert(iommu_describe(0, &desc));
	cr_expect_eq(desc.vendor, CORDON_IOMMU_INTEL);
	cr_expect_eq(desc.usable, 1);
	cr_expect_eq(desc.registers, VTD_BASE);
	cr_expect_eq(desc.address_bits, 39);
	cr_expect_eq(desc.levels, 3);
	cr_expect_eq(desc.translation, 1);
	cr_expect_eq(desc.remapping, 1);
	cr_expect_eq(desc.page_sizes, 0x40201000);
	/* TES, RTPS, QIES, IRES, IRTPS, and not CFIS. */
	cr_expect_eq(bed_vtd.gsts, 0xc7000000u, "%#x", bed_vtd.gsts);
	cr_expect_eq(bed_vtd.fectl, 0, "the fault interrupt is not masked");
	cr_expect_eq(bed_vtd.feaddr, 0xfee00000u | MACHINE_APIC_ID << 12);
	cr_expect_eq(bed_vtd.fedata, MACHINE_FIRST_VECTOR);
	cr_expect_null(bed.function->refused);
	cr_expect_eq(bed.function->iommu, bed.unit);
	cr_expect(iommu_unit_alive(bed.unit));
}

Test(start, unit_of_48_bits_walks_4_levels)
{
	struct cordon_iommu_desc desc;

	bed_prepare(VTD_CAP_48, VTD_ECAP);
	bed_start();
	cr_assert(iommu_describe(0, &desc));
	cr_expect_eq(desc.usable, 1);
	cr_expect_eq(desc.address_bits, 48);
	cr_expect_eq(desc.levels, 4);
}

Test(start, widths_below_the_tables_width_limit_the_iova)
{
	struct cordon_iommu_desc desc;

	/* MGAW 42 bits with 4 levels. */
	bed_prepare((VTD_CAP_48 & ~(UINT64_C(0x3f) << 16)) | UINT64_C(41) << 16, VTD_ECAP);
	bed_start();
	cr_assert(iommu_describe(0, &desc));
	cr_expect_eq(desc.address_bits, 42);
}

Test(start, large_leaves_only_where_the_unit_has_them)
{
	struct cordon_iommu_desc desc;

	bed_prepare(VTD_CAP_39 & ~BIT(35), VTD_ECAP);
	bed_start();
	cr_assert(iommu_describe(0, &desc));
	cr_expect_eq(desc.page_sizes, 0x201000);
}

Test(start, S1_every_requester_is_blocked)
{
	uint64_t target;

	bed_prepare(VTD_CAP_39, VTD_ECAP);
	bed_start();
	for (unsigned int source = 0; source < 0x10000; source += 7)
		cr_assert_eq(vtd_walk(&bed_vtd, (uint16_t)source, 0x1000, false, &target), 1);
}

Test(start, S6_every_interrupt_entry_is_absent)
{
	uint8_t vector;
	uint32_t apic;
	bool level;

	bed_prepare(VTD_CAP_39, VTD_ECAP);
	bed_start();
	cr_expect_geq(bed_vtd.irte_count, 256);
	for (unsigned int i = 0; i < bed_vtd.irte_count; i++)
		cr_assert_eq(vtd_interrupt(&bed_vtd, 0, (uint16_t)i, &vector, &apic, &level), 0x22);
}

/* S1: in this order, whatever was on. */
Test(start, S1_unit_that_was_on_is_taken_over_in_order)
{
	bed_prepare(VTD_CAP_39 | BIT(5) | BIT(6), VTD_ECAP);
	bed_vtd.gsts = 0x80000000u | 0x04000000u | 0x02000000u | 0x00800000u; /* TE QIE IRE CFI */
	bed_vtd.pmen = 0x80000001u;
	bed_vtd.iqh = bed_vtd.iqt = 0x40; /* an empty queue, its tail not at zero */
	bed_start();
	cr_assert(iommu_usable(NULL));

	int ire_off = bed_write_index(0, 0x18, 0x02000000u, 0);
	int qie_off = bed_write_index(0, 0x18, 0x04000000u, 0);
	int te_off = bed_write_index(0, 0x18, 0x80000000u, 0);
	int regions_off = bed_write_index(0, 0x64, UINT64_MAX, 0);
	int cfi_off = bed_write_index(0, 0x18, 0x00800000u, 0);
	cr_assert(ire_off >= 0 && regions_off >= 0 && cfi_off >= 0);
	cr_expect(ire_off < qie_off && qie_off < te_off && te_off < regions_off,
	          "remapping %d, queue %d, translation %d, regions %d", ire_off, qie_off, te_off,
	          regions_off);

	/* Then ours: queue with its tail at zero, remapping table, roots, translation last. */
	size_t from = (size_t)(regions_off > cfi_off ? regions_off : cfi_off);
	int tail = bed_write_index(from, 0x88, UINT64_MAX, 0);
	int qie_on = bed_write_index(from, 0x18, 0x04000000u, 0x04000000u);
	int sirtp = bed_write_index(from, 0x18, 0x01000000u, 0x01000000u);
	int ire_on = bed_write_index(from, 0x18, 0x02000000u, 0x02000000u);
	int srtp = bed_write_index(from, 0x18, 0x40000000u, 0x40000000u);
	int te_on = bed_write_index(from, 0x18, 0x80000000u, 0x80000000u);
	cr_expect(tail >= 0 && tail < qie_on && qie_on < sirtp && sirtp < ire_on &&
	                  ire_on < te_on && qie_on < srtp && srtp < te_on,
	          "tail %d queue %d table %d remapping %d roots %d translation %d", tail, qie_on,
	          sirtp, ire_on, srtp, te_on);
	cr_expect_eq(bed_vtd.gsts, 0xc7000000u);
}

Test(start, roots_and_entries_are_flushed_before_they_are_used)
{
	bool context = false, iotlb = false, entries = false;

	bed_prepare(VTD_CAP_39, VTD_ECAP);
	bed_start();
	for (size_t i = 0; i < bed_vtd.descriptor_count; i++) {
		uint64_t low = bed_vtd.descriptors[i].low;

		context |= (low & 0x3f) == 0x11;
		iotlb |= (low & 0x3f) == 0x12 && context;
		entries |= (low & 0x1f) == 0x04;
	}
	cr_expect(context, "no global context invalidation");
	cr_expect(iotlb, "no global IOTLB invalidation after it");
	cr_expect(entries, "no global invalidation of interrupt entries");
	/* The last register write before TE is the tail of a confirmed invalidation. */
	int te_on = bed_write_index(0, 0x18, 0x80000000u, 0x80000000u);
	cr_expect_eq(bed_vtd.writes[te_on - 1].offset, 0x88);
}

Test(start, old_faults_are_dropped)
{
	struct iommu_fault fault;
	uint64_t lost = 0;

	bed_prepare(VTD_CAP_39, VTD_ECAP);
	vtd_record(&bed_vtd, 1, 0x1000, true, 5);
	vtd_record(&bed_vtd, 2, 0x1000, true, 5);
	bed_start();
	cr_expect_eq(bed_vtd.fsts & 3, 0);
	cr_expect_not(bed.unit->ops->fault_read(bed.unit, &fault, &lost));
	cr_expect_eq(lost, 0);
}

/* --- no usable IOMMU: point by point ---------------------------------------------------------- */

Test(start, no_table_no_devices)
{
	bed_prepare(VTD_CAP_39, VTD_ECAP);
	machine_has_dmar = false;
	bed_start();
	bed_assert_refused("no IOMMU");
	cr_expect_str_eq(bed.function->refused, "no IOMMU covers it");
	cr_expect_eq(bed_vtd.write_count, 0);
}

Test(start, translation_that_the_unit_does_not_offer)
{
	bed_prepare(VTD_CAP_39 & ~(UINT64_C(0x1f) << 8), VTD_ECAP);
	bed_start();
	bed_assert_refused("translation");
	cr_expect_eq(bed_vtd.gsts & 0x80000000u, 0);
}

Test(start, translation_that_stays_off)
{
	bed_prepare(VTD_CAP_39, VTD_ECAP);
	bed_vtd.stuck = 0x80000000u;
	bed_start();
	bed_assert_refused("translation");
}

Test(start, remapping_that_the_unit_does_not_offer)
{
	uint32_t index;

	bed_prepare(VTD_CAP_39, VTD_ECAP & ~BIT(3));
	bed_start();
	bed_assert_refused("interrupt remapping");
	/* Blocked all the same: translation is on. */
	cr_expect(bed_vtd.gsts & 0x80000000u);
	cr_expect_eq(iommu_remap_alloc(bed.unit, (rid_t){1}, (vector_t){0x40}, false, &index),
	             -ENODEV);
	struct iommu_domain *domain;
	cr_expect_eq(iommu_domain_create(bed.unit, NULL, &domain), -ENODEV);
}

Test(start, remapping_that_firmware_does_not_allow)
{
	bed_prepare(VTD_CAP_39, VTD_ECAP);
	machine_dmar.interrupt_remapping = false;
	bed_start();
	bed_assert_refused("interrupt remapping");
}

Test(start, remapping_that_stays_off)
{
	bed_prepare(VTD_CAP_39, VTD_ECAP);
	bed_vtd.stuck = 0x02000000u;
	bed_start();
	bed_assert_refused("interrupt remapping");
}

Test(start, kernel_option)
{
	bed_prepare(VTD_CAP_39, VTD_ECAP);
	cmdline_init("iommu=off");
	bed_start();
	bed_assert_refused("iommu=off");
	cr_expect_eq(bed_vtd.write_count, 0, "a unit that is not to be used was touched");
}

Test(start, malformed_table)
{
	bed_prepare(VTD_CAP_39, VTD_ECAP);
	machine_dmar_error = -EINVAL;
	bed_start();
	bed_assert_refused("malformed");
}

Test(start, table_too_large)
{
	bed_prepare(VTD_CAP_39, VTD_ECAP);
	machine_dmar_error = -E2BIG;
	bed_start();
	bed_assert_refused("the DMAR table names more than there is room for");
}

Test(start, registers_of_ones)
{
	bed_prepare(UINT64_MAX, UINT64_MAX);
	bed_vtd.version = UINT32_MAX;
	bed_start();
	bed_assert_refused("make no sense");
}

Test(start, registers_that_cannot_be_mapped)
{
	bed_prepare(VTD_CAP_39, VTD_ECAP);
	machine_dmar.units[0].registers = paddr(UINT64_C(0xfeb00000));
	bed_start();
	bed_assert_refused("cannot be mapped");
}

Test(start, no_queue)
{
	bed_prepare(VTD_CAP_39, VTD_ECAP & ~BIT(1));
	bed_start();
	bed_assert_refused("queued invalidation");
}

Test(start, queue_that_stays_off)
{
	bed_prepare(VTD_CAP_39, VTD_ECAP);
	bed_vtd.stuck = 0x04000000u;
	bed_start();
	bed_assert_refused("queue");
}

Test(start, queue_that_never_answers)
{
	bed_prepare(VTD_CAP_39, VTD_ECAP);
	bed_vtd.queue_stalled = true;
	bed_start();
	bed_assert_refused("stopped answering");
}

Test(start, old_translation_that_does_not_go_off)
{
	bed_prepare(VTD_CAP_39, VTD_ECAP);
	bed_vtd.gsts = 0x80000000u;
	bed_vtd.stuck_off = 0x80000000u;
	bed_start();
	bed_assert_refused("does not go off");
	cr_expect_eq(bed_write_index(0, 0x20, 0, 0), -1, "its roots were replaced all the same");
}

Test(start, old_queue_that_never_empties)
{
	bed_prepare(VTD_CAP_39, VTD_ECAP);
	bed_vtd.gsts = 0x04000000u;
	bed_vtd.iqt = 0x40;
	bed_vtd.queue_stalled = true;
	bed_start();
	bed_assert_refused("does not go off");
}

Test(start, protected_memory_that_is_not_released)
{
	bed_prepare(VTD_CAP_39 | BIT(5), VTD_ECAP);
	bed_vtd.pmen = 0x80000001u;
	bed_vtd.pmen_stuck = true;
	bed_start();
	bed_assert_refused("does not go off");
}

Test(start, unit_that_cannot_drain)
{
	bed_prepare(VTD_CAP_39 & ~BIT(54), VTD_ECAP);
	bed_start();
	bed_assert_refused("drain");
}

Test(start, memory_beyond_its_reach)
{
	bed_prepare(VTD_CAP_39, VTD_ECAP);
	machine_dmar.host_address_width = 32; /* RAM goes up to 8 GiB */
	bed_start();
	bed_assert_refused("memory lies beyond");
}

Test(start, no_memory_for_tables)
{
	for (unsigned int n = 1; n <= 4; n++) {
		pid_t child = machine_fork();

		if (child == 0) {
			bed_prepare(VTD_CAP_39, VTD_ECAP);
			fake_page_fail(n);
			bed_start();
			_exit(strstr(bed_why_unusable(), "memory") ? 0 : 1);
		}
		int status;
		waitpid(child, &status, 0);
		cr_expect_eq(status, 0, "allocation %u", n);
	}
}

Test(start, table_of_the_other_vendor_is_read_when_there_is_none_of_this)
{
	bed_prepare(VTD_CAP_39, VTD_ECAP);
	machine_has_dmar = false;
	machine_has_ivrs = true;
	machine_ivrs_error = -EINVAL;
	bed_start();
	bed_assert_refused("the IVRS table is malformed");
}

Test(start, no_vector_for_faults_is_no_reason_to_refuse)
{
	bed_prepare(VTD_CAP_39, VTD_ECAP);
	machine_irq_error = -ENOSPC;
	bed_start();
	cr_expect(iommu_usable(NULL));
	cr_expect(bed_vtd.fectl & 0x80000000u);
}
