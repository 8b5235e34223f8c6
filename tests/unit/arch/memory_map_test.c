/* SPDX-License-Identifier: MIT */
/* The memory map against a model with one cell for each quarter of a page. */
#include <criterion/criterion.h>

#include <arch/x86_64/memory_map.h>
#include <stdlib.h>
#include <string.h>

#define CELL   (PAGE_SIZE / 4)
#define CELLS  256
#define ROUNDS 20000

enum cell {
	NOTHING,
	RAM,
	RESERVED,
};

static void model_add(enum cell *cells, uint64_t first, uint64_t count, bool usable)
{
	for (uint64_t i = first; i < first + count; i++)
		if (cells[i] != RESERVED)
			cells[i] = usable ? RAM : RESERVED;
}

/* What a page allocator may use: pages of which every cell is RAM. */
static bool model_usable(const enum cell *cells, uint64_t page)
{
	for (int i = 0; i < 4; i++)
		if (cells[page * 4 + (uint64_t)i] != RAM)
			return false;
	return true;
}

static const struct memory_range *range_at(const struct memory_range *ranges, size_t count,
                                           uint64_t address)
{
	for (size_t i = 0; i < count; i++)
		if (address >= ranges[i].start.raw &&
		    address - ranges[i].start.raw < ranges[i].size)
			return &ranges[i];
	return NULL;
}

Test(memory_map, any_map_comes_out_sorted_and_says_what_the_model_says)
{
	srand(4711);
	for (int round = 0; round < ROUNDS; round++) {
		struct memory_map_entry entries[12];
		struct memory_range out[64];
		enum cell cells[CELLS] = {0};
		size_t count = (size_t)rand() % 12;
		bool complete;

		for (size_t i = 0; i < count; i++) {
			uint64_t first = (uint64_t)rand() % CELLS;
			uint64_t length = (uint64_t)rand() % (CELLS - first + 1);

			entries[i] = (struct memory_map_entry){first * CELL, length * CELL,
			                                       rand() % 3 != 0};
			model_add(cells, first, length, entries[i].usable);
		}
		size_t n = memory_map_normalise(entries, count, out, 64, &complete);

		cr_assert(complete);
		for (size_t i = 0; i < n; i++) {
			cr_assert_gt(out[i].size, 0);
			if (i > 0)
				cr_assert_geq(out[i].start.raw,
				              out[i - 1].start.raw + out[i - 1].size);
			if (out[i].usable)
				cr_assert(is_aligned(out[i].start.raw | out[i].size, PAGE_SIZE));
		}
		for (uint64_t c = 0; c < CELLS; c++) {
			const struct memory_range *range = range_at(out, n, c * CELL);

			cr_assert_eq(range && !range->usable, cells[c] == RESERVED);
			cr_assert_eq(range && range->usable, model_usable(cells, c / 4));
		}
	}
}

Test(memory_map, neighbours_of_one_kind_become_one_range)
{
	const struct memory_map_entry entries[] = {
	        {0x3000, 0x1000, true}, {0x1000, 0x1000, true}, {0x2000, 0x1000, true}};
	struct memory_range out[4];
	bool complete;

	cr_assert_eq(memory_map_normalise(entries, 3, out, 4, &complete), 1);
	cr_assert_eq(out[0].start.raw, 0x1000);
	cr_assert_eq(out[0].size, 0x3000);
}

Test(memory_map, an_entry_that_wraps_around_is_cut)
{
	const struct memory_map_entry entries[] = {{UINT64_MAX - 0x1fff, 0x100000, false},
	                                           {0, 0x10000, true}};
	struct memory_range out[4];
	bool complete;

	cr_assert_eq(memory_map_normalise(entries, 2, out, 4, &complete), 2);
	cr_assert(out[0].usable && out[0].start.raw == 0 && out[0].size == 0x10000);
	cr_assert(!out[1].usable && out[1].start.raw == UINT64_MAX - 0x1fff);
	cr_assert_eq(out[1].size, 0x1fff);
}

Test(memory_map, a_map_with_too_many_ranges_is_reported)
{
	struct memory_map_entry entries[10];
	struct memory_range out[5];
	bool complete;

	for (uint64_t i = 0; i < 10; i++)
		entries[i] = (struct memory_map_entry){i * 0x2000, 0x1000, true};
	cr_assert_eq(memory_map_normalise(entries, 10, out, 5, &complete), 5);
	cr_assert(!complete);
	cr_assert_eq(out[4].start.raw, 4 * 0x2000);
	cr_assert_eq(memory_map_normalise(entries, 5, out, 5, &complete), 5);
	cr_assert(complete);
}

Test(memory_map, a_limit_cuts_only_usable_ranges)
{
	struct memory_range ranges[] = {{paddr(0), 0x4000, true},
	                                {paddr(0x4000), 0x1000, false},
	                                {paddr(0x8000), 0x4000, true},
	                                {paddr(0x10000), 0x1000, true},
	                                {paddr(0x20000), 0x1000, false}};
	size_t count = 5;

	cr_assert_eq(memory_map_limit(ranges, &count, 0x9000), 0x3000 + 0x1000);
	cr_assert_eq(count, 4);
	cr_assert_eq(ranges[2].start.raw, 0x8000);
	cr_assert_eq(ranges[2].size, 0x1000);
	cr_assert(!ranges[3].usable && ranges[3].start.raw == 0x20000);
}
