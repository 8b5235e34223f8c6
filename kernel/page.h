/* SPDX-License-Identifier: MIT */
/*
 * Physical frames: a buddy allocator over all RAM that the boot information reports, and on
 * each CPU a short list of single frames before it.
 *
 * Frames come out with whatever they held; callers that give them away zero them. Owners
 * are counted by the caller, not here: a frame has one owner. Nothing below 1 MiB is ever
 * given out. One byte a frame says what it is; it lies in RAM itself. Free blocks are linked
 * through their own first bytes, which no device can reach (S1, S3).
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

#define PAGE_RANGES_MAX 64

/* Called once at boot. ranges: the memory map, ascending, at most PAGE_RANGES_MAX; what reserved
 * names (kernel image, boot modules, boot information) is kept out. phys_to_virt works for all
 * usable ranges. Panics when there is no usable memory. */
void page_init(const struct memory_range *ranges, size_t range_count,
               const struct memory_range *reserved, size_t reserved_count);

/* Allocates 2^order contiguous frames, naturally aligned. Returns 0 or -ENOMEM. */
int page_alloc(unsigned int order, paddr_t *out);

/* One zeroed frame. */
int page_alloc_zeroed(paddr_t *out);

/*
 * Allocates any number of contiguous frames, of which the first is aligned to 2^align_order
 * frames. Nothing is rounded up. Returns 0 or -ENOMEM. The search for a run that no single block
 * holds looks at every frame that is so aligned: not for paths that must be fast.
 */
int page_alloc_run(uint64_t frames, unsigned int align_order, paddr_t *out);

/*
 * A part of such a search that keeps the allocator's lock for some microseconds only. *from: 0 to
 * begin with. Returns 0, -ENOMEM, or -EAGAIN with a *from to go on with; what becomes free behind
 * it meanwhile is not found.
 */
int page_alloc_run_part(uint64_t frames, unsigned int align_order, uint64_t *from, paddr_t *out);

/* Gives back 2^order frames; the pieces of a block may be given back one by one. Freeing a
 * frame that is not allocated panics. */
void page_free(paddr_t base, unsigned int order);

/* The same for any number of frames. */
void page_free_run(paddr_t base, uint64_t frames);

/* The order of the page_alloc call that returned this frame as the first of its block. */
unsigned int page_order(paddr_t base);

/* Tells the address sanitizer (kernel/asan.h) which frames are free. */
void page_poison_free(void);

/* True when [base, base + size) is wholly RAM, allocated or not (also the kernel image). */
bool page_is_ram(paddr_t base, uint64_t size);

/* True when any byte of [base, base + size) is RAM. */
bool page_overlaps_ram(paddr_t base, uint64_t size);

/* Frames that can be had now, and that could be had when nothing was in use. */
uint64_t page_free_count(void);
uint64_t page_total_count(void);

/* One byte past the highest RAM address. */
paddr_t page_ram_end(void);

#endif
