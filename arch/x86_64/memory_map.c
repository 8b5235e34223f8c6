/* SPDX-License-Identifier: MIT */
#include "memory_map.h"

#include <kernel/panic.h>

enum kind {
	KIND_NONE,
	KIND_USABLE,
	KIND_RESERVED,
};

static uint64_t entry_end(const struct memory_map_entry *entry)
{
	uint64_t end = entry->start + entry->size;

	return end < entry->start ? UINT64_MAX : end;
}

/* What the byte at an address is; reserved wins. */
static enum kind kind_at(const struct memory_map_entry *entries, size_t count, uint64_t address)
{
	enum kind kind = KIND_NONE;

	for (size_t i = 0; i < count; i++) {
		if (address < entries[i].start || address >= entry_end(&entries[i]))
			continue;
		if (!entries[i].usable)
			return KIND_RESERVED;
		kind = KIND_USABLE;
	}
	return kind;
}

/* The lowest start or end of an entry above an address; UINT64_MAX when there is none. */
static uint64_t next_boundary(const struct memory_map_entry *entries, size_t count,
                              uint64_t address)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < count; i++) {
		uint64_t end = entry_end(&entries[i]);

		if (entries[i].start > address && entries[i].start < next)
			next = entries[i].start;
		if (end > address && end < next)
			next = end;
	}
	return next;
}

static bool emit(struct memory_range *out, size_t max, size_t *written, uint64_t start,
                 uint64_t end, bool usable)
{
	if (usable) {
		start = start > UINT64_MAX - PAGE_MASK ? end : align_up(start, PAGE_SIZE);
		end = align_down(end, PAGE_SIZE);
	}
	if (start >= end)
		return true;
	if (*written == max)
		return false;
	out[*written].start = paddr(start);
	out[*written].size = end - start;
	out[*written].usable = usable;
	(*written)++;
	return true;
}

size_t memory_map_normalise(const struct memory_map_entry *entries, size_t count,
                            struct memory_range *out, size_t max, bool *complete)
{
	size_t written = 0;
	uint64_t start = 0;
	uint64_t at = 0;
	enum kind kind;

	ASSERT(count <= MEMORY_MAP_ENTRIES_MAX);
	*complete = true;
	kind = kind_at(entries, count, 0);
	while (at != UINT64_MAX) {
		uint64_t next = next_boundary(entries, count, at);
		enum kind after = next == UINT64_MAX ? KIND_NONE : kind_at(entries, count, next);

		if (after != kind || next == UINT64_MAX) {
			if (kind != KIND_NONE &&
			    !emit(out, max, &written, start, next, kind == KIND_USABLE))
				*complete = false;
			start = next;
			kind = after;
		}
		at = next;
	}
	return written;
}

uint64_t memory_map_limit(struct memory_range *ranges, size_t *count, uint64_t limit)
{
	uint64_t lost = 0;
	size_t kept = 0;

	for (size_t i = 0; i < *count; i++) {
		struct memory_range range = ranges[i];

		if (range.usable && range.start.raw >= limit) {
			lost += range.size;
			continue;
		}
		if (range.usable && range.size > limit - range.start.raw) {
			lost += range.size - (limit - range.start.raw);
			range.size = limit - range.start.raw;
		}
		ranges[kept++] = range;
	}
	*count = kept;
	return lost;
}
