/* SPDX-License-Identifier: MIT */
/*
 * Regions of a device: its BARs, what of them may be mapped, and access by call.
 *
 * A memory BAR is mapped in whole pages, without those that hold the MSI-X table or its pending
 * bits (S7). A BAR smaller than a page is mapped only when nothing else lies in its page.
 */
#ifndef DRIVERS_VFIO_REGION_H
#define DRIVERS_VFIO_REGION_H

#include <cordon/vfio.h>
#include <drivers/pci/pci.h>
#include <kernel/types.h>

struct memory;

#define REGION_BARS 6

/* A byte range; empty when size is 0. */
struct region_range {
	uint64_t offset;
	uint64_t size;
};

/* One BAR of an open device. */
struct region_bar {
	enum pci_bar_kind kind;
	bool prefetchable;
	uint64_t base;
	uint64_t size;
	struct region_range table;   /* MSI-X table in it: reads as ones, never written */
	struct region_range pending; /* MSI-X pending bits in it: never written */
	uint32_t area_count;
	struct cordon_region_area areas[CORDON_REGION_AREAS_MAX];
	struct memory *memory;  /* what tasks map; made with the first mapping */
	void *window;           /* the kernel's mapping of part of it, for access by call */
	uint64_t window_offset; /* in the BAR */
};

/* Where the MSI-X structures are (7.7.2): BAR numbers and ranges. */
struct region_msix {
	uint32_t vectors; /* 0: no MSI-X */
	uint32_t table_bar;
	uint32_t pending_bar;
	struct region_range table;
	struct region_range pending;
};

/* Reads the MSI-X capability of a function. */
void region_msix_read(const struct pci_function *function, struct region_msix *out);

/*
 * Computes the mappable areas of a memory BAR: whole pages of [0, size) that touch neither range.
 * size is a power of two of at least a page. areas has room for CORDON_REGION_AREAS_MAX. Returns
 * how many.
 */
uint32_t region_areas(uint64_t size, struct region_range table, struct region_range pending,
                      struct cordon_region_area *areas);

/* Why a function must not be handed out because of where its BARs are (S7): they overlap RAM,
 * config space, the interrupt area or registers of an IOMMU, or have no place. NULL: no reason. */
const char *region_refusal(const struct pci_function *function);

/* Describes the BARs of a function that is being opened. */
void region_init(const struct pci_function *function, const struct region_msix *msix,
                 struct region_bar bars[REGION_BARS]);

/* Fills *out for a BAR. */
void region_describe(const struct region_bar *bar, struct cordon_region_info *out);

/* Whether [offset, offset + size) is whole pages inside one area. */
bool region_mappable(const struct region_bar *bar, uint64_t offset, uint64_t size);

/* The memory object of a BAR; made when there is none yet. The BAR keeps the reference.
 * Returns 0 or -ENOMEM. */
int region_memory(struct region_bar *bar, struct memory **out);

/*
 * One naturally aligned access of 1, 2, 4 or 8 bytes (I/O: up to 4) inside the BAR; an access that
 * touches the MSI-X table reads as ones, and a write to table or pending bits is dropped. Decoding
 * is on. Returns 0, or -ENOMEM when the kernel could not map the registers.
 */
int region_read(struct region_bar *bar, uint64_t offset, unsigned int width, uint64_t *value);
int region_write(struct region_bar *bar, uint64_t offset, unsigned int width, uint64_t value);

/* Takes the pages away from every task, and puts them back. */
void region_revoke(struct region_bar bars[REGION_BARS]);
void region_restore(struct region_bar bars[REGION_BARS]);

/* Drops what the BARs hold, after a revoke: mappings that tasks still have stay without pages. */
void region_release(struct region_bar bars[REGION_BARS]);

#endif
