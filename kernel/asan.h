/* SPDX-License-Identifier: MIT */
/*
 * The address sanitizer of the kernel: for each 8 bytes of RAM, of the image and of kernel stacks
 * a shadow byte says which of them may be used. The compiler calls asan.c before each access of
 * instrumented code; the allocators say what is whose. In kernels that are built without it
 * (CORDON_ASAN), all of this is nothing.
 *
 * What is neither RAM in the direct map, nor image, nor stack (registers of devices, tables of
 * firmware) is not watched.
 */
#ifndef KERNEL_ASAN_H
#define KERNEL_ASAN_H

#include <kernel/types.h>
#include <stddef.h>

/* What a shadow byte says: 0 all eight bytes may be used, 1 to 7 so many of the first, and a value
 * below zero why none may. Those of stacks are the compiler's. */
enum asan_reason {
	ASAN_STACK_LEFT = 0xf1,
	ASAN_STACK_MIDDLE = 0xf2,
	ASAN_STACK_RIGHT = 0xf3,
	ASAN_STACK_SCOPE = 0xf8,
	ASAN_GLOBAL_END = 0xf9,
	ASAN_HEAP_END = 0xfa,
	ASAN_HEAP_FREE = 0xfd,
	ASAN_FRAME_FREE = 0xfe,
};

#define ASAN_GRANULE 8u

enum asan_access { ASAN_READ, ASAN_WRITE, ASAN_FREE };

#if defined(CORDON_ASAN) && CORDON_ASAN

/* From here on accesses are checked: the shadow exists, the page allocator works, and nothing
 * was allocated from the heap yet. */
void asan_start(void);

/* From here on nothing is checked: a panic wants to be printed. */
void asan_stop(void);

/* None of [start, start + size) may be used from now on; start is a multiple of ASAN_GRANULE, and
 * so is size, or what follows up to the next multiple is the caller's, too. */
void asan_poison(const void *start, size_t size, enum asan_reason reason);

/* All of it may be used, and nothing else in the granule that its end lies in. start is a multiple
 * of ASAN_GRANULE. */
void asan_unpoison(const void *start, size_t size);

/* Panics when one byte may not be used. For accesses that the compiler does not see. */
void asan_check(const void *start, size_t size, enum asan_access access);

/* The size to allocate for an object, so that memory behind it belongs to nobody. Keeps what
 * heap.h promises on alignment. */
static inline size_t asan_padded(size_t size)
{
	return size >= 64 && size < 1024 && (size & (size - 1)) == 0 ? 2 * size : size + 16;
}

#else

static inline void asan_start(void)
{
}

static inline void asan_stop(void)
{
}

static inline void asan_poison(const void *start, size_t size, enum asan_reason reason)
{
	(void)start;
	(void)size;
	(void)reason;
}

static inline void asan_unpoison(const void *start, size_t size)
{
	(void)start;
	(void)size;
}

static inline void asan_check(const void *start, size_t size, enum asan_access access)
{
	(void)start;
	(void)size;
	(void)access;
}

static inline size_t asan_padded(size_t size)
{
	return size;
}

#endif

#endif
