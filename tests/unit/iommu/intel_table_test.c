// SPDX-License-Identifier: MIT
/* Who reaches what through the tables of a VT-d unit, and what these look like. */
#include <criterion/criterion.h>
#include <tests/unit/iommu/intel_bed.h>
#include <tests/unit/iommu/batches.h>

#include <arch/percpu.h>
#include <cordon/errno.h>
#include <drivers/iommu/intel/intel.h>
#include <kernel/account.h>
#include <kernel/cmdline.h>

#define BIT(n) (UINT64_C(1) << (n))

/* --- reach (S1, S2) -------------------------------------------------------------------------- */

Test(reach, S2_device_reaches_what_is_mapped_with_its_rights)
{
	uint64_t target;

	bed_begin(VTD_CAP_39, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	cr_expect_eq(bed_reach(BED_SOURCE, 0x5000, false, &target), 6);
	cr_assert_eq(bed_map(domain, 0x5000, 0x9000, 0x1000, CORDON_DMA_READ), 0);
	cr_expect_eq(bed_reach(BED_SOURCE, 0x5123, false, &target), 0);
	cr_expect_eq(target, 0x9123);
	cr_expect_eq(bed_reach(BED_SOURCE, 0x5123, true, &target), 5);
	cr_expect_eq(bed_reach(BED_SOURCE, 0x6000, false, &target), 6);
	cr_expect_eq(bed_reach(BED_NEIGHBOUR, 0x5000, false, &target), 2, "another requester");
	cr_expect_eq(bed_reach(0x0118, 0x5000, false, &target), 1, "another bus");
	cr_assert_eq(bed_unmap(domain, 0x5000, 0x1000), 0);
	cr_expect_eq(bed_reach(BED_SOURCE, 0x5123, false, &target), 6);
}

Test(reach, S1_detached_requester_reaches_nothing)
{
	uint64_t target;

	bed_begin(VTD_CAP_48, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x5000, 0x9000, 0x1000, RW), 0);
	cr_assert_eq(bed_reach(BED_SOURCE, 0x5000, true, &target), 0);
	unsigned int drained = bed_vtd.drained;
	cr_assert_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_expect_eq(bed_reach(BED_SOURCE, 0x5000, true, &target), 2);
	cr_expect_gt(bed_vtd.drained, drained, "accesses in flight were not drained");
}

Test(reach, attaching_is_seen_where_absence_is_cached)
{
	uint64_t target;

	bed_begin(VTD_CAP_39 | VTD_CAP_CM, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x1000, 0x9000, 0x1000, RW), 0);
	cr_assert_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_expect_eq(bed_reach(BED_SOURCE, 0x1000, true, &target), 2);
	cr_assert_eq(iommu_attach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_expect_eq(bed_reach(BED_SOURCE, 0x1000, true, &target), 0);
	bed_forget_faults();
}

Test(reach, functions_that_share_an_id_leave_one_by_one)
{
	uint64_t target;

	bed_begin(VTD_CAP_39, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(iommu_attach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_assert_eq(bed_map(domain, 0, 0x9000, 0x1000, RW), 0);
	cr_assert_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_expect_eq(bed_reach(BED_SOURCE, 0, true, &target), 0);
	cr_assert_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_expect_eq(bed_reach(BED_SOURCE, 0, true, &target), 2);
}

Test(reach, requester_is_in_one_domain_only)
{
	struct iommu_domain *other;

	bed_begin(VTD_CAP_39, VTD_ECAP);
	bed_domain();
	other = bed_new_domain();
	cr_expect_eq(iommu_attach(other, bed.unit, 0, (rid_t){BED_SOURCE}), -EBUSY);
}

Test(reach, domains_see_their_own_mappings_only)
{
	struct iommu_domain *other;
	uint64_t target;

	bed_begin(VTD_CAP_39, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	other = bed_new_domain();
	cr_assert_eq(iommu_attach(other, bed.unit, 0, (rid_t){BED_NEIGHBOUR}), 0);
	cr_assert_eq(bed_map(domain, 0x1000, 0x5000, 0x1000, RW), 0);
	cr_assert_eq(bed_map(other, 0x1000, 0x6000, 0x1000, RW), 0);
	cr_expect_eq(bed_reach(BED_SOURCE, 0x1000, true, &target), 0);
	cr_expect_eq(target, 0x5000);
	cr_expect_eq(bed_reach(BED_NEIGHBOUR, 0x1000, true, &target), 0);
	cr_expect_eq(target, 0x6000);
	/* An unmap in one does not disturb the other. */
	cr_assert_eq(bed_unmap(domain, 0x1000, 0x1000), 0);
	cr_expect_eq(bed_reach(BED_SOURCE, 0x1000, true, &target), 5);
	cr_expect_eq(bed_reach(BED_NEIGHBOUR, 0x1000, true, &target), 0);
}

Test(reach, forced_snooping_only_where_the_unit_has_it)
{
	bed_begin(VTD_CAP_39, VTD_ECAP | BIT(7));
	struct iommu_domain *domain = bed_domain();
	uint64_t target;
	/* The model takes bit 11 for reserved unless ECAP.SC. */
	cr_assert_eq(bed_map(domain, 0x1000, 0x5000, 0x1000, RW), 0);
	cr_expect_eq(bed_reach(BED_SOURCE, 0x1000, true, &target), 0);
	cr_expect(iommu_domain_coherent(domain));
	const uint64_t *entries = phys_to_virt(domain->table.root);
	entries = phys_to_virt(paddr(entries[0] & ~UINT64_C(0xfff)));
	entries = phys_to_virt(paddr(entries[0] & ~UINT64_C(0xfff)));
	cr_expect_eq(entries[1], 0x5000 | BIT(11) | 3);
}

Test(reach, context_entry_is_as_the_specification_says)
{
	bed_begin(VTD_CAP_48, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	const struct intel_unit *unit = intel_unit_of(bed.unit);
	const uint64_t *root = (const uint64_t *)unit->root;
	const uint64_t *entry = phys_to_virt(paddr(root[0] & ~UINT64_C(0xfff)));

	cr_expect_eq(root[0] & 0xfff, 1);
	cr_expect_eq(root[1], 0);
	entry += 2 * BED_SOURCE;
	cr_expect_eq(entry[0], domain->table.root.raw | 1);
	cr_expect_eq(entry[1], (uint64_t)domain->id << 8 | 2);
	cr_expect_neq(domain->id, 0, "id 0 is what absence is cached under");
}

/* --- how wide an IOVA is --------------------------------------------------------------------- */

/* sagaw: what the unit offers; the address width (AW) of the context entry, and what is reached at
 * both ends. */
static void check_width(uint64_t sagaw, const char *option, unsigned int bits, unsigned int width)
{
	const uint64_t last = (UINT64_C(1) << bits) - PAGE_SIZE;
	const uint64_t mgaw = sagaw & 8 ? 57 : sagaw & 4 ? 48 : 39;
	struct iommu_domain *domain;
	const uint64_t *root, *entry;
	uint64_t target;

	cmdline_init(option);
	bed_prepare((VTD_CAP_39 & ~(UINT64_C(0x3f) << 16 | UINT64_C(0x1f) << 8)) |
	                    (mgaw - 1) << 16 | sagaw << 8,
	            VTD_ECAP | BIT(0));
	bed_start();
	domain = bed_domain();
	cr_expect_eq(iommu_domain_address_bits(domain), bits);
	root = (const uint64_t *)intel_unit_of(bed.unit)->root;
	entry = phys_to_virt(paddr(root[0] & ~UINT64_C(0xfff)));
	cr_expect_eq(entry[2 * BED_SOURCE + 1] & 7, width);
	cr_assert_eq(bed_map(domain, last, 0x300000, PAGE_SIZE, RW), 0);
	cr_assert_eq(bed_map(domain, 0, 0x400000, PAGE_SIZE, RW), 0);
	cr_expect_eq(bed_reach(BED_SOURCE, last + 5, true, &target), 0);
	cr_expect_eq(target, 0x300005);
	cr_expect_neq(bed_reach(BED_SOURCE, last + PAGE_SIZE + 5, true, &target), 0);
}

Test(width, is_what_the_unit_has)
{
	check_width(2, "", 39, 1);
}

Test(width, of_48_bits_is_asked_for_without_a_word)
{
	check_width(2 | 4 | 8, "", 48, 2);
}

Test(width, that_is_asked_for_takes_as_many_levels_as_cover_it)
{
	check_width(2 | 4 | 8, "iommu.bits=32", 32, 1);
}

Test(width, of_57_bits)
{
	check_width(2 | 4 | 8, "iommu.bits=63", 57, 3);
}

Test(width, that_is_asked_for_is_not_exceeded_where_there_are_more_levels_only)
{
	check_width(8, "", 48, 3);
}

/* --- ids (S3) -------------------------------------------------------------------------------- */

Test(ids, S3_come_again_only_after_a_flush_under_the_old_id)
{
	struct iommu_domain *domain;
	uint64_t target;

	/* Sixteen ids (ND 0), of which 0 is not used. */
	bed_begin(VTD_CAP_39 & ~UINT64_C(7), VTD_ECAP);
	for (unsigned int round = 0; round < 100; round++) {
		domain = bed_domain();
		cr_assert_lt(domain->id, 16);
		uint64_t base = 0x10000 + round * PAGE_SIZE;
		cr_assert_eq(bed_map(domain, 0x1000, base, 0x1000, RW), 0);
		cr_assert_eq(bed_reach(BED_SOURCE, 0x1000, true, &target), 0);
		cr_assert_eq(target, base, "an older domain's translation came alive");
		cr_assert_eq(bed_unmap(domain, 0x1000, 0x1000), 0);
		cr_assert_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
		unsigned int flushes = bed_vtd.drained;
		uint32_t id = domain->id;
		iommu_domain_destroy(domain);
		cr_assert_eq(bed_vtd.drained, flushes + 1, "none since the last requester left");
		struct vtd_descriptor last = bed_last_descriptor();
		cr_assert_eq(last.low & 0x3f, 0x22, "no domain-selective invalidation");
		cr_assert_eq(last.low >> 16, id, "of another id");
	}
}

Test(ids, run_out_with_an_error)
{
	struct iommu_domain *domains[16];

	bed_begin(VTD_CAP_39 & ~UINT64_C(7), VTD_ECAP);
	for (unsigned int i = 0; i < 15; i++)
		domains[i] = bed_new_domain();
	uint64_t frames = fake_pages_used();
	cr_expect_eq(iommu_domain_create(bed.unit, bed.account, &domains[15]), -ENOSPC);
	cr_expect_eq(fake_pages_used(), frames);
	iommu_domain_destroy(domains[3]);
	bed_new_domain();
}

/* --- everything at random, on units of all kinds --------------------------------------------- */

static unsigned int batches_access(uint64_t address, bool write, uint64_t *target)
{
	return bed_reach(BED_SOURCE, address, write, target);
}

static void batches_forget(void)
{
	bed_forget_faults();
	bed_vtd.descriptor_count = bed_vtd.write_count = 0;
}

static void run(uint64_t cap, uint64_t ecap, uint64_t seed)
{
	bed_begin(cap, ecap);
	const struct batches_device device = {bed_domain(), batches_access, batches_forget};
	batches_run(&device, seed);
	cr_assert_eq(iommu_detach(device.domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	iommu_domain_destroy(device.domain);
	cr_expect_eq(bed.account->used[CHARGE_KERNEL], ACCOUNT_OWN_MEMORY);
	cr_expect_eq(percpu()->obligations, 0);
}

Test(reach_random, walks_that_do_not_snoop_39)
{
	run(VTD_CAP_39, VTD_ECAP, 1);
}

Test(reach_random, walks_that_do_not_snoop_48)
{
	run(VTD_CAP_48, VTD_ECAP, 2);
}

Test(reach_random, walks_that_snoop)
{
	run(VTD_CAP_48, VTD_ECAP | VTD_ECAP_C, 3);
}

Test(reach_random, caching_mode)
{
	run(VTD_CAP_39 | VTD_CAP_CM, VTD_ECAP, 4);
}

Test(reach_random, no_page_selection)
{
	run(VTD_CAP_39 & ~BIT(39), VTD_ECAP, 5);
}

Test(reach_random, small_leaves_only)
{
	run(VTD_CAP_39 & ~(BIT(34) | BIT(35)), VTD_ECAP, 6);
}

Test(reach_random, small_masks_only)
{
	run((VTD_CAP_48 & ~(UINT64_C(0x3f) << 48)) | UINT64_C(4) << 48, VTD_ECAP, 7);
}

Test(reach_random, write_buffer_flush)
{
	run(VTD_CAP_39 | BIT(4), VTD_ECAP, 8);
	cr_expect_geq(bed_write_index(0, 0x18, 0x08000000u, 0x08000000u), 0);
}
