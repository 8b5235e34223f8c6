/* SPDX-License-Identifier: MIT */
#include <drivers/vfio/window.h>

void window_set_init(struct window_set *set, const struct cordon_iova_range *ranges, size_t count)
{
	set->count = 0;
	for (size_t i = 0; i < count && set->count < ARRAY_SIZE(set->windows); i++) {
		if (ranges[i].last < ranges[i].start)
			continue;
		set->windows[set->count++] = (struct window){.first = ranges[i].start,
		                                             .last = ranges[i].last};
	}
}

uint64_t window_set_mapped(const struct window_set *set)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < set->count; i++)
		bytes += set->windows[i].mapped_bytes;
	return bytes;
}
