/* SPDX-License-Identifier: MIT */
/*
 * The heap below malloc: a range of addresses that belongs to it alone, filled from below
 * with memory objects. It grows in larger and larger pieces, because every piece is a
 * mapping that the task's budget counts, and never shrinks: a piece can only go as a whole.
 */
#include <errno.h>
#include <stdlib.h>
#include <malloc.h>
#include <unistd.h>

#include "internal.h"

#define HEAP_START UINT64_C(0x1000000000) /* 64 GiB */
#define HEAP_END   UINT64_C(0x2000000000)

#define HEAP_PIECE_MIN UINT64_C(0x10000)  /* 64 KiB: the first */
#define HEAP_PIECE_MAX UINT64_C(0x400000) /* 4 MiB */

static uint64_t heap_break = HEAP_START;
static uint64_t heap_mapped = HEAP_START; /* end of what is backed by memory */
static struct __lock heap_lock;

/* Maps size more bytes of zeroed memory behind the heap. */
static int heap_extend(uint64_t size)
{
	int64_t at = cordon_memory_map_new(heap_mapped, size, CORDON_PROT_READ | CORDON_PROT_WRITE,
	                                   CORDON_MAP_FIXED, 0);

	if (at < 0)
		return (int)at;
	heap_mapped += size;
	return 0;
}

/* Backs at least `needed` more bytes. */
static int heap_grow(uint64_t needed)
{
	uint64_t exact = (needed + CORDON_PAGE_SIZE - 1) & ~(CORDON_PAGE_SIZE - 1);
	uint64_t wish = heap_mapped - HEAP_START;

	if (wish < HEAP_PIECE_MIN)
		wish = HEAP_PIECE_MIN;
	if (wish > HEAP_PIECE_MAX)
		wish = HEAP_PIECE_MAX;
	if (wish > exact && wish <= HEAP_END - heap_mapped && heap_extend(wish) == 0)
		return 0;
	return exact <= HEAP_END - heap_mapped ? heap_extend(exact) : -ENOMEM;
}

void *sbrk(ptrdiff_t increment)
{
	void *old = (void *)-1;

	/* malloc asks for this inside free, which must leave errno alone. */
	if (increment < 0)
		return old;
	lock_acquire(&heap_lock);
	if ((uint64_t)increment > HEAP_END - heap_break) {
		errno = ENOMEM;
	} else if (heap_break + (uint64_t)increment > heap_mapped &&
	           heap_grow(heap_break + (uint64_t)increment - heap_mapped) != 0) {
		errno = ENOMEM;
	} else {
		old = (void *)(uintptr_t)heap_break;
		heap_break += (uint64_t)increment;
	}
	lock_release(&heap_lock);
	return old;
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
	void *memory;

	if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0)
		return EINVAL;
	memory = memalign(alignment, size);
	if (memory == NULL)
		return ENOMEM;
	*out = memory;
	return 0;
}
