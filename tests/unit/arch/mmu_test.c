/* SPDX-License-Identifier: MIT */
/*
 * The page tables against a model (one record a page) and a walker that shares nothing with them
 * but the processor manual.
 */
#include <criterion/criterion.h>

#include <arch/mmio.h>
#include <arch/x86_64/mmu.h>
#include <cordon/errno.h>
#include <signal.h>
#include <stdlib.h>
#include <tests/unit/fake/fake.h>

#define SPACE_PAGES                                                                  \
	(UINT64_C(5) << 18) /* 5 GiB: five 1 GiB leaves, more than one table a level \
	                     */
#define STEPS 3000

/* --- the walker ---------------------------------------------------------------------------- */

/* A page-table entry, bit by bit (Intel SDM 3, tables 4-15 to 4-20). */
union entry {
	uint64_t raw;
	struct {
		uint64_t p : 1, rw : 1, us : 1, pwt : 1, pcd : 1, a : 1, d : 1, ps : 1, g : 1;
		uint64_t ignored : 3, frame : 40, used : 10, ignored2 : 1, xd : 1;
	};
};

struct translation {
	bool mapped;
	uint64_t physical;
	uint64_t size; /* of the leaf */
	bool writable, user, executable, uncached;
};

static struct translation walk(uint64_t root, uint64_t address)
{
	struct translation t = {.writable = true, .user = true, .executable = true};
	uint64_t table = root;
	static const int shifts[] = {39, 30, 21, 12};

	for (int i = 0; i < 4; i++) {
		const union entry *entries = phys_to_virt(paddr(table));
		union entry e = entries[address >> shifts[i] & 511];

		if (!e.p)
			return (struct translation){0};
		t.writable = t.writable && e.rw;
		t.user = t.user && e.us;
		t.executable = t.executable && !e.xd;
		if (i == 3 || (i > 0 && e.ps)) {
			uint64_t mask = (UINT64_C(1) << shifts[i]) - 1;

			cr_assert_eq((e.frame << 12) & mask, 0,
			             "a large leaf with address bits below");
			t.mapped = true;
			t.size = mask + 1;
			t.physical = (e.frame << 12) + (address & mask);
			t.uncached = e.pcd && e.pwt;
			/* In a 4 KiB leaf this bit selects another half of the PAT. */
			cr_assert(i < 3 || !e.ps);
			return t;
		}
		cr_assert(!e.ps || i == 3, "reserved bit in a top-level entry");
		table = e.frame << 12;
	}
	abort();
}

/* Frames that the tables below the root take, found by walking; each is counted right by the entry
 * that names it. Adds the empty ones to *empty. */
static uint64_t count_tables(uint64_t table, int level, uint64_t *empty)
{
	const union entry *entries = phys_to_virt(paddr(table));
	uint64_t count = 0;

	for (int i = 0; i < 512; i++) {
		const union entry *below;
		unsigned int used = 0;

		if (level == 1 || !entries[i].p || (level < 4 && entries[i].ps))
			continue;
		below = phys_to_virt(paddr((uint64_t)entries[i].frame << 12));
		for (int k = 0; k < 512; k++)
			used += below[k].raw != 0;
		cr_assert_eq(entries[i].used, used, "a table with %u entries counts %u", used,
		             (unsigned int)entries[i].used);
		*empty += used == 0;
		count += 1 + count_tables((uint64_t)entries[i].frame << 12, level - 1, empty);
	}
	return count;
}

/* --- the model ----------------------------------------------------------------------------- */

struct page {
	uint64_t physical;
	uint64_t flags; /* 0: not mapped */
};

static struct page *model;
static struct arch_paging paging;

static void setup(void)
{
	model = calloc(SPACE_PAGES, sizeof(*model));
	cr_assert(model != NULL);
	paging = (struct arch_paging){0};
	cr_assert_eq(page_alloc_zeroed(&paging.root), 0);
}

static void teardown(void)
{
	free(model);
}

static void check_page(uint64_t page)
{
	struct translation t = walk(paging.root.raw, page << 12);
	const struct page *expected = &model[page];

	cr_assert_eq(t.mapped, expected->flags != 0, "page %#lx", page);
	if (!t.mapped)
		return;
	cr_assert_eq(t.physical, expected->physical);
	cr_assert_eq(t.writable, (expected->flags & PTE_WRITABLE) != 0);
	cr_assert_eq(t.user, (expected->flags & PTE_USER) != 0);
	cr_assert_eq(t.executable, !(expected->flags & PTE_NX));
	cr_assert_eq(t.uncached, (expected->flags & PTE_UNCACHED) == PTE_UNCACHED);
}

static void check_all(void)
{
	for (uint64_t page = 0; page < SPACE_PAGES; page++)
		check_page(page);
}

static void check_frames(void)
{
	uint64_t empty = 0;
	uint64_t tables = count_tables(paging.root.raw, 4, &empty);

	cr_assert_leq(empty, ARCH_PAGING_KEPT, "more empty tables than may stay");
	cr_assert_eq(paging.tables, tables);
	cr_assert_eq(fake_pages_used(), tables + 1);
}

static void model_map(uint64_t page, uint64_t count, uint64_t physical, uint64_t flags)
{
	for (uint64_t i = 0; i < count; i++)
		model[page + i] = (struct page){physical + (i << 12), flags};
}

static void model_protect(uint64_t page, uint64_t count, uint64_t flags)
{
	const uint64_t rights = PTE_WRITABLE | PTE_NX;

	for (uint64_t i = 0; i < count; i++)
		if (model[page + i].flags)
			model[page + i].flags = (model[page + i].flags & ~rights) |
			                        (flags & rights);
}

static bool model_free(uint64_t page, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		if (model[page + i].flags)
			return false;
	return true;
}

/* Sizes and places of all kinds: single pages, around borders, and large ones. */
static uint64_t random_pages(void)
{
	static const uint64_t base[] = {1, 1, 3, 16, 512, 512, 1024, 700, 1 << 18, 300000};

	return base[(size_t)rand() % 10] + (rand() % 4 == 0 ? (uint64_t)rand() % 5 : 0);
}

static uint64_t random_place(uint64_t count)
{
	static const uint64_t unit[] = {1, 512, 1 << 18};
	uint64_t place = (uint64_t)rand() % (SPACE_PAGES - count + 1);

	return place / unit[rand() % 3] * unit[rand() % 3] % (SPACE_PAGES - count + 1);
}

static uint64_t random_flags(void)
{
	static const uint64_t flags[] = {
	        PTE_USER | PTE_NX,
	        PTE_USER | PTE_NX | PTE_WRITABLE,
	        PTE_USER,
	        PTE_USER | PTE_NX | PTE_WRITABLE | PTE_UNCACHED,
	};

	return flags[rand() % 4];
}

static void check_around(uint64_t page, uint64_t count)
{
	const uint64_t places[] = {page,         page + 1, page + count / 2, page + count - 1,
	                           page + count, page - 1};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (places[i] < SPACE_PAGES)
			check_page(places[i]);
}

TestSuite(mmu, .init = setup, .fini = teardown);

Test(mmu, random_mappings_agree_with_an_independent_walker, .timeout = 120)
{
	srand(20240817);
	for (int step = 0; step < STEPS; step++) {
		uint64_t count = random_pages();
		uint64_t page = random_place(count);
		uint64_t physical = (uint64_t)rand() % (1 << 22) << 12;

		if (rand() % 2)
			physical = physical >> 30 << 30 | (page << 12 & (SIZE_1G - 1));
		if (rand() % 2 && model_free(page, count)) {
			uint64_t flags = random_flags();

			cr_assert_eq(mmu_map(&paging, page << 12, paddr(physical), count << 12,
			                     flags, 1 + rand() % 3, false),
			             0);
			model_map(page, count, physical, flags);
		} else if (rand() % 3 == 0) {
			uint64_t flags = random_flags();

			cr_assert_eq(mmu_protect(&paging, page << 12, count << 12, flags), 0);
			model_protect(page, count, flags);
		} else {
			cr_assert_eq(mmu_unmap(&paging, page << 12, count << 12, false), 0);
			model_map(page, count, 0, 0);
		}
		check_around(page, count);
		mmu_free_retired(&paging);
		if (step % 300 == 0) {
			check_all();
			check_frames();
		}
	}
	check_all();
	check_frames();
	cr_assert_eq(mmu_unmap(&paging, 0, SPACE_PAGES << 12, false), 0);
	mmu_trim(&paging);
	mmu_free_retired(&paging);
	cr_assert_eq(paging.tables, 0);
	cr_assert_eq(fake_pages_used(), 1);
}

Test(mmu, out_of_memory_at_any_allocation_changes_no_translation)
{
	int fails = 0;

	/* A leaf to split on either side, and a part to map that needs many tables. */
	model_map(512, 512, SIZE_2M, PTE_USER);
	cr_assert_eq(mmu_map(&paging, SIZE_2M, paddr(SIZE_2M), SIZE_2M, PTE_USER, 3, false), 0);
	for (uint64_t n = 1; n < 20; n++) {
		uint64_t before = paging.tables;
		int error;

		check_frames();
		fake_page_fail(n);
		error = mmu_map(&paging, SIZE_1G - SIZE_2M - PAGE_SIZE, paddr(PAGE_SIZE),
		                SIZE_1G + 2 * SIZE_2M, PTE_USER | PTE_NX, 3, false);
		fake_page_fail(0);
		if (error != 0)
			mmu_trim(&paging);
		mmu_free_retired(&paging);
		if (error == 0) {
			cr_assert_eq(mmu_unmap(&paging, SIZE_1G - SIZE_2M - PAGE_SIZE,
			                       SIZE_1G + 2 * SIZE_2M, false),
			             0);
			mmu_free_retired(&paging);
			break;
		}
		cr_assert_eq(error, -ENOMEM);
		cr_assert_eq(paging.tables, before, "tables of a failed mapping were kept");
		check_all();
		fails++;
	}
	cr_assert_gt(fails, 2);
	check_frames();

	for (fails = 0;; fails++) {
		int error;

		fake_page_fail((uint64_t)fails + 1);
		error = mmu_unmap(&paging, SIZE_2M + PAGE_SIZE, SIZE_2M - 2 * PAGE_SIZE, false);
		fake_page_fail(0);
		if (error == 0)
			break;
		cr_assert_eq(error, -ENOMEM);
		check_all();
	}
	cr_assert_eq(fails, 1, "one leaf crosses both ends: one table is needed");
	model_map(513, 510, 0, 0);
	check_all();
	mmu_free_retired(&paging);
	check_frames();
}

Test(mmu, the_largest_leaves_that_fit_are_used)
{
	/* 1 GiB leaf with a 2 MiB and a 4 KiB leaf on either side. */
	uint64_t start = SIZE_1G - SIZE_2M - PAGE_SIZE;

	cr_assert_eq(mmu_map(&paging, start, paddr(start), SIZE_1G + 2 * (SIZE_2M + PAGE_SIZE),
	                     PTE_USER, 3, false),
	             0);
	cr_assert_eq(walk(paging.root.raw, start).size, PAGE_SIZE);
	cr_assert_eq(walk(paging.root.raw, start + PAGE_SIZE).size, SIZE_2M);
	cr_assert_eq(walk(paging.root.raw, SIZE_1G).size, SIZE_1G);
	cr_assert_eq(walk(paging.root.raw, 2 * SIZE_1G).size, SIZE_2M);
	cr_assert_eq(walk(paging.root.raw, 2 * SIZE_1G + SIZE_2M).size, PAGE_SIZE);
}

Test(mmu, a_retired_table_shows_no_entry_and_is_freed_only_by_the_flush)
{
	uint64_t used, table;

	cr_assert_eq(mmu_map(&paging, 0, paddr(0x5000), PAGE_SIZE, PTE_USER, 3, false), 0);
	cr_assert_eq(mmu_map(&paging, SIZE_1G, paddr(0x5000), PAGE_SIZE, PTE_USER, 3, false), 0);
	used = fake_pages_used();
	cr_assert_eq(mmu_unmap(&paging, 0, 2 * SIZE_1G, false), 0);
	cr_assert_eq(paging.retired.raw, 0, "they are kept");
	cr_assert(mmu_trim(&paging));
	cr_assert_eq(fake_pages_used(), used);
	cr_assert_eq(paging.tables, used - 1);
	table = paging.retired.raw;
	for (int i = 0; table != 0; i++) {
		const uint64_t *entries = phys_to_virt(paddr(table));

		cr_assert_lt(i, 5);
		for (int k = 0; k < 512; k++)
			cr_assert_eq(entries[k] & PTE_PRESENT, 0);
		table = entries[0];
	}
	mmu_free_retired(&paging);
	cr_assert_eq(fake_pages_used(), 1);
	cr_assert_eq(paging.tables, 0);
}

Test(mmu, a_hot_mapping_takes_no_table_each_time)
{
	uint64_t used;

	for (int round = 0; round < 3 * ARCH_PAGING_KEPT; round++) {
		cr_assert_eq(
		        mmu_map(&paging, SIZE_1G, paddr(0x5000), PAGE_SIZE, PTE_USER, 3, false), 0);
		if (round == 0)
			used = fake_pages_used();
		cr_assert_eq(mmu_unmap(&paging, SIZE_1G, PAGE_SIZE, false), 0);
		cr_assert_eq(paging.retired.raw, 0);
		cr_assert_eq(fake_pages_used(), used);
		check_frames();
	}
	cr_assert_eq(paging.kept_next, 1, "one table has one place");
}

Test(mmu, only_so_many_empty_tables_stay_and_the_oldest_go_first)
{
	for (uint64_t i = 0; i <= ARCH_PAGING_KEPT; i++) {
		cr_assert_eq(
		        mmu_map(&paging, i * SIZE_1G, paddr(0x5000), PAGE_SIZE, PTE_USER, 3, false),
		        0);
		cr_assert_eq(paging.tables, 1 + 2 * (i + 1));
		cr_assert_eq(mmu_unmap(&paging, i * SIZE_1G, PAGE_SIZE, false), 0);
	}
	/* The first, and the table above that nothing is left in. */
	cr_assert_neq(paging.retired.raw, 0);
	mmu_free_retired(&paging);
	cr_assert_eq(paging.tables, 1 + 2 * ARCH_PAGING_KEPT);
	cr_assert_eq(mmu_map(&paging, SIZE_1G, paddr(0x5000), PAGE_SIZE, PTE_USER, 3, false), 0);
	cr_assert_eq(paging.tables, 1 + 2 * ARCH_PAGING_KEPT, "the second is still there");
	cr_assert(mmu_trim(&paging));
	mmu_free_retired(&paging);
	cr_assert_eq(paging.tables, 3, "what is used stays");
	cr_assert(walk(paging.root.raw, SIZE_1G).mapped);
	cr_assert_not(mmu_trim(&paging));
	check_frames();
}

Test(mmu, a_large_leaf_takes_the_place_of_empty_tables)
{
	for (uint64_t i = 0; i < 3; i++)
		cr_assert_eq(mmu_map(&paging, SIZE_1G + i * SIZE_2M, paddr(0x5000), PAGE_SIZE,
		                     PTE_USER, 3, false),
		             0);
	cr_assert_eq(mmu_unmap(&paging, SIZE_1G, SIZE_1G, false), 0);
	cr_assert_eq(paging.tables, 5);
	cr_assert_eq(mmu_map(&paging, SIZE_1G + SIZE_2M, paddr(0), SIZE_2M, PTE_USER, 3, false), 0);
	mmu_free_retired(&paging);
	check_frames();
	cr_assert_eq(paging.tables, 4);
	cr_assert_eq(mmu_unmap(&paging, SIZE_1G, SIZE_1G, false), 0);
	cr_assert_eq(mmu_map(&paging, SIZE_1G, paddr(0), SIZE_1G, PTE_USER, 3, false), 0);
	mmu_free_retired(&paging);
	cr_assert_eq(paging.tables, 1);
	cr_assert_eq(walk(paging.root.raw, SIZE_1G).size, SIZE_1G);
	check_frames();
}

Test(mmu, kept_tables_stay_linked)
{
	uint64_t tables;

	cr_assert_eq(mmu_map(&paging, 0, paddr(0x5000), PAGE_SIZE, 0, 3, true), 0);
	tables = paging.tables;
	cr_assert_eq(mmu_unmap(&paging, 0, PAGE_SIZE, true), 0);
	cr_assert_eq(paging.tables, tables);
	cr_assert_eq(paging.retired.raw, 0);
	cr_assert(!walk(paging.root.raw, 0).mapped);
}

Test(mmu, mapping_over_a_mapping_is_a_panic, .signal = SIGABRT)
{
	cr_assert_eq(mmu_map(&paging, 0, paddr(0), PAGE_SIZE, PTE_USER, 3, false), 0);
	mmu_map(&paging, 0, paddr(0), PAGE_SIZE, PTE_USER, 3, false);
}

Test(mmu, lookup_tells_leaf_and_level)
{
	uint64_t leaf;
	int level;

	cr_assert_eq(mmu_map(&paging, SIZE_1G, paddr(0), SIZE_1G + SIZE_2M + PAGE_SIZE, PTE_USER, 3,
	                     false),
	             0);
	cr_assert(mmu_lookup(&paging, SIZE_1G + 5, &leaf, &level));
	cr_assert_eq(level, 3);
	cr_assert(mmu_lookup(&paging, 2 * SIZE_1G, &leaf, &level));
	cr_assert_eq(level, 2);
	cr_assert_eq(leaf & PTE_ADDRESS, SIZE_1G);
	cr_assert(mmu_lookup(&paging, 2 * SIZE_1G + SIZE_2M, &leaf, &level));
	cr_assert_eq(level, 1);
	cr_assert(!mmu_lookup(&paging, 0, &leaf, &level));
	cr_assert(!mmu_lookup(&paging, 2 * SIZE_1G + SIZE_2M + PAGE_SIZE, &leaf, &level));
}

static uint64_t visited, visited_writable_executable;

static void visit(uint64_t address, uint64_t leaf, int level, uint64_t rights)
{
	struct translation t = walk(paging.root.raw, address);

	(void)leaf;
	cr_assert(t.mapped);
	cr_assert_eq(t.size, mmu_span(level));
	cr_assert_eq(t.writable, (rights & PTE_WRITABLE) != 0);
	cr_assert_eq(t.executable, !(rights & PTE_NX));
	cr_assert_eq(t.user, (rights & PTE_USER) != 0);
	visited++;
	visited_writable_executable += t.writable && t.executable;
}

Test(mmu, a_visit_meets_every_leaf_with_the_rights_of_all_levels)
{
	const uint64_t kernel = UINT64_C(0xffffffff80000000);

	cr_assert_eq(mmu_map(&paging, kernel, paddr(SIZE_2M), SIZE_2M + 3 * PAGE_SIZE,
	                     PTE_NX | PTE_WRITABLE, 3, true),
	             0);
	cr_assert_eq(mmu_map(&paging, 0, paddr(0), 2 * PAGE_SIZE, PTE_USER, 3, false), 0);
	mmu_visit(&paging, 256, visit);
	cr_assert_eq(visited, 4);
	mmu_visit(&paging, 0, visit);
	cr_assert_eq(visited, 4 + 6);
	cr_assert_eq(visited_writable_executable, 0);
	cr_assert_eq(
	        mmu_map(&paging, kernel - PAGE_SIZE, paddr(0), PAGE_SIZE, PTE_WRITABLE, 3, true),
	        0);
	mmu_visit(&paging, 256, visit);
	cr_assert_eq(visited_writable_executable, 1);
}
