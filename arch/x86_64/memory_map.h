/* SPDX-License-Identifier: MIT */
/* Puts a firmware memory map in order. No hardware: tests/unit/arch has the test. */
#ifndef ARCH_X86_64_MEMORY_MAP_H
#define ARCH_X86_64_MEMORY_MAP_H

#include <kernel/page.h>
#include <kernel/types.h>

#define MEMORY_MAP_ENTRIES_MAX 128

struct memory_map_entry {
	uint64_t start;
	uint64_t size;
	bool usable;
};

/*
 * Sorts the map, resolves overlaps (what any entry reserves is reserved) and joins neighbours of
 * the same kind. Usable ranges are cut to whole pages inside, reserved ones are kept to the byte.
 * Entries that wrap around are cut at 2^64 - 1. out has room for max ranges; what does not fit is
 * left out from the top.
 *
 * Returns the number of ranges written; *complete is false when some were left out.
 */
size_t memory_map_normalise(const struct memory_map_entry *entries, size_t count,
                            struct memory_range *out, size_t max, bool *complete);

/* Cuts usable ranges at limit. Returns the bytes lost. */
uint64_t memory_map_limit(struct memory_range *ranges, size_t *count, uint64_t limit);

#endif
