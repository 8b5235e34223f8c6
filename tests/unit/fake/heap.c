// SPDX-License-Identifier: MIT
/* The host's allocator under the kernel's names, so that the sanitizer watches every byte. */
#include <kernel/heap.h>
#include <kernel/types.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <tests/unit/fake/fake.h>

static size_t in_use;
static uint64_t fail_at;

void fake_heap_fail(uint64_t count)
{
	fail_at = count;
}

void *heap_alloc(size_t size)
{
	size_t alignment = 16;

	if (fail_at == 1)
		return NULL;
	if (fail_at)
		fail_at--;
	if (size >= 64 && size <= 4096 && (size & (size - 1)) == 0)
		alignment = size;
	void *memory = NULL;
	if (posix_memalign(&memory, alignment, size ? size : 1) != 0)
		return NULL;
	memset(memory, 0, size);
	in_use += malloc_usable_size(memory);
	return memory;
}

void *heap_alloc_array(size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		return NULL;
	return heap_alloc(total);
}

void heap_free(void *memory)
{
	if (memory)
		in_use -= malloc_usable_size(memory);
	free(memory);
}

size_t heap_in_use(void)
{
	return in_use;
}
