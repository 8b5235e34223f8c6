// SPDX-License-Identifier: MIT
/* Page tables: what is mapped where, which frames they take, and what they record in the gather. */
#include <criterion/criterion.h>
#include <tests/unit/iommu/pagetable_bed.h>

#include <arch/mmio.h>
#include <arch/percpu.h>
#include <cordon/errno.h>
#include <kernel/account.h>
#include <signal.h>
#include <stdlib.h>
#include <tests/unit/fake/fake.h>

Test(pagetable, largest_leaf_that_fits_is_used)
{
	tree_create(false, 4, 7, 0);
	/* 4 KiB below a 2 MiB boundary, up to 8 KiB above the gigabyte after the next. */
	uint64_t start = SIZE_1G - SIZE_2M - PAGE_SIZE;
	uint64_t end = 2 * SIZE_1G + 2 * PAGE_SIZE;

	cr_assert_eq(tree_map(start, start, end - start, RW), 0);
	cr_expect_eq(tree_walk(start).level, 0);
	cr_expect_eq(tree_walk(SIZE_1G - SIZE_2M).level, 1);
	cr_expect_eq(tree_walk(SIZE_1G).level, 2);
	cr_expect_eq(tree_walk(2 * SIZE_1G).level, 0);
	cr_expect_not(tree_walk(start - 1).present);
	cr_expect_not(tree_walk(end).present);
	/* The alignment of the target counts as well. */
	cr_assert_eq(tree_map(4 * SIZE_1G, SIZE_1G + SIZE_2M, SIZE_1G, RW), 0);
	cr_expect_eq(tree_walk(4 * SIZE_1G).level, 1);
	cr_assert_eq(tree_map(8 * SIZE_1G, PAGE_SIZE, SIZE_2M, RW), 0);
	cr_expect_eq(tree_walk(8 * SIZE_1G).level, 0);
	tree_unmap(start, end - start);
	tree_unmap(4 * SIZE_1G, SIZE_1G);
	tree_unmap(8 * SIZE_1G, SIZE_2M);
	tree_destroy();
}

Test(pagetable, directions_are_kept_apart)
{
	tree_create(false, 3, 7, 0);
	cr_assert_eq(tree_map(0x1000, 0x5000, 0x1000, CORDON_DMA_READ), 0);
	cr_assert_eq(tree_map(0x2000, 0x6000, 0x1000, CORDON_DMA_WRITE), 0);
	cr_expect(tree_walk(0x1fff).read && !tree_walk(0x1fff).write);
	cr_expect(!tree_walk(0x2000).read && tree_walk(0x2000).write);
	paddr_t base;
	uint32_t flags;
	cr_expect(iommu_lookup(tree.domain, iova(0x2345), &base, &flags));
	cr_expect_eq(base.raw, 0x6345);
	cr_expect_eq(flags, CORDON_DMA_WRITE);
	cr_expect_not(iommu_lookup(tree.domain, iova(0x3000), &base, &flags));
	cr_expect_not(iommu_lookup(tree.domain, iova(UINT64_MAX), &base, &flags));
	tree_unmap(0x1000, 0x2000);
	tree_destroy();
}

Test(pagetable, hot_map_takes_no_frame)
{
	tree_create(false, 4, 7, 0);
	cr_assert_eq(tree_map(0x200000, 0x1000, 0x1000, RW), 0);
	cr_assert_eq(tree_unmap(0x200000, 0x1000), 0);
	uint64_t frames = fake_pages_used();
	fake_page_fail(1);
	cr_expect_eq(tree_map(0x200000, 0x1000, 0x1000, RW), 0);
	cr_expect_eq(tree_unmap(0x200000, 0x1000), 0);
	fake_page_fail(0);
	cr_expect_eq(fake_pages_used(), frames);
	cr_expect_eq(tree_tables_charged(), 4, "kept tables stay charged");
	tree_destroy();
}

Test(pagetable, new_mapping_owes_nothing_to_a_unit_that_caches_no_absence)
{
	tree_create(false, 4, 7, 0);
	cr_assert_eq(tree_map(0x1000, 0x1000, 0x5000, RW), 0);
	cr_expect_eq(tree.flushes, 0);
	tree_unmap(0x1000, 0x5000);
	cr_expect_eq(tree.flushes, 1);
	cr_expect_eq(tree.flushed_first, 0x1000);
	cr_expect_eq(tree.flushed_last, 0x5fff);
	cr_expect_not(tree.flushed_unlinked);
	tree_destroy();
}

Test(pagetable, new_mapping_is_flushed_where_absence_is_cached)
{
	tree_create(false, 4, 7, 0);
	tree.format.flush_new = true;
	cr_assert_eq(tree_map(0x1000, 0x1000, 0x5000, RW), 0);
	cr_expect_eq(tree.flushes, 1);
	cr_expect_leq(tree.flushed_first, 0x1000);
	cr_expect_geq(tree.flushed_last, 0x5fff);
	tree_unmap(0x1000, 0x5000);
	tree_destroy();
}

Test(pagetable, kept_tables_under_a_larger_leaf_are_freed_only_by_the_flush)
{
	struct iommu_gather gather;

	tree_create(false, 4, 7, 0);
	/* Three tables below one gigabyte: its own, and two of 4 KiB leaves. */
	cr_assert_eq(tree_map(SIZE_1G, 0, PAGE_SIZE, RW), 0);
	cr_assert_eq(tree_map(SIZE_1G + SIZE_2M, 0, PAGE_SIZE, RW), 0);
	tree_unmap(SIZE_1G, PAGE_SIZE);
	tree_unmap(SIZE_1G + SIZE_2M, PAGE_SIZE);
	uint64_t frames = fake_pages_used();

	iommu_gather_init(&gather);
	cr_assert_eq(iommu_map(tree.domain, iova(SIZE_1G), paddr(SIZE_1G), SIZE_1G, RW, &gather),
	             0);
	cr_expect(gather.open, "a present entry was replaced");
	cr_expect(gather.tables_unlinked);
	cr_expect_eq(fake_pages_used(), frames, "frames were freed before the flush");
	cr_expect_eq(percpu()->obligations, 1);
	cr_assert_eq(iommu_gather_flush(&gather), 0);
	cr_expect(tree.flushed_unlinked);
	cr_expect_leq(tree.flushed_first, SIZE_1G);
	cr_expect_geq(tree.flushed_last, 2 * SIZE_1G - 1);
	cr_expect_eq(fake_pages_used(), frames - 3);
	cr_expect_eq(tree_tables_charged(), 2);
	cr_expect_eq(tree_walk(SIZE_1G + 5).level, 2);
	tree_unmap(SIZE_1G, SIZE_1G);
	tree_destroy();
}

Test(pagetable, unlinked_frames_read_as_absent_while_the_unit_may_walk_them)
{
	struct iommu_gather gather;

	tree_create(true, 4, 7, 0);
	cr_assert_eq(tree_map(0, 0x1000, PAGE_SIZE, RW), 0);
	const uint64_t *upper = phys_to_virt(tree.domain->table.root);
	upper = phys_to_virt(paddr(upper[0] & tree.format.address));
	upper = phys_to_virt(paddr(upper[0] & tree.format.address));
	const uint64_t *lowest = phys_to_virt(paddr(upper[0] & tree.format.address));
	tree_unmap(0, PAGE_SIZE);
	iommu_gather_init(&gather);
	cr_assert_eq(iommu_map(tree.domain, iova(0), paddr(0), SIZE_2M, RW, &gather), 0);
	for (unsigned int i = 0; i < 512; i++)
		cr_assert_eq(lowest[i] & 3, 0, "entry %u", i);
	cr_assert_eq(iommu_gather_flush(&gather), 0);
	tree_unmap(0, SIZE_2M);
	tree_destroy();
}

Test(pagetable, unconfirmed_flush_keeps_frames_out_of_circulation)
{
	tree_create(false, 4, 7, 0);
	cr_assert_eq(tree_map(0, 0, PAGE_SIZE, RW), 0);
	tree_unmap(0, PAGE_SIZE);
	uint64_t frames = fake_pages_used();
	tree.flush_result = -EIO;
	cr_expect_eq(tree_map(0, 0, SIZE_2M, RW), -EIO);
	cr_expect_eq(fake_pages_used(), frames, "an unlinked table was freed");
	cr_expect_eq(tree.unit.quarantined, 1);
	cr_expect_eq(tree_unmap(0, SIZE_2M), -EIO);
	cr_expect_eq(percpu()->obligations, 0);
	/* The same for a domain: neither its tables nor its id come back. */
	uint32_t id = tree.domain->id;
	iommu_domain_destroy(tree.domain);
	cr_expect_eq(fake_pages_used(), frames);
	cr_expect_eq(tree.unit.quarantined, 4);
	cr_expect_eq(tree.account->used[CHARGE_KERNEL], ACCOUNT_OWN_MEMORY);
	for (unsigned int i = 1; i < 15; i++) {
		uint32_t other;
		cr_assert_eq(ids_alloc(&tree.unit.domains, &other), 0);
		cr_expect_neq(other, id);
	}
	uint32_t other;
	cr_expect_eq(ids_alloc(&tree.unit.domains, &other), -ENOSPC);
	account_unref(tree.account);
	ids_destroy(&tree.unit.domains);
}

Test(pagetable, failure_leaves_nothing_mapped)
{
	/* A run that needs many tables, with every allocation failing once. */
	uint64_t start = SIZE_1G - 3 * PAGE_SIZE, size = SIZE_1G + 5 * PAGE_SIZE;

	tree_create(false, 4, 3, 0);
	for (unsigned int n = 1;; n++) {
		fake_page_fail(n);
		int error = tree_map(start, PAGE_SIZE, size, RW);
		fake_page_fail(0);
		if (!error)
			break;
		cr_assert_eq(error, -ENOMEM);
		cr_assert(n < 600);
		for (uint64_t at = start; at < start + size; at += SIZE_2M / 2)
			cr_assert_not(tree_walk(at).present, "failure %u left %#llx", n,
			              (unsigned long long)at);
		cr_assert_eq(tree.domain->mapped, 0);
	}
	tree_unmap(start, size);
	tree_destroy();
}

Test(pagetable, kept_tables_do_not_use_up_a_budget)
{
	/* Root and three more: one lowest table at a time. */
	tree_create(false, 4, 7, 4);
	for (uint64_t i = 0; i < 100; i++) {
		cr_assert_eq(tree_map(i * SIZE_1G, 0x1000, PAGE_SIZE, RW), 0, "round %llu",
		             (unsigned long long)i);
		cr_assert_eq(tree_unmap(i * SIZE_1G, PAGE_SIZE), 0);
	}
	/* What is mapped stays, whatever is short. */
	cr_assert_eq(tree_map(0, 0x1000, PAGE_SIZE, RW), 0);
	cr_expect_eq(tree_map(SIZE_1G, 0x1000, PAGE_SIZE, RW), -ENOMEM);
	cr_expect(tree_walk(0).present);
	tree_unmap(0, PAGE_SIZE);
	tree_destroy();
}

Test(pagetable, map_beyond_the_budget_fails_and_ends, .timeout = 10)
{
	/* The second page needs a table more than there may be. */
	tree_create(false, 4, 7, 4);
	cr_expect_eq(tree_map(SIZE_2M - PAGE_SIZE, 0, 2 * PAGE_SIZE, RW), -ENOMEM);
	cr_expect_not(tree_walk(SIZE_2M - PAGE_SIZE).present);
	cr_expect_eq(tree.domain->mapped, 0);
	tree_destroy();
}

Test(pagetable, tables_of_a_failed_map_do_not_use_up_a_budget)
{
	/* Two of the three tables that a page needs can be had; a gigabyte needs one, elsewhere. */
	tree_create(false, 4, 7, 3);
	cr_expect_eq(tree_map(0, 0, PAGE_SIZE, RW), -ENOMEM);
	cr_expect_eq(tree_map(512 * SIZE_1G, 0, SIZE_1G, RW), 0);
	tree_unmap(512 * SIZE_1G, SIZE_1G);
	tree_destroy();
}

Test(pagetable, failed_flush_inside_a_map_is_not_forgotten)
{
	struct iommu_gather gather;

	tree_create(false, 4, 7, 4);
	cr_assert_eq(tree_map(0, 0x1000, PAGE_SIZE, RW), 0);
	/* A batch: its unmap is flushed early, by the map that runs out of budget. */
	iommu_gather_init(&gather);
	iommu_unmap(tree.domain, iova(0), PAGE_SIZE, &gather);
	tree.flush_result = -EIO;
	cr_expect_neq(iommu_map(tree.domain, iova(SIZE_1G), paddr(0), PAGE_SIZE, RW, &gather), 0);
	tree.flush_result = 0;
	cr_expect_eq(iommu_gather_flush(&gather), -EIO, "the caller would reuse its frames");
	cr_expect_eq(iommu_gather_flush(&gather), 0);
	tree_destroy();
}

/* --- who pays -------------------------------------------------------------------------------- */

Test(pagetable, S10_who_maps_pays_for_the_tables_that_it_needs)
{
	struct account *guest;

	tree_create(false, 4, 7, 0);
	guest = guest_create(100);
	cr_assert_eq(tree_map(0, 0x1000, PAGE_SIZE, RW), 0);
	cr_expect_eq(tree_tables_charged(), 4);
	/* In the same table; in another; in another gigabyte, which takes two. */
	cr_assert_eq(tree_map_for(guest, PAGE_SIZE, 0x2000, PAGE_SIZE, RW), 0);
	cr_expect_eq(guest_tables_charged(guest), 0);
	cr_assert_eq(tree_map_for(guest, SIZE_2M, 0x3000, PAGE_SIZE, RW), 0);
	cr_expect_eq(guest_tables_charged(guest), 1);
	cr_assert_eq(tree_map_for(guest, SIZE_1G, 0x4000, PAGE_SIZE, RW), 0);
	cr_expect_eq(guest_tables_charged(guest), 3);
	/* The other one uses its tables, too, and pays for none. */
	cr_assert_eq(tree_map(SIZE_1G + PAGE_SIZE, 0x5000, PAGE_SIZE, RW), 0);
	cr_expect_eq(tree_tables_charged(), 4);
	tree_unmap(0, 2 * PAGE_SIZE);
	tree_unmap(SIZE_2M, PAGE_SIZE);
	tree_unmap(SIZE_1G, 2 * PAGE_SIZE);
	guest_destroy(guest);
	tree_destroy();
}

Test(pagetable, S10_no_empty_table_stays_for_somebody_elses_money)
{
	struct account *guest;

	tree_create(false, 4, 7, 0);
	guest = guest_create(100);
	cr_assert_eq(tree_map_for(guest, SIZE_1G, 0x1000, PAGE_SIZE, RW), 0);
	cr_expect_eq(guest_tables_charged(guest), 3);
	/* A table of the tree's own below one of the guest's must not hold that. */
	cr_assert_eq(tree_map(SIZE_1G + SIZE_2M, 0x2000, PAGE_SIZE, RW), 0);
	tree_unmap(SIZE_1G, PAGE_SIZE);
	cr_expect_eq(guest_tables_charged(guest), 2, "what is still needed stays");
	tree.flushed_unlinked = false;
	tree_unmap(SIZE_1G + SIZE_2M, PAGE_SIZE);
	cr_expect(tree.flushed_unlinked);
	cr_expect_eq(guest_tables_charged(guest), 0);
	cr_expect_eq(tree_tables_charged(), 1, "the root");
	/* Alone again, it keeps what it has for the next map. */
	cr_assert_eq(tree_map(0, 0x1000, PAGE_SIZE, RW), 0);
	tree_unmap(0, PAGE_SIZE);
	cr_expect_eq(tree_tables_charged(), 4);
	guest_destroy(guest);
	tree_destroy();
}

Test(pagetable, S10_the_budget_of_one_is_not_that_of_the_other)
{
	struct account *guest;

	tree_create(false, 4, 7, 4);
	guest = guest_create(2);
	cr_assert_eq(tree_map(0, 0x1000, PAGE_SIZE, RW), 0);
	cr_expect_eq(tree_map_for(guest, 512 * SIZE_1G, 0x1000, PAGE_SIZE, RW), -ENOMEM);
	cr_expect_eq(guest_tables_charged(guest), 0, "tables made on the way stayed");
	cr_expect_eq(tree_map_for(guest, SIZE_1G, 0x1000, PAGE_SIZE, RW), 0);
	cr_expect_eq(guest_tables_charged(guest), 2);
	cr_expect_eq(tree_map_for(guest, SIZE_2M, 0x1000, PAGE_SIZE, RW), -ENOMEM);
	cr_expect_eq(tree_map(SIZE_2M, 0x1000, PAGE_SIZE, RW), -ENOMEM);
	cr_expect_eq(tree_map(2 * PAGE_SIZE, 0x1000, PAGE_SIZE, RW), 0);
	/* A frame that cannot be had, or no memory for the note. */
	tree_unmap(SIZE_1G, PAGE_SIZE);
	for (unsigned int nth = 1; nth <= 4; nth++) {
		fake_page_fail(nth);
		cr_expect_eq(tree_map_for(guest, SIZE_1G, 0x1000, PAGE_SIZE, RW),
		             nth <= 2 ? -ENOMEM : 0);
		fake_page_fail(0);
		tree_unmap(SIZE_1G, PAGE_SIZE);
		cr_expect_eq(guest_tables_charged(guest), 0);
	}
	tree_unmap(0, 3 * PAGE_SIZE);
	guest_destroy(guest);
	tree_destroy();
}

Test(pagetable, S10_tables_that_a_dead_unit_keeps_are_nobodys)
{
	struct account *guest;

	tree_create(false, 4, 7, 0);
	guest = guest_create(100);
	cr_assert_eq(tree_map_for(guest, 0, 0x1000, SIZE_2M + PAGE_SIZE, RW), 0);
	cr_assert_eq(tree_map_for(guest, SIZE_1G, 0x1000, PAGE_SIZE, RW), 0);
	tree.flush_result = -EIO;
	cr_expect_eq(tree_unmap(SIZE_1G, PAGE_SIZE), -EIO);
	cr_expect_eq(guest_tables_charged(guest), 4);
	tree.domain->mapped = 0; /* the caller keeps its frames, and forgets the domain */
	account_unref(guest);    /* its charges keep it; they must be gone when it goes */
	tree_destroy();
	cr_expect_eq(tree.unit.quarantined, 2 + 5);
}

Test(pagetable, mapping_over_a_mapping_panics, .signal = SIGABRT)
{
	tree_create(false, 4, 7, 0);
	tree_map(0x1000, 0x1000, PAGE_SIZE, RW);
	tree_map(0x1000, 0x2000, PAGE_SIZE, RW);
}

Test(pagetable, larger_leaf_over_a_mapping_panics, .signal = SIGABRT)
{
	tree_create(false, 4, 7, 0);
	tree_map(SIZE_2M - PAGE_SIZE, 0x1000, PAGE_SIZE, RW);
	tree_map(0, 0, SIZE_2M, RW);
}

Test(pagetable, half_a_leaf_cannot_be_unmapped, .signal = SIGABRT)
{
	tree_create(false, 4, 7, 0);
	tree_map(0, 0, SIZE_2M, RW);
	tree_unmap(0, SIZE_2M / 2);
}

Test(pagetable, interrupt_window_is_never_mapped, .signal = SIGABRT)
{
	tree_create(false, 4, 7, 0);
	tree_map(UINT64_C(0xfeefe000), 0x1000, 2 * PAGE_SIZE, RW);
}

Test(pagetable, ranges_leave_the_interrupt_window_out)
{
	struct cordon_iova_range ranges[4];

	tree_create(false, 3, 7, 0);
	cr_assert_eq(iommu_domain_ranges(tree.domain, ranges, 4), 2);
	cr_expect_eq(ranges[0].start, 0);
	cr_expect_eq(ranges[0].last, 0xfedfffff);
	cr_expect_eq(ranges[1].start, 0xfef00000);
	cr_expect_eq(ranges[1].last, UINT64_C(0x7fffffffff));
	cr_expect_eq(iommu_domain_ranges(tree.domain, ranges, 1), 1);
	tree_destroy();
}

/* --- how many levels ------------------------------------------------------------------------- */

Test(pagetable, levels_are_the_fewest_that_cover_the_addresses)
{
	const struct pagetable_format all = {.level_counts = 0x7e}, two = {.level_counts = 0x18},
	                              one = {.level_counts = 0x20};

	cr_expect_eq(pagetable_levels(&all, 21), 1);
	cr_expect_eq(pagetable_levels(&all, 22), 2);
	cr_expect_eq(pagetable_levels(&all, 30), 2);
	cr_expect_eq(pagetable_levels(&all, 39), 3);
	cr_expect_eq(pagetable_levels(&all, 40), 4);
	cr_expect_eq(pagetable_levels(&all, 48), 4);
	cr_expect_eq(pagetable_levels(&all, 57), 5);
	cr_expect_eq(pagetable_levels(&all, 58), 6);
	cr_expect_eq(pagetable_levels(&all, 63), 6);
	cr_expect_eq(pagetable_levels(&two, 21), 3, "not every number is there");
	cr_expect_eq(pagetable_levels(&two, 40), 4);
	cr_expect_eq(pagetable_levels(&two, 63), 4, "the most that there are");
	cr_expect_eq(pagetable_levels(&one, 48), 5);
}

/* A page at the end of what the tree covers, found by the walker through tables of every level; and
 * what lies beyond is not found at all. */
static void check_ends(bool amd, uint8_t levels)
{
	paddr_t base;
	uint32_t flags;

	tree_create(amd, levels, 1, 0);
	uint64_t end = UINT64_C(1) << tree.unit.address_bits;
	cr_assert_eq(tree_map(end - PAGE_SIZE, 0x7000, PAGE_SIZE, RW), 0);
	cr_assert_eq(tree_map(0, 0x8000, PAGE_SIZE, RW), 0);
	cr_expect_eq(tree_walk(end - 1).target, 0x7fff);
	cr_expect_eq(tree_walk(5).target, 0x8005);
	cr_expect_not(tree_walk(end - PAGE_SIZE - 1).present);
	cr_expect_eq(tree.domain->table.table_count, levels == 1 ? 1 : 2 * levels - 1);
	cr_expect(iommu_lookup(tree.domain, iova(end - 1), &base, &flags));
	cr_expect_not(iommu_lookup(tree.domain, iova(end + 5), &base, &flags));
	cr_expect_not(iommu_lookup(tree.domain, iova(UINT64_MAX), &base, &flags));
	tree_unmap(end - PAGE_SIZE, PAGE_SIZE);
	cr_expect(tree_walk(5).present, "the first page went with the last");
	tree_unmap(0, PAGE_SIZE);
	tree_destroy();
}

Test(pagetable, both_ends_of_each_number_of_levels)
{
	for (uint8_t levels = 1; levels <= 6; levels++)
		check_ends(true, levels);
	for (uint8_t levels = 3; levels <= 5; levels++)
		check_ends(false, levels);
}

Test(pagetable, mapping_beyond_the_width_panics, .signal = SIGABRT)
{
	tree_create(true, 2, 7, 0);
	tree_map(SIZE_1G - PAGE_SIZE, 0x1000, 2 * PAGE_SIZE, RW);
}

Test(pagetable, ranges_end_with_the_width)
{
	struct cordon_iova_range ranges[4];

	tree_create(true, 1, 7, 0);
	cr_assert_eq(iommu_domain_ranges(tree.domain, ranges, 4), 1);
	cr_expect(ranges[0].start == 0 && ranges[0].last == SIZE_2M - 1);
	tree_destroy();
	tree_create(true, 6, 7, 0);
	cr_assert_eq(iommu_domain_ranges(tree.domain, ranges, 4), 2);
	cr_expect_eq(ranges[1].last, INT64_MAX);
	tree_destroy();
}
