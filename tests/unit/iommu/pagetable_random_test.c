// SPDX-License-Identifier: MIT
/* Page tables at random, with failing allocations, against an array. */
#include <criterion/criterion.h>
#include <tests/random.h>
#include <tests/unit/iommu/machine.h>
#include <tests/unit/iommu/pagetable_bed.h>

#include <string.h>
#include <tests/unit/fake/fake.h>

#define PAGES_MAX  (3 * SIZE_1G / PAGE_SIZE)
#define MODEL_MAPS 64

#define GUEST_TABLES 40 /* sometimes enough */

static uint64_t model[PAGES_MAX]; /* target | flags, 0: nothing */
static uint64_t model_pages;      /* of which the tree covers as many */
static struct account *guest;     /* maps, too */

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
	struct leaf leaf = tree_walk(origin + page * PAGE_SIZE);

	if (!model[page]) {
		cr_assert_not(leaf.present, "page %#llx", (unsigned long long)page);
		return;
	}
	cr_assert(leaf.present, "page %#llx", (unsigned long long)page);
	cr_assert_eq(leaf.target, model[page] & ~PAGE_MASK);
	cr_assert_eq(leaf.read, model[page] & CORDON_DMA_READ);
	cr_assert_eq(leaf.write, !!(model[page] & CORDON_DMA_WRITE));
	cr_assert(tree.format.leaf_levels >> leaf.level & 1);
}

/* Sizes of all scales, aligned or not. */
static uint64_t random_pages(struct random *numbers)
{
	switch (random_next(numbers) % 6) {
	case 0:
		return SIZE_1G / PAGE_SIZE;
	case 1:
		return 512 * (1 + random_next(numbers) % 8);
	case 2:
		return 1 + random_next(numbers) % 2000;
	default:
		return 1 + random_next(numbers) % 8;
	}
}

static uint64_t random_aligned(struct random *numbers, uint64_t below)
{
	static const uint64_t alignments[] = {1, 1, 512, 512, 512 * 512};
	uint64_t alignment = alignments[random_next(numbers) % 5];

	return random_next(numbers) % below / alignment * alignment;
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

static void random_map(struct random *numbers, uint64_t origin, struct map *map)
{
	uint32_t flags = 1 + (uint32_t)(random_next(numbers) % 3);
	uint64_t base;

	map->pages = random_pages(numbers);
	if (map->pages > model_pages)
		map->pages = 1 + random_next(numbers) % model_pages;
	map->first = random_aligned(numbers, model_pages - map->pages + 1);
	if (!model_free(map->first, map->pages)) {
		map->pages = 0;
		return;
	}
	base = (1 + random_aligned(numbers, UINT64_C(1) << 26)) * PAGE_SIZE;
	if (random_next(numbers) % 2)
		base = (base & ~(SIZE_1G - 1)) | (map->first * PAGE_SIZE & (SIZE_1G - 1));
	if (tree_map_for(random_next(numbers) % 3 ? NULL : guest, origin + map->first * PAGE_SIZE,
	                 base, map->pages * PAGE_SIZE, flags)) {
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
	iommu_unmap(tree.domain, iova(origin + map->first * PAGE_SIZE), map->pages * PAGE_SIZE,
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
	struct random numbers = random_of(seed);
	/* The last gigabytes of the address space: every level's index is used. */
	uint64_t span = levels == 6 ? UINT64_C(1) << 63 : UINT64_C(1) << (12 + 9 * levels);
	uint64_t origin = span > 3 * SIZE_1G ? span - 3 * SIZE_1G : 0;

	model_pages = span > 3 * SIZE_1G ? PAGES_MAX : span / PAGE_SIZE;
	tree_create(amd, levels, leaf_levels, 0);
	guest = guest_create(GUEST_TABLES);
	memset(model, 0, sizeof(model));
	for (unsigned int step = 0; step < 600; step++) {
		struct map *map = &maps[random_next(&numbers) % MODEL_MAPS];

		if (map->pages) {
			random_unmap(origin, map);
		} else {
			fake_page_fail(random_next(&numbers) % 16 == 0 ? 1 : 0);
			random_map(&numbers, origin, map);
			fake_page_fail(0);
		}
		cr_assert_eq(tree_tables_charged() + guest_tables_charged(guest),
		             tree.domain->table.table_count);
		for (unsigned int i = 0; i < 64; i++)
			model_check(origin, random_next(&numbers) % model_pages);
	}
	for (uint64_t page = 0; page < model_pages; page++)
		model_check(origin, page);
	for (size_t i = 0; i < MODEL_MAPS; i++) {
		if (maps[i].pages)
			random_unmap(origin, &maps[i]);
	}
	cr_expect_eq(tree.domain->mapped, 0);
	guest_destroy(guest);
	tree_destroy();
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

Test(pagetable_random, vtd_57_bits_all_leaves)
{
	random_run(false, 5, 7, 6);
}

Test(pagetable_random, amd_1_level)
{
	random_run(true, 1, 7, 7);
}

Test(pagetable_random, amd_2_levels)
{
	random_run(true, 2, 7, 8);
}

Test(pagetable_random, amd_3_levels)
{
	random_run(true, 3, 7, 9);
}

Test(pagetable_random, amd_5_levels)
{
	random_run(true, 5, 7, 10);
}

Test(pagetable_random, amd_6_levels)
{
	random_run(true, 6, 7, 11);
}

Test(pagetable_random, amd_48_bits_all_leaves)
{
	random_run(true, 4, 7, 5);
}
