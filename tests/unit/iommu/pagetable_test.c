// SPDX-License-Identifier: MIT
/*
 * Page tables against a walker of the test's own and a model array, for both vendors' formats, and
 * what they record in the gather against what was stored. The unit is the test's: it counts what
 * the gather tells it.
 */
#include <criterion/criterion.h>
#include <drivers/iommu/core.h>

#include <arch/mmio.h>
#include <arch/percpu.h>
#include <cordon/errno.h>
#include <kernel/account.h>
#include <kernel/heap.h>
#include <kernel/page.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <tests/unit/fake/fake.h>
#include <tests/unit/iommu/machine.h>

/* --- formats, from the specifications -------------------------------------------------------- */

#define BIT(n) (UINT64_C(1) << (n))

/* VT-d 3.3, 9.8: R 0, W 1, PS 7, address 51:12. */
static struct pagetable_format vtd_format(uint8_t levels, uint8_t leaf_levels)
{
	struct pagetable_format format = {
	        .address = UINT64_C(0x000ffffffffff000),
	        .present = 3,
	        .read = 1,
	        .write = 2,
	        .levels = levels,
	        .leaf_levels = leaf_levels,
	};

	for (unsigned int level = 0; level < levels; level++) {
		format.table[level] = 3;
		format.leaf[level] = format.leaf_mask[level] = format.leaf_value[level] =
		        level ? BIT(7) : 0;
	}
	return format;
}

/* AMD-Vi 3.06, 2.2.3: PR 0, NextLevel 11:9 (0: leaf), address 51:12, IR 61, IW 62. */
static struct pagetable_format amd_format(uint8_t levels, uint8_t leaf_levels)
{
	struct pagetable_format format = {
	        .address = UINT64_C(0x000ffffffffff000),
	        .present = 1,
	        .read = BIT(61),
	        .write = BIT(62),
	        .levels = levels,
	        .leaf_levels = leaf_levels,
	};

	for (unsigned int level = 0; level < levels; level++) {
		format.table[level] = 1 | (uint64_t)level << 9 | BIT(61) | BIT(62);
		format.leaf[level] = 1;
		format.leaf_mask[level] = UINT64_C(7) << 9;
	}
	return format;
}

struct leaf {
	bool present;
	uint64_t target;
	bool read, write;
	unsigned int level;
};

/* The walker: knows formats by what is written above, nothing else of the code under test. */
static struct leaf walk(bool amd, unsigned int levels, paddr_t root, uint64_t address)
{
	uint64_t table = root.raw;

	for (unsigned int level = levels - 1;; level--) {
		const uint64_t *entries = phys_to_virt(paddr(table));
		uint64_t entry = entries[address / (UINT64_C(4096) << (9 * level)) % 512];
		uint64_t size = UINT64_C(4096) << (9 * level);
		bool present = amd ? entry & 1 : entry & 3;
		bool leaf = level == 0 || (amd ? (entry >> 9 & 7) == 0 : (entry >> 7 & 1));

		if (!present)
			return (struct leaf){0};
		cr_assert(amd || level > 0 || !(entry & 0x80));
		table = entry & UINT64_C(0x000ffffffffff000);
		if (leaf) {
			cr_assert_eq(table % size, 0, "a leaf at level %u is not aligned", level);
			return (struct leaf){true, table + address % size,
			                     amd ? entry >> 61 & 1 : entry & 1,
			                     amd ? entry >> 62 & 1 : entry >> 1 & 1, level};
		}
		/* Next level is the level below, and upper entries do not take rights away. */
		cr_assert(!amd || (entry >> 9 & 7) == level);
		cr_assert(amd ? (entry >> 61 & 3) == 3 : (entry & 3) == 3);
	}
}

/* --- a unit of the test's -------------------------------------------------------------------- */

static struct {
	struct iommu_unit unit;
	struct pagetable_format format;
	struct account *account;
	struct iommu_domain *domain;
	bool amd;
	int flush_result;
	unsigned int flushes;
	bool flushed_unlinked, flushed_everything;
	uint64_t flushed_first, flushed_last;
	uint64_t frames_before;
	size_t heap_before;
} bed;

static int bed_invalidate(struct iommu_unit *unit, const struct iommu_gather *gather)
{
	cr_assert(spin_held(&unit->lock));
	bed.flushes++;
	bed.flushed_unlinked = gather->tables_unlinked;
	bed.flushed_everything = gather->everything;
	bed.flushed_first = gather->range_count ? gather->ranges[0].first : 0;
	bed.flushed_last = gather->range_count ? gather->ranges[gather->range_count - 1].last
	                                       : UINT64_MAX;
	return bed.flush_result;
}

static const struct iommu_ops bed_ops = {.invalidate = bed_invalidate};

static void bed_create(bool amd, uint8_t levels, uint8_t leaf_levels, uint64_t frames)
{
	const struct cordon_budget budget = {.frames = frames};

	bed.amd = amd;
	bed.format = amd ? amd_format(levels, leaf_levels) : vtd_format(levels, leaf_levels);
	bed.unit.ops = &bed_ops;
	bed.unit.format = &bed.format;
	bed.unit.address_bits = 12 + 9u * levels;
	spin_init(&bed.unit.lock, RANK_UNIT, "unit");
	list_init(&bed.unit.attachments);
	bed.frames_before = fake_pages_used();
	bed.heap_before = heap_in_use();
	cr_assert_eq(ids_init(&bed.unit.domains, 1, 16), 0);
	cr_assert_eq(account_create(&budget, &bed.account), 0);
	cr_assert_eq(iommu_domain_create(&bed.unit, bed.account, &bed.domain), 0);
}

static void bed_destroy(void)
{
	iommu_domain_destroy(bed.domain);
	cr_expect_eq(bed.account->used[CHARGE_FRAMES], 0);
	account_unref(bed.account);
	ids_destroy(&bed.unit.domains);
	cr_expect_eq(fake_pages_used(), bed.frames_before + bed.unit.quarantined,
	             "table frames leak");
	cr_expect_eq(heap_in_use(), bed.heap_before, "memory leaks");
	cr_expect_eq(percpu()->obligations, 0);
}

static struct leaf bed_walk(uint64_t address)
{
	return walk(bed.amd, bed.format.levels, bed.domain->table.root, address);
}

static int bed_map(uint64_t start, uint64_t base, uint64_t size, uint32_t flags)
{
	struct iommu_gather gather;
	int error, flushed;

	iommu_gather_init(&gather);
	error = iommu_map(bed.domain, iova(start), paddr(base), size, flags, &gather);
	flushed = iommu_gather_flush(&gather);
	return error ? error : flushed;
}

static int bed_unmap(uint64_t start, uint64_t size)
{
	struct iommu_gather gather;

	iommu_gather_init(&gather);
	iommu_unmap(bed.domain, iova(start), size, &gather);
	return iommu_gather_flush(&gather);
}

#define RW (CORDON_DMA_READ | CORDON_DMA_WRITE)

/* --- named cases ----------------------------------------------------------------------------- */

Test(pagetable, largest_leaf_that_fits_is_used)
{
	bed_create(false, 4, 7, 0);
	/* 4 KiB below a 2 MiB boundary, up to 8 KiB above the gigabyte after the next. */
	uint64_t start = SIZE_1G - SIZE_2M - PAGE_SIZE;
	uint64_t end = 2 * SIZE_1G + 2 * PAGE_SIZE;

	cr_assert_eq(bed_map(start, start, end - start, RW), 0);
	cr_expect_eq(bed_walk(start).level, 0);
	cr_expect_eq(bed_walk(SIZE_1G - SIZE_2M).level, 1);
	cr_expect_eq(bed_walk(SIZE_1G).level, 2);
	cr_expect_eq(bed_walk(2 * SIZE_1G).level, 0);
	cr_expect_not(bed_walk(start - 1).present);
	cr_expect_not(bed_walk(end).present);
	/* The alignment of the target counts as well. */
	cr_assert_eq(bed_map(4 * SIZE_1G, SIZE_1G + SIZE_2M, SIZE_1G, RW), 0);
	cr_expect_eq(bed_walk(4 * SIZE_1G).level, 1);
	cr_assert_eq(bed_map(8 * SIZE_1G, PAGE_SIZE, SIZE_2M, RW), 0);
	cr_expect_eq(bed_walk(8 * SIZE_1G).level, 0);
	bed_unmap(start, end - start);
	bed_unmap(4 * SIZE_1G, SIZE_1G);
	bed_unmap(8 * SIZE_1G, SIZE_2M);
	bed_destroy();
}

Test(pagetable, directions_are_kept_apart)
{
	bed_create(false, 3, 7, 0);
	cr_assert_eq(bed_map(0x1000, 0x5000, 0x1000, CORDON_DMA_READ), 0);
	cr_assert_eq(bed_map(0x2000, 0x6000, 0x1000, CORDON_DMA_WRITE), 0);
	cr_expect(bed_walk(0x1fff).read && !bed_walk(0x1fff).write);
	cr_expect(!bed_walk(0x2000).read && bed_walk(0x2000).write);
	paddr_t base;
	uint32_t flags;
	cr_expect(iommu_lookup(bed.domain, iova(0x2345), &base, &flags));
	cr_expect_eq(base.raw, 0x6345);
	cr_expect_eq(flags, CORDON_DMA_WRITE);
	cr_expect_not(iommu_lookup(bed.domain, iova(0x3000), &base, &flags));
	cr_expect_not(iommu_lookup(bed.domain, iova(UINT64_MAX), &base, &flags));
	bed_unmap(0x1000, 0x2000);
	bed_destroy();
}

Test(pagetable, hot_map_takes_no_frame)
{
	bed_create(false, 4, 7, 0);
	cr_assert_eq(bed_map(0x200000, 0x1000, 0x1000, RW), 0);
	cr_assert_eq(bed_unmap(0x200000, 0x1000), 0);
	uint64_t frames = fake_pages_used();
	fake_page_fail(1);
	cr_expect_eq(bed_map(0x200000, 0x1000, 0x1000, RW), 0);
	cr_expect_eq(bed_unmap(0x200000, 0x1000), 0);
	fake_page_fail(0);
	cr_expect_eq(fake_pages_used(), frames);
	cr_expect_eq(bed.account->used[CHARGE_FRAMES], 4, "kept tables stay charged");
	bed_destroy();
}

Test(pagetable, new_mapping_owes_nothing_to_a_unit_that_caches_no_absence)
{
	bed_create(false, 4, 7, 0);
	cr_assert_eq(bed_map(0x1000, 0x1000, 0x5000, RW), 0);
	cr_expect_eq(bed.flushes, 0);
	bed_unmap(0x1000, 0x5000);
	cr_expect_eq(bed.flushes, 1);
	cr_expect_eq(bed.flushed_first, 0x1000);
	cr_expect_eq(bed.flushed_last, 0x5fff);
	cr_expect_not(bed.flushed_unlinked);
	bed_destroy();
}

Test(pagetable, new_mapping_is_flushed_where_absence_is_cached)
{
	bed_create(false, 4, 7, 0);
	bed.format.flush_new = true;
	cr_assert_eq(bed_map(0x1000, 0x1000, 0x5000, RW), 0);
	cr_expect_eq(bed.flushes, 1);
	cr_expect_leq(bed.flushed_first, 0x1000);
	cr_expect_geq(bed.flushed_last, 0x5fff);
	bed_unmap(0x1000, 0x5000);
	bed_destroy();
}

Test(pagetable, kept_tables_under_a_larger_leaf_are_freed_only_by_the_flush)
{
	struct iommu_gather gather;

	bed_create(false, 4, 7, 0);
	/* Three tables below one gigabyte: its own, and two of 4 KiB leaves. */
	cr_assert_eq(bed_map(SIZE_1G, 0, PAGE_SIZE, RW), 0);
	cr_assert_eq(bed_map(SIZE_1G + SIZE_2M, 0, PAGE_SIZE, RW), 0);
	bed_unmap(SIZE_1G, PAGE_SIZE);
	bed_unmap(SIZE_1G + SIZE_2M, PAGE_SIZE);
	uint64_t frames = fake_pages_used();

	iommu_gather_init(&gather);
	cr_assert_eq(iommu_map(bed.domain, iova(SIZE_1G), paddr(SIZE_1G), SIZE_1G, RW, &gather), 0);
	cr_expect(gather.open, "a present entry was replaced");
	cr_expect(gather.tables_unlinked);
	cr_expect_eq(fake_pages_used(), frames, "frames were freed before the flush");
	cr_expect_eq(percpu()->obligations, 1);
	cr_assert_eq(iommu_gather_flush(&gather), 0);
	cr_expect(bed.flushed_unlinked);
	cr_expect_leq(bed.flushed_first, SIZE_1G);
	cr_expect_geq(bed.flushed_last, 2 * SIZE_1G - 1);
	cr_expect_eq(fake_pages_used(), frames - 3);
	cr_expect_eq(bed.account->used[CHARGE_FRAMES], 2);
	cr_expect_eq(bed_walk(SIZE_1G + 5).level, 2);
	bed_unmap(SIZE_1G, SIZE_1G);
	bed_destroy();
}

Test(pagetable, unlinked_frames_read_as_absent_while_the_unit_may_walk_them)
{
	struct iommu_gather gather;

	bed_create(true, 4, 7, 0);
	cr_assert_eq(bed_map(0, 0x1000, PAGE_SIZE, RW), 0);
	const uint64_t *upper = phys_to_virt(bed.domain->table.root);
	upper = phys_to_virt(paddr(upper[0] & bed.format.address));
	upper = phys_to_virt(paddr(upper[0] & bed.format.address));
	const uint64_t *lowest = phys_to_virt(paddr(upper[0] & bed.format.address));
	bed_unmap(0, PAGE_SIZE);
	iommu_gather_init(&gather);
	cr_assert_eq(iommu_map(bed.domain, iova(0), paddr(0), SIZE_2M, RW, &gather), 0);
	for (unsigned int i = 0; i < 512; i++)
		cr_assert_eq(lowest[i] & 3, 0, "entry %u", i);
	cr_assert_eq(iommu_gather_flush(&gather), 0);
	bed_unmap(0, SIZE_2M);
	bed_destroy();
}

Test(pagetable, unconfirmed_flush_keeps_frames_out_of_circulation)
{
	bed_create(false, 4, 7, 0);
	cr_assert_eq(bed_map(0, 0, PAGE_SIZE, RW), 0);
	bed_unmap(0, PAGE_SIZE);
	uint64_t frames = fake_pages_used();
	bed.flush_result = -EIO;
	cr_expect_eq(bed_map(0, 0, SIZE_2M, RW), -EIO);
	cr_expect_eq(fake_pages_used(), frames, "an unlinked table was freed");
	cr_expect_eq(bed.unit.quarantined, 1);
	cr_expect_eq(bed_unmap(0, SIZE_2M), -EIO);
	cr_expect_eq(percpu()->obligations, 0);
	/* The same for a domain: neither its tables nor its id come back. */
	uint32_t id = bed.domain->id;
	iommu_domain_destroy(bed.domain);
	cr_expect_eq(fake_pages_used(), frames);
	cr_expect_eq(bed.unit.quarantined, 4);
	cr_expect_eq(bed.account->used[CHARGE_FRAMES], 0);
	for (unsigned int i = 1; i < 15; i++) {
		uint32_t other;
		cr_assert_eq(ids_alloc(&bed.unit.domains, &other), 0);
		cr_expect_neq(other, id);
	}
	uint32_t other;
	cr_expect_eq(ids_alloc(&bed.unit.domains, &other), -ENOSPC);
	account_unref(bed.account);
	ids_destroy(&bed.unit.domains);
}

Test(pagetable, failure_leaves_nothing_mapped)
{
	/* A run that needs many tables, with every allocation failing once. */
	uint64_t start = SIZE_1G - 3 * PAGE_SIZE, size = SIZE_1G + 5 * PAGE_SIZE;

	bed_create(false, 4, 3, 0);
	for (unsigned int n = 1;; n++) {
		fake_page_fail(n);
		int error = bed_map(start, PAGE_SIZE, size, RW);
		fake_page_fail(0);
		if (!error)
			break;
		cr_assert_eq(error, -ENOMEM);
		cr_assert(n < 600);
		for (uint64_t at = start; at < start + size; at += SIZE_2M / 2)
			cr_assert_not(bed_walk(at).present, "failure %u left %#llx", n,
			              (unsigned long long)at);
		cr_assert_eq(bed.domain->mapped, 0);
	}
	bed_unmap(start, size);
	bed_destroy();
}

Test(pagetable, kept_tables_do_not_use_up_a_budget)
{
	/* Root and three more: one lowest table at a time. */
	bed_create(false, 4, 7, 4);
	for (uint64_t i = 0; i < 100; i++) {
		cr_assert_eq(bed_map(i * SIZE_1G, 0x1000, PAGE_SIZE, RW), 0, "round %llu",
		             (unsigned long long)i);
		cr_assert_eq(bed_unmap(i * SIZE_1G, PAGE_SIZE), 0);
	}
	/* What is mapped stays, whatever is short. */
	cr_assert_eq(bed_map(0, 0x1000, PAGE_SIZE, RW), 0);
	cr_expect_eq(bed_map(SIZE_1G, 0x1000, PAGE_SIZE, RW), -ENOMEM);
	cr_expect(bed_walk(0).present);
	bed_unmap(0, PAGE_SIZE);
	bed_destroy();
}

Test(pagetable, map_beyond_the_budget_fails_and_ends, .timeout = 10)
{
	/* The second page needs a table more than there may be. */
	bed_create(false, 4, 7, 4);
	cr_expect_eq(bed_map(SIZE_2M - PAGE_SIZE, 0, 2 * PAGE_SIZE, RW), -ENOMEM);
	cr_expect_not(bed_walk(SIZE_2M - PAGE_SIZE).present);
	cr_expect_eq(bed.domain->mapped, 0);
	bed_destroy();
}

Test(pagetable, tables_of_a_failed_map_do_not_use_up_a_budget)
{
	/* Two of the three tables that a page needs can be had; a gigabyte needs one, elsewhere. */
	bed_create(false, 4, 7, 3);
	cr_expect_eq(bed_map(0, 0, PAGE_SIZE, RW), -ENOMEM);
	cr_expect_eq(bed_map(512 * SIZE_1G, 0, SIZE_1G, RW), 0);
	bed_unmap(512 * SIZE_1G, SIZE_1G);
	bed_destroy();
}

Test(pagetable, failed_flush_inside_a_map_is_not_forgotten)
{
	struct iommu_gather gather;

	bed_create(false, 4, 7, 4);
	cr_assert_eq(bed_map(0, 0x1000, PAGE_SIZE, RW), 0);
	/* A batch: its unmap is flushed early, by the map that runs out of budget. */
	iommu_gather_init(&gather);
	iommu_unmap(bed.domain, iova(0), PAGE_SIZE, &gather);
	bed.flush_result = -EIO;
	cr_expect_neq(iommu_map(bed.domain, iova(SIZE_1G), paddr(0), PAGE_SIZE, RW, &gather), 0);
	bed.flush_result = 0;
	cr_expect_eq(iommu_gather_flush(&gather), -EIO, "the caller would reuse its frames");
	cr_expect_eq(iommu_gather_flush(&gather), 0);
	bed_destroy();
}

Test(pagetable, mapping_over_a_mapping_panics, .signal = SIGABRT)
{
	bed_create(false, 4, 7, 0);
	bed_map(0x1000, 0x1000, PAGE_SIZE, RW);
	bed_map(0x1000, 0x2000, PAGE_SIZE, RW);
}

Test(pagetable, larger_leaf_over_a_mapping_panics, .signal = SIGABRT)
{
	bed_create(false, 4, 7, 0);
	bed_map(SIZE_2M - PAGE_SIZE, 0x1000, PAGE_SIZE, RW);
	bed_map(0, 0, SIZE_2M, RW);
}

Test(pagetable, half_a_leaf_cannot_be_unmapped, .signal = SIGABRT)
{
	bed_create(false, 4, 7, 0);
	bed_map(0, 0, SIZE_2M, RW);
	bed_unmap(0, SIZE_2M / 2);
}

Test(pagetable, interrupt_window_is_never_mapped, .signal = SIGABRT)
{
	bed_create(false, 4, 7, 0);
	bed_map(UINT64_C(0xfeefe000), 0x1000, 2 * PAGE_SIZE, RW);
}

Test(pagetable, ranges_leave_the_interrupt_window_out)
{
	struct cordon_iova_range ranges[4];

	bed_create(false, 3, 7, 0);
	cr_assert_eq(iommu_domain_ranges(bed.domain, ranges, 4), 2);
	cr_expect_eq(ranges[0].start, 0);
	cr_expect_eq(ranges[0].last, 0xfedfffff);
	cr_expect_eq(ranges[1].start, 0xfef00000);
	cr_expect_eq(ranges[1].last, UINT64_C(0x7fffffffff));
	cr_expect_eq(iommu_domain_ranges(bed.domain, ranges, 1), 1);
	bed_destroy();
}

/* --- the gather ------------------------------------------------------------------------------ */

Test(gather, covers_scattered_ranges_or_everything)
{
	struct iommu_gather gather;

	bed_create(false, 4, 1, 0);
	for (uint64_t i = 0; i < 20; i++)
		cr_assert_eq(bed_map(i * 0x10000, 0x1000, PAGE_SIZE, RW), 0);
	iommu_gather_init(&gather);
	for (uint64_t i = 0; i < IOMMU_GATHER_RANGES; i++)
		iommu_unmap(bed.domain, iova(i * 0x10000), PAGE_SIZE, &gather);
	cr_expect_not(gather.everything);
	cr_expect_eq(gather.range_count, IOMMU_GATHER_RANGES);
	iommu_unmap(bed.domain, iova(8 * 0x10000), 12 * 0x10000, &gather);
	cr_expect(gather.everything);
	cr_expect_eq(percpu()->obligations, 1);
	cr_assert_eq(iommu_gather_flush(&gather), 0);
	cr_expect(bed.flushed_everything);
	cr_expect_eq(percpu()->obligations, 0);
	bed_destroy();
}

Test(gather, empty_one_owes_nothing)
{
	struct iommu_gather gather;

	bed_create(false, 4, 1, 0);
	iommu_gather_init(&gather);
	iommu_unmap(bed.domain, iova(0), 0x100000, &gather);
	cr_expect_not(gather.open);
	cr_expect_eq(iommu_gather_flush(&gather), 0);
	cr_expect_eq(bed.flushes, 0);
	bed_destroy();
}

Test(gather, of_two_domains_panics, .signal = SIGABRT)
{
	struct iommu_domain *other;
	struct iommu_gather gather;

	bed_create(false, 4, 1, 0);
	cr_assert_eq(iommu_domain_create(&bed.unit, bed.account, &other), 0);
	iommu_gather_init(&gather);
	iommu_gather_add(&gather, bed.domain, 0, 0xfff);
	iommu_gather_add(&gather, other, 0, 0xfff);
}

/* --- at random, against a model -------------------------------------------------------------- */

#define MODEL_PAGES (3 * SIZE_1G / PAGE_SIZE)
#define MODEL_MAPS  64

static uint64_t model[MODEL_PAGES]; /* target | flags, 0: nothing */

struct map {
	uint64_t first, pages;
};

static bool model_free(uint64_t first, uint64_t pages)
{
	for (uint64_t i = first; i < first + pages; i++) {
		if (model[i])
			return false;
	}
	return true;
}

static void model_check(uint64_t origin, uint64_t page)
{
	struct leaf leaf = bed_walk(origin + page * PAGE_SIZE);

	if (!model[page]) {
		cr_assert_not(leaf.present, "page %#llx", (unsigned long long)page);
		return;
	}
	cr_assert(leaf.present, "page %#llx", (unsigned long long)page);
	cr_assert_eq(leaf.target, model[page] & ~PAGE_MASK);
	cr_assert_eq(leaf.read, model[page] & CORDON_DMA_READ);
	cr_assert_eq(leaf.write, !!(model[page] & CORDON_DMA_WRITE));
	cr_assert(bed.format.leaf_levels >> leaf.level & 1);
}

/* Sizes of all scales, aligned or not. */
static uint64_t random_pages(uint64_t *state)
{
	switch (machine_random(state) % 6) {
	case 0:
		return SIZE_1G / PAGE_SIZE;
	case 1:
		return 512 * (1 + machine_random(state) % 8);
	case 2:
		return 1 + machine_random(state) % 2000;
	default:
		return 1 + machine_random(state) % 8;
	}
}

static uint64_t random_aligned(uint64_t *state, uint64_t below)
{
	static const uint64_t alignments[] = {1, 1, 512, 512, 512 * 512};
	uint64_t alignment = alignments[machine_random(state) % 5];

	return machine_random(state) % below / alignment * alignment;
}

/* Everything the gather does not cover must be as before: what it covers may have changed. */
static bool gather_covers(const struct iommu_gather *gather, uint64_t first, uint64_t last)
{
	if (gather->everything)
		return true;
	for (uint32_t i = 0; i < gather->range_count; i++) {
		if (first >= gather->ranges[i].first && last <= gather->ranges[i].last)
			return true;
	}
	return false;
}

static void random_map(uint64_t *state, uint64_t origin, struct map *map)
{
	uint32_t flags = 1 + (uint32_t)(machine_random(state) % 3);
	uint64_t base;

	map->pages = random_pages(state);
	map->first = random_aligned(state, MODEL_PAGES - map->pages);
	if (!model_free(map->first, map->pages)) {
		map->pages = 0;
		return;
	}
	base = (1 + random_aligned(state, UINT64_C(1) << 26)) * PAGE_SIZE;
	if (machine_random(state) % 2)
		base = (base & ~(SIZE_1G - 1)) | (map->first * PAGE_SIZE & (SIZE_1G - 1));
	if (bed_map(origin + map->first * PAGE_SIZE, base, map->pages * PAGE_SIZE, flags)) {
		map->pages = 0;
		return;
	}
	for (uint64_t i = 0; i < map->pages; i++)
		model[map->first + i] = (base + i * PAGE_SIZE) | flags;
}

static void random_unmap(uint64_t origin, struct map *map)
{
	struct iommu_gather gather;

	iommu_gather_init(&gather);
	iommu_unmap(bed.domain, iova(origin + map->first * PAGE_SIZE), map->pages * PAGE_SIZE,
	            &gather);
	for (uint64_t i = map->first; i < map->first + map->pages; i++) {
		uint64_t at = origin + i * PAGE_SIZE;

		model[i] = 0;
		cr_assert(gather_covers(&gather, at, at + PAGE_SIZE - 1),
		          "the store to %#llx was not recorded", (unsigned long long)at);
	}
	cr_assert(gather.open);
	cr_assert_eq(iommu_gather_flush(&gather), 0);
	map->pages = 0;
}

static void random_run(bool amd, uint8_t levels, uint8_t leaf_levels, uint64_t seed)
{
	struct map maps[MODEL_MAPS] = {{0, 0}};
	uint64_t state = seed;
	/* The last gigabytes of the address space: every level's index is used. */
	uint64_t origin = (UINT64_C(1) << (12 + 9 * levels)) - 3 * SIZE_1G;

	bed_create(amd, levels, leaf_levels, 0);
	memset(model, 0, sizeof(model));
	for (unsigned int step = 0; step < 600; step++) {
		struct map *map = &maps[machine_random(&state) % MODEL_MAPS];

		if (map->pages) {
			random_unmap(origin, map);
		} else {
			fake_page_fail(machine_random(&state) % 16 == 0 ? 1 : 0);
			random_map(&state, origin, map);
			fake_page_fail(0);
		}
		for (unsigned int i = 0; i < 64; i++)
			model_check(origin, machine_random(&state) % MODEL_PAGES);
	}
	for (uint64_t page = 0; page < MODEL_PAGES; page++)
		model_check(origin, page);
	for (size_t i = 0; i < MODEL_MAPS; i++) {
		if (maps[i].pages)
			random_unmap(origin, &maps[i]);
	}
	cr_expect_eq(bed.domain->mapped, 0);
	bed_destroy();
}

Test(pagetable_random, vtd_39_bits_small_leaves)
{
	random_run(false, 3, 1, 1);
}

Test(pagetable_random, vtd_39_bits_all_leaves)
{
	random_run(false, 3, 7, 2);
}

Test(pagetable_random, vtd_48_bits_2m_leaves)
{
	random_run(false, 4, 3, 3);
}

Test(pagetable_random, vtd_48_bits_all_leaves)
{
	random_run(false, 4, 7, 4);
}

Test(pagetable_random, amd_48_bits_all_leaves)
{
	random_run(true, 4, 7, 5);
}

/* --- ids ------------------------------------------------------------------------------------- */

Test(ids, are_unique_and_rest_as_long_as_possible)
{
	struct ids ids;
	uint32_t id;
	bool seen[130] = {false};

	cr_assert_eq(ids_init(&ids, 1, 130), 0);
	for (unsigned int i = 1; i < 130; i++) {
		cr_assert_eq(ids_alloc(&ids, &id), 0);
		cr_assert(id >= 1 && id < 130 && !seen[id]);
		seen[id] = true;
	}
	cr_expect_eq(ids_alloc(&ids, &id), -ENOSPC);
	ids_free(&ids, 7);
	ids_free(&ids, 100);
	cr_assert_eq(ids_alloc(&ids, &id), 0);
	cr_assert(id == 7 || id == 100);
	ids_free(&ids, id);
	uint32_t again;
	cr_assert_eq(ids_alloc(&ids, &again), 0);
	cr_expect_neq(again, id, "a freed id comes back at once");
	ids_destroy(&ids);
}

Test(ids, freeing_twice_panics, .signal = SIGABRT)
{
	struct ids ids;
	uint32_t id;

	cr_assert_eq(ids_init(&ids, 1, 130), 0);
	cr_assert_eq(ids_alloc(&ids, &id), 0);
	ids_free(&ids, id);
	ids_free(&ids, id);
}
