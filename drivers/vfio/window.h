/* SPDX-License-Identifier: MIT */
/*
 * DMA windows (EXT-5): the ranges of IOVAs that a container's domain can translate. A mapping
 * lies wholly inside one window or is refused; each window counts what is mapped in it.
 */
#ifndef DRIVERS_VFIO_WINDOW_H
#define DRIVERS_VFIO_WINDOW_H

#include <cordon/vfio.h>
#include <kernel/types.h>

struct window {
	uint64_t first;
	uint64_t last; /* inclusive */
	uint64_t mapped_bytes;
};

struct window_set {
	uint32_t count;
	struct window windows[CORDON_IOVA_RANGES_MAX]; /* disjoint */
};

/* Opens windows for the given ranges, with nothing mapped; count <= CORDON_IOVA_RANGES_MAX.
 * Ranges with last < first are left out. */
void window_set_init(struct window_set *set, const struct cordon_iova_range *ranges, size_t count);

/* The window that contains all of [first, last], or NULL. */
static inline struct window *window_find(struct window_set *set, uint64_t first, uint64_t last)
{
	for (uint32_t i = 0; i < set->count; i++) {
		struct window *window = &set->windows[i];

		if (first >= window->first && last <= window->last && first <= last)
			return window;
	}
	return NULL;
}

/* Bytes mapped in all windows. */
uint64_t window_set_mapped(const struct window_set *set);

#endif
