/* SPDX-License-Identifier: MIT */
/* Kernel memory for small objects: size classes over single frames, larger sizes by frames. */
#ifndef KERNEL_HEAP_H
#define KERNEL_HEAP_H

#include <kernel/types.h>

/* Zeroed memory, 16-byte aligned (sizes that are powers of two from 64 to 4096 are aligned to
 * their size). Returns NULL when out of memory. */
void *heap_alloc(size_t size) __attribute__((malloc, alloc_size(1)));
void *heap_alloc_array(size_t count, size_t size); /* NULL also when the product wraps */

/*
 * The sizes of small objects, and where in its frame the first one lies: behind a header, and so
 * that sizes that are powers of two are aligned.
 */
#define HEAP_CLASSES(CLASS) \
	CLASS(32, 64)       \
	CLASS(64, 64)       \
	CLASS(96, 64)       \
	CLASS(128, 128)     \
	CLASS(192, 64)      \
	CLASS(256, 256)     \
	CLASS(384, 64)      \
	CLASS(512, 512)     \
	CLASS(672, 64)      \
	CLASS(1008, 64)     \
	CLASS(1024, 1024)
#define HEAP_CLASS_COUNT(size, first) (((uint32_t)PAGE_SIZE - (first)) / (size))

/* What an allocation takes of its frames, in bytes: with its part of what a frame of such objects
 * loses, or in whole frames. A constant when the size is one. */
static inline uint64_t heap_cost(size_t size)
{
#define COST(size_, first)   \
	if (size <= (size_)) \
		return (PAGE_SIZE - 1) / HEAP_CLASS_COUNT(size_, first) + 1;
	HEAP_CLASSES(COST)
#undef COST
	if (size <= PAGE_SIZE)
		return PAGE_SIZE;
	return PAGE_SIZE << (64 - __builtin_clzll((size - 1) >> PAGE_SHIFT));
}

/* Frees what heap_alloc returned; NULL is allowed. Freed memory is poisoned in debug kernels. */
void heap_free(void *memory);

/* Gives up what the sanitizer's quarantine holds, and the frames kept for it, so that counters tell
 * what is in use. */
#if defined(CORDON_ASAN) && CORDON_ASAN
void heap_settle(void);
#else
static inline void heap_settle(void)
{
}
#endif

/* Bytes in use, for leak checks. */
size_t heap_in_use(void);

/* Frames of small objects. Some hold none: they are kept for the next ones. */
uint64_t heap_frames(void);

#endif
