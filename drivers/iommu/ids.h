/* SPDX-License-Identifier: MIT */
/* A set of small numbers to give out: domain ids, interrupt-remapping entries. */
#ifndef DRIVERS_IOMMU_IDS_H
#define DRIVERS_IOMMU_IDS_H

#include <kernel/types.h>

struct ids {
	uint64_t *used; /* bit set: given out */
	uint32_t count;
	uint32_t next; /* where the search starts: a number rests as long as possible */
};

/* Numbers first .. count - 1 are free. 0 < first < count. Returns 0 or -ENOMEM. */
int ids_init(struct ids *ids, uint32_t first, uint32_t count);
void ids_destroy(struct ids *ids);

/* Returns 0 or -ENOSPC. */
int ids_alloc(struct ids *ids, uint32_t *out);

/* Gives out this very number. Returns 0 or -ENOSPC when it is given out already, or is none. */
int ids_take(struct ids *ids, uint32_t id);

/* The number was given out. */
void ids_free(struct ids *ids, uint32_t id);

#endif
