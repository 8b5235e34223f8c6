/* SPDX-License-Identifier: MIT */
#include <kernel/page_map.h>
#include <kernel/panic.h>

#define LOW_LIMIT (UINT64_C(1) << 20) /* firmware and real-mode structures live below */

static struct memory_range ram[PAGE_RANGES_MAX];
static size_t ram_count;

static uint64_t range_end(const struct memory_range *range)
{
	return range->start.raw + range->size;
}

/* Cuts [start, end) at whole frames that are kept out, if they lie in it at all. */
static void chunk_cut(uint64_t kept_start, uint64_t kept_end, uint64_t *start, uint64_t *end)
{
	kept_start = align_down(kept_start, PAGE_SIZE);
	kept_end = align_up(kept_end, PAGE_SIZE);
	if (kept_start >= kept_end || kept_end <= *start || kept_start >= *end)
		return;
	if (kept_start <= *start)
		*start = min_u64(kept_end, *end);
	else
		*end = kept_start;
}

bool page_map_next(const struct page_map *map, const struct memory_range *range, uint64_t *start,
                   uint64_t *end)
{
	uint64_t before;

	*start = align_up(max_u64(*start, max_u64(range->start.raw, LOW_LIMIT)), PAGE_SIZE);
	do {
		before = *start;
		*end = align_down(range_end(range), PAGE_SIZE);
		if (*start >= *end)
			return false;
		for (size_t i = 0; i < map->reserved_count; i++)
			chunk_cut(map->reserved[i].start.raw, range_end(&map->reserved[i]), start,
			          end);
		chunk_cut(map->own_start, map->own_end, start, end);
	} while (*start != before);
	return true;
}

void page_map_record(const struct memory_range *ranges, size_t count)
{
	uint64_t last = 0;

	for (size_t i = 0; i < count; i++) {
		ASSERT(ranges[i].start.raw >= last && range_end(&ranges[i]) >= ranges[i].start.raw);
		last = range_end(&ranges[i]);
		if (!ranges[i].usable || ranges[i].size == 0)
			continue;
		if (ram_count > 0 && range_end(&ram[ram_count - 1]) == ranges[i].start.raw) {
			ram[ram_count - 1].size += ranges[i].size;
			continue;
		}
		ASSERT(ram_count < PAGE_RANGES_MAX);
		ram[ram_count++] = ranges[i];
	}
	if (ram_count == 0)
		panic("no memory: the boot information names no usable range");
}

bool page_is_ram(paddr_t base, uint64_t size)
{
	for (size_t i = 0; i < ram_count; i++)
		if (base.raw >= ram[i].start.raw && base.raw < range_end(&ram[i]))
			return size <= range_end(&ram[i]) - base.raw;
	return false;
}

bool page_overlaps_ram(paddr_t base, uint64_t size)
{
	uint64_t last = base.raw + size - 1;

	if (size == 0)
		return false;
	if (last < base.raw)
		last = UINT64_MAX;
	for (size_t i = 0; i < ram_count; i++)
		if (base.raw < range_end(&ram[i]) && last >= ram[i].start.raw)
			return true;
	return false;
}

paddr_t page_ram_end(void)
{
	return paddr(range_end(&ram[ram_count - 1]));
}
