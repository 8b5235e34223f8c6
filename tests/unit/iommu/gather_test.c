// SPDX-License-Identifier: MIT
/* The gather: what was stored is owed once, and all of it. */
#include <criterion/criterion.h>
#include <tests/unit/iommu/pagetable_bed.h>

#include <arch/percpu.h>
#include <signal.h>

Test(gather, covers_scattered_ranges_or_everything)
{
	struct iommu_gather gather;

	tree_create(false, 4, 1, 0);
	for (uint64_t i = 0; i < 20; i++)
		cr_assert_eq(tree_map(i * 0x10000, 0x1000, PAGE_SIZE, RW), 0);
	iommu_gather_init(&gather);
	for (uint64_t i = 0; i < IOMMU_GATHER_RANGES; i++)
		iommu_unmap(tree.domain, iova(i * 0x10000), PAGE_SIZE, &gather);
	cr_expect_not(gather.everything);
	cr_expect_eq(gather.range_count, IOMMU_GATHER_RANGES);
	iommu_unmap(tree.domain, iova(8 * 0x10000), 12 * 0x10000, &gather);
	cr_expect(gather.everything);
	cr_expect_eq(percpu()->obligations, 1);
	cr_assert_eq(iommu_gather_flush(&gather), 0);
	cr_expect(tree.flushed_everything);
	cr_expect_eq(percpu()->obligations, 0);
	tree_destroy();
}

Test(gather, empty_one_owes_nothing)
{
	struct iommu_gather gather;

	tree_create(false, 4, 1, 0);
	iommu_gather_init(&gather);
	iommu_unmap(tree.domain, iova(0), 0x100000, &gather);
	cr_expect_not(gather.open);
	cr_expect_eq(iommu_gather_flush(&gather), 0);
	cr_expect_eq(tree.flushes, 0);
	tree_destroy();
}

Test(gather, of_two_domains_panics, .signal = SIGABRT)
{
	struct iommu_domain *other;
	struct iommu_gather gather;

	tree_create(false, 4, 1, 0);
	cr_assert_eq(iommu_domain_create(&tree.unit, tree.account, &other), 0);
	iommu_gather_init(&gather);
	iommu_gather_add(&gather, tree.domain, 0, 0xfff);
	iommu_gather_add(&gather, other, 0, 0xfff);
}
