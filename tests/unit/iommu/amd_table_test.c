// SPDX-License-Identifier: MIT
/* Who reaches what through the tables of an AMD-Vi unit, and what these look like. */
#include <criterion/criterion.h>
#include <tests/unit/iommu/amd_bed.h>
#include <tests/unit/iommu/batches.h>

#include <arch/percpu.h>
#include <cordon/errno.h>
#include <drivers/iommu/amd/amd.h>
#include <kernel/account.h>
#include <kernel/cmdline.h>

#define BIT(n) (UINT64_C(1) << (n))

/* --- reach ----------------------------------------------------------------------------------- */

Test(amd_reach, device_reaches_what_is_mapped_with_its_rights)
{
	uint64_t target;

	bed_begin(0);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x1000, 0x300000, 0x1000, CORDON_DMA_READ), 0);
	cr_assert_eq(bed_map(domain, 0x2000, 0x301000, 0x1000, CORDON_DMA_WRITE), 0);
	cr_assert_eq(bed_map(domain, 0x200000, 0x400000, 0x200000, RW), 0);
	cr_expect_eq(bed_reach(BED_SOURCE, 0x1234, false, &target), 0);
	cr_expect_eq(target, 0x300234);
	cr_expect_eq(bed_reach(BED_SOURCE, 0x1234, true, &target), AMDVI_PAGE_FAULT);
	cr_expect_eq(bed_reach(BED_SOURCE, 0x2234, true, &target), 0);
	cr_expect_eq(target, 0x301234);
	cr_expect_eq(bed_reach(BED_SOURCE, 0x2234, false, &target), AMDVI_PAGE_FAULT);
	cr_expect_eq(bed_reach(BED_SOURCE, 0x3000, false, &target), AMDVI_PAGE_FAULT);
	cr_expect_eq(bed_reach(BED_SOURCE, 0x212345, true, &target), 0);
	cr_expect_eq(target, 0x412345);
	cr_expect_eq(bed_reach(BED_NEIGHBOUR, 0x1234, false, &target), AMDVI_PAGE_FAULT);
	cr_expect_eq(bed_reach(BED_SOURCE, BIT(48) | 0x1000, false, &target), AMDVI_PAGE_FAULT);
}

Test(amd_reach, detached_requester_reaches_nothing)
{
	uint64_t target;

	bed_begin(0);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x1000, 0x300000, 0x1000, RW), 0);
	cr_expect_eq(bed_reach(BED_SOURCE, 0x1000, true, &target), 0);
	cr_assert_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_expect_eq(bed_reach(BED_SOURCE, 0x1000, true, &target), AMDVI_PAGE_FAULT);
	cr_assert_eq(bed_unmap(domain, 0x1000, 0x1000), 0);
	iommu_domain_destroy(domain);
}

/* Else the unit would go on caching under the id, when another domain has it. */
Test(amd_reach, detached_requester_does_not_keep_the_domain_id)
{
	const uint64_t *entry;

	bed_begin(0);
	struct iommu_domain *domain = bed_domain();
	entry = phys_to_virt(paddr((bed_amdvi.device_table & ~UINT64_C(0xfff)) + BED_SOURCE * 32));
	cr_expect_eq(entry[1] & 0xffff, domain->id);
	cr_assert_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_expect_eq(entry[1], 0);
}

/* The model looks at each state that is written back; what snoops could see one that is not. */
Test(amd_reach, entry_changes_at_once)
{
	struct amd_device_entry *entry;

	bed_begin(0);
	struct iommu_domain *domain = bed_new_domain();
	entry = &amd_unit_of(bed.unit)->devices[BED_SOURCE];
	uint64_t stores = fake_pair_stores;
	cr_assert_eq(iommu_attach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_expect_eq(fake_pair_stores, stores + 1);
	cr_expect_eq(entry->domain, domain->id);
	cr_assert_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_expect_eq(fake_pair_stores, stores + 2);
	cr_expect_eq(entry->domain, 0);
}

Test(amd_reach, functions_that_share_an_id_leave_one_by_one)
{
	uint64_t target;

	bed_begin(0);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(iommu_attach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_assert_eq(bed_map(domain, 0, 0x300000, 0x1000, RW), 0);
	cr_assert_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_expect_eq(bed_reach(BED_SOURCE, 0, true, &target), 0);
	cr_assert_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_expect_eq(bed_reach(BED_SOURCE, 0, true, &target), AMDVI_PAGE_FAULT);
}

Test(amd_reach, requester_is_in_one_domain_only)
{
	struct iommu_domain *other;

	bed_begin(0);
	bed_domain();
	other = bed_new_domain();
	cr_expect_eq(iommu_attach(other, bed.unit, 0, (rid_t){BED_SOURCE}), -EBUSY);
}

/* A blocked requester asked before: the unit remembers its entry. */
Test(amd_reach, attaching_is_seen_where_the_blocked_entry_is_cached)
{
	uint64_t target;

	bed_begin(0);
	cr_expect_eq(bed_reach(BED_SOURCE, 0x1000, true, &target), AMDVI_PAGE_FAULT);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x1000, 0x300000, 0x1000, RW), 0);
	cr_expect_eq(bed_reach(BED_SOURCE, 0x1000, true, &target), 0);
}

Test(amd_reach, domains_see_their_own_mappings_only)
{
	uint64_t target;

	bed_begin(0);
	struct iommu_domain *one = bed_domain(), *two = bed_new_domain();
	cr_assert_eq(iommu_attach(two, bed.unit, 0, (rid_t){BED_NEIGHBOUR}), 0);
	cr_assert_eq(bed_map(one, 0x1000, 0x300000, 0x1000, RW), 0);
	cr_assert_eq(bed_map(two, 0x1000, 0x400000, 0x1000, RW), 0);
	cr_expect_eq(bed_reach(BED_SOURCE, 0x1000, true, &target), 0);
	cr_expect_eq(target, 0x300000);
	cr_expect_eq(bed_reach(BED_NEIGHBOUR, 0x1000, true, &target), 0);
	cr_expect_eq(target, 0x400000);
	cr_assert_eq(bed_unmap(one, 0x1000, 0x1000), 0);
	cr_expect_eq(bed_reach(BED_SOURCE, 0x1000, true, &target), AMDVI_PAGE_FAULT);
	cr_expect_eq(bed_reach(BED_NEIGHBOUR, 0x1000, true, &target), 0);
}

/* --- encodings, against literal values -------------------------------------------------------- */

Test(amd_encoding, device_table_entry_of_a_domain)
{
	const uint64_t *entry;

	bed_begin(BED_COHERENT);
	struct iommu_domain *domain = bed_domain();
	entry = phys_to_virt(paddr((bed_amdvi.device_table & ~UINT64_C(0xfff)) + BED_SOURCE * 32));
	/* V, TV, mode 4, IR, IW. */
	cr_expect_eq(entry[0], UINT64_C(0x6000000000000803) | domain->table.root.raw);
	cr_expect_eq(entry[1], domain->id);
	cr_expect_eq(entry[2], 1);
	cr_expect_eq(entry[3], 0);
}

/* With a unit of so many levels and a domain of so many bits: the Mode in the device table entry,
 * and what is reached at both ends. */
static void check_width(uint64_t features, const char *option, unsigned int bits,
                        unsigned int levels)
{
	const uint64_t last = (UINT64_C(1) << bits) - PAGE_SIZE;
	struct iommu_domain *domain;
	const uint64_t *entry;
	uint64_t target;

	cmdline_init(option);
	bed_prepare(features, BED_COHERENT | BED_NO_ABSENT);
	bed_start();
	domain = bed_domain();
	cr_expect_eq(iommu_domain_address_bits(domain), bits);
	entry = (const uint64_t *)&amd_unit_of(bed.unit)->devices[BED_SOURCE];
	cr_expect_eq(entry[0] >> 9 & 7, levels);
	cr_assert_eq(bed_map(domain, last, 0x300000, PAGE_SIZE, RW), 0);
	cr_assert_eq(bed_map(domain, 0, 0x400000, PAGE_SIZE, RW), 0);
	cr_expect_eq(bed_reach(BED_SOURCE, last + 5, true, &target), AMDVI_OK);
	cr_expect_eq(target, 0x300005);
	cr_expect_eq(bed_reach(BED_SOURCE, 5, true, &target), AMDVI_OK);
	cr_expect_eq(target, 0x400005);
	cr_expect_neq(bed_reach(BED_SOURCE, last + PAGE_SIZE + 5, true, &target), AMDVI_OK);
}

Test(amd_width, levels_1)
{
	check_width(AMDVI_FEATURES, "iommu.bits=21", 21, 1);
}

Test(amd_width, levels_2)
{
	check_width(AMDVI_FEATURES, "iommu.bits=30", 30, 2);
}

Test(amd_width, levels_3)
{
	check_width(AMDVI_FEATURES, "iommu.bits=32", 32, 3);
}

Test(amd_width, levels_4_are_what_is_asked_for_without_a_word)
{
	check_width(AMDVI_FEATURES, "", 48, 4);
}

Test(amd_width, levels_5)
{
	check_width(AMDVI_FEATURES, "iommu.bits=57", 57, 5);
}

Test(amd_width, levels_6)
{
	check_width(AMDVI_FEATURES, "iommu.bits=63", 63, 6);
}

Test(amd_width, is_no_more_than_the_unit_has)
{
	check_width(AMDVI_FEATURES & ~AMDVI_FEATURE_HATS, "iommu.bits=63", 48, 4);
}

Test(amd_width, of_five_levels_at_most)
{
	check_width((AMDVI_FEATURES & ~AMDVI_FEATURE_HATS) | BIT(10), "iommu.bits=63", 57, 5);
}

Test(amd_encoding, page_table_entries_of_every_level)
{
	const uint64_t *table;

	bed_begin(BED_COHERENT);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0, UINT64_C(0x40000000), UINT64_C(0x40000000), RW), 0);
	cr_assert_eq(bed_map(domain, UINT64_C(0x40000000), 0x600000, 0x200000, CORDON_DMA_READ), 0);
	cr_assert_eq(bed_map(domain, UINT64_C(0x40200000), 0x345000, 0x1000, CORDON_DMA_WRITE), 0);
	table = phys_to_virt(domain->table.root);
	/* PR, IR, IW, next level 3. */
	cr_expect_eq(table[0] & ~UINT64_C(0x000ffffffffff000), UINT64_C(0x6000000000000601));
	table = phys_to_virt(paddr(table[0] & UINT64_C(0x000ffffffffff000)));
	/* A leaf of 1 GiB: PR, FC, IR, IW, next level 0. */
	cr_expect_eq(table[0], UINT64_C(0x7000000040000001));
	cr_expect_eq(table[1] & ~UINT64_C(0x000ffffffffff000), UINT64_C(0x6000000000000401));
	table = phys_to_virt(paddr(table[1] & UINT64_C(0x000ffffffffff000)));
	cr_expect_eq(table[0], UINT64_C(0x3000000000600001), "2 MiB to read");
	cr_expect_eq(table[1] & ~UINT64_C(0x000ffffffffff000), UINT64_C(0x6000000000000201));
	table = phys_to_virt(paddr(table[1] & UINT64_C(0x000ffffffffff000)));
	cr_expect_eq(table[0], UINT64_C(0x5000000000345001), "4 KiB to write");
	cr_assert_eq(bed_unmap(domain, UINT64_C(0x40200000), 0x1000), 0);
	cr_expect_eq(table[0], 0, "the whole entry goes");
}

/* --- everything at random, on units of all kinds --------------------------------------------- */

static unsigned int batches_access(uint64_t address, bool write, uint64_t *target)
{
	return bed_reach(BED_SOURCE, address, write, target);
}

static void batches_forget(void)
{
	bed_forget_faults();
	bed_amdvi.command_count = bed_amdvi.write_count = 0;
}

static void run(unsigned int kind, uint64_t seed)
{
	bed_begin(kind);
	const struct batches_device device = {bed_domain(), batches_access, batches_forget};
	batches_run(&device, seed);
	cr_assert_eq(iommu_detach(device.domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	iommu_domain_destroy(device.domain);
	cr_expect_eq(bed.account->used[CHARGE_KERNEL], ACCOUNT_OWN_MEMORY);
	cr_expect_eq(percpu()->obligations, 0);
}

Test(amd_random, caches_absence_and_does_not_snoop)
{
	run(0, 1);
}

Test(amd_random, does_not_snoop)
{
	run(BED_NO_ABSENT, 2);
}

Test(amd_random, snoops)
{
	run(BED_COHERENT | BED_NO_ABSENT, 3);
}

Test(amd_random, snoops_and_caches_absence)
{
	run(BED_COHERENT, 4);
}
