/* SPDX-License-Identifier: MIT */
/* Kernel memory for small objects: size classes over single frames, larger sizes by frames. */
#ifndef KERNEL_HEAP_H
#define KERNEL_HEAP_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed memory, 16-byte aligned (sizes that are powers of two from 64 to 4096 are aligned to
 * their size). Returns NULL when out of memory. */
void *heap_alloc(size_t size) __attribute__((malloc, alloc_size(1)));
void *heap_alloc_array(size_t count, size_t size); /* NULL also when the product wraps */

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
