/* SPDX-License-Identifier: MIT */
/* Firmware's memory map: what comes out is sorted and apart, and no byte that anyone reserved is
 * called usable. Addresses are small numbers, shifted, so that ranges meet. */
#include <arch/x86_64/memory_map.h>
#include <tests/fuzz/fuzz.h>

#define ENTRIES 16

static void check(const struct memory_map_entry *entries, size_t count,
                  const struct memory_range *ranges, size_t range_count)
{
	for (size_t i = 0; i < range_count; i++) {
		uint64_t start = ranges[i].start.raw, last = start + (ranges[i].size - 1);
		bool inside = false;

		FUZZ_CHECK(ranges[i].size > 0 && last >= start);
		FUZZ_CHECK(i == 0 || start > ranges[i - 1].start.raw + (ranges[i - 1].size - 1));
		if (!ranges[i].usable)
			continue;
		FUZZ_CHECK(is_aligned(start | ranges[i].size, PAGE_SIZE));
		for (size_t j = 0; j < count; j++) {
			uint64_t entry = entries[j].start;
			uint64_t entry_last = entry + (entries[j].size - 1);

			if (entries[j].size == 0)
				continue;
			if (entry_last < entry)
				entry_last = UINT64_MAX;
			inside |= entries[j].usable && entry <= start && start <= entry_last;
			FUZZ_CHECK(entries[j].usable || entry_last < start || last < entry);
		}
		FUZZ_CHECK(inside);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	struct memory_map_entry entries[ENTRIES];
	struct memory_range ranges[8];
	size_t count = 0, range_count;
	uint64_t limit = fuzz_number(&input, 2) << 10;
	bool complete;

	while (input.size > 0 && count < ENTRIES) {
		uint8_t how = fuzz_byte(&input);
		unsigned int shift = how & 1 ? 10 : how & 2 ? 30 : 56;

		entries[count].usable = how & 4;
		entries[count].start = fuzz_number(&input, 1) << shift;
		entries[count].size = fuzz_number(&input, 1) << shift;
		if (how & 8)
			entries[count].start += fuzz_number(&input, 2);
		count++;
	}
	range_count = memory_map_normalise(entries, count, ranges, ARRAY_SIZE(ranges), &complete);
	FUZZ_CHECK(range_count <= ARRAY_SIZE(ranges));
	check(entries, count, ranges, range_count);
	memory_map_limit(ranges, &range_count, limit);
	for (size_t i = 0; i < range_count; i++)
		FUZZ_CHECK(!ranges[i].usable || ranges[i].start.raw + ranges[i].size <= limit);
	return 0;
}
