/* SPDX-License-Identifier: MIT */
/*
 * Physical frames: a buddy allocator over all RAM that the boot information reports.
 *
 * Frames come out with whatever they held; callers that give them away zero them. Owners
 * are counted by the caller, not here: a frame has one owner. Nothing below 1 MiB is ever
 * given out.
 */
#ifndef KERNEL_PAGE_H
#define KERNEL_PAGE_H

#include <kernel/types.h>

#define PAGE_ORDER_MAX 18 /* 2^18 frames = 1 GiB */

struct memory_range {
	paddr_t start;
	uint64_t size;
	bool usable;
};

/* Called once at boot. ranges: the memory map; [reserved_start, reserved_end) ranges (kernel
 * image, boot modules, boot information) are kept out. */
void page_init(const struct memory_range *ranges, size_t range_count,
               const struct memory_range *reserved, size_t reserved_count);

/* Allocates 2^order contiguous frames, naturally aligned. Returns 0 or -ENOMEM. */
int page_alloc(unsigned int order, paddr_t *out);

/* One zeroed frame. */
int page_alloc_zeroed(paddr_t *out);

/* Gives back 2^order frames; the pieces of a block may be given back one by one. Freeing a
 * frame that is not allocated panics. */
void page_free(paddr_t base, unsigned int order);

/* True when [base, base + size) is wholly RAM, allocated or not (also the kernel image). */
bool page_is_ram(paddr_t base, uint64_t size);

/* True when any byte of [base, base + size) is RAM. */
bool page_overlaps_ram(paddr_t base, uint64_t size);

uint64_t page_free_count(void);
uint64_t page_total_count(void);

/* One byte past the highest RAM address. */
paddr_t page_ram_end(void);

#endif
