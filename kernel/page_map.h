/* SPDX-License-Identifier: MIT */
/* Where RAM is, and which of it the allocator may have (kernel/page.c). */
#ifndef KERNEL_PAGE_MAP_H
#define KERNEL_PAGE_MAP_H

#include <kernel/page.h>
#include <kernel/types.h>

/* What may be given out: usable, not in the first MiB, whole frames, and not reserved. */
struct page_map {
	const struct memory_range *ranges;
	size_t range_count;
	const struct memory_range *reserved;
	size_t reserved_count;
	uint64_t own_start; /* what the allocator needs itself, once that has a place */
	uint64_t own_end;
};

/* Finds the first stretch [*start, *end) of a range at or above *start, in bytes. */
bool page_map_next(const struct page_map *map, const struct memory_range *range, uint64_t *start,
                   uint64_t *end);

/* Remembers where RAM is, for page_is_ram and its like; ranges that touch become one. At boot. */
void page_map_record(const struct memory_range *ranges, size_t count);

#endif
