/* SPDX-License-Identifier: MIT */
/*
 * The pool keeps the used extents in a sorted array. Drivers allocate at start-up and
 * rarely later, so that a search is cheap and an exact book is worth more: a second free
 * of a piece, or a free of something else, is told from a right one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cordon/memory.h>
#include <cordon/syscall.h>
#include <vfio/dma.h>

#define HUGE_PAGE_SIZE UINT64_C(0x200000)

/* Two pieces never share a cache line: a device's write to one cannot delay the other. */
#define PIECE_GRAIN 64u

static uint64_t round_up(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) & ~(unit - 1);
}

/* Huge frames may be scarce while single ones are not, so that the second try is normal. */
static int create_memory(uint64_t size, uint32_t flags, struct vfio_dma_pool *pool)
{
	int result;

	if (!(flags & VFIO_DMA_SMALL_PAGES)) {
		pool->size = round_up(size, HUGE_PAGE_SIZE);
		result = (int)cordon_memory_create(pool->size, CORDON_MEMORY_HUGE, &pool->memory);
		if (result == 0) {
			pool->huge = 1;
			return 0;
		}
		if (result != -ENOMEM)
			return result;
	}
	pool->size = round_up(size, CORDON_PAGE_SIZE);
	return (int)cordon_memory_create(pool->size, 0, &pool->memory);
}

static int map_for_cpu(struct vfio_dma_pool *pool)
{
	struct cordon_memory_map map = {
	        .size = pool->size,
	        .prot = CORDON_PROT_READ | CORDON_PROT_WRITE,
	};
	int result = (int)cordon_memory_map(pool->memory, &map);

	if (result == 0)
		pool->address = (uint8_t *)(uintptr_t)map.address;
	return result;
}

static int map_for_device(struct vfio_dma_pool *pool, uint64_t iova)
{
	uint64_t align = pool->huge ? HUGE_PAGE_SIZE : CORDON_PAGE_SIZE;
	struct cordon_container_info info;
	int result = 0;

	if (iova == 0) {
		result = (int)cordon_container_info(pool->container, &info);
		if (result == 0)
			result = vfio_dma_choose_iova(&info, (uint64_t)(uintptr_t)pool->address,
			                              pool->size, align, &iova);
		if (result < 0)
			return result;
	}
	result = vfio_dma_map_memory(pool->container, pool->memory, 0, iova, pool->size,
	                             CORDON_DMA_READ | CORDON_DMA_WRITE);
	if (result == 0)
		pool->iova = iova;
	return result;
}

/* *pool is zero, and is again after an error. */
static int pool_make(cordon_handle_t container, uint64_t size, uint64_t iova, uint32_t flags,
                     struct vfio_dma_pool *pool)
{
	int result;

	pool->container = container;
	result = create_memory(size, flags, pool);
	if (result < 0)
		goto fail;
	result = map_for_cpu(pool);
	if (result < 0)
		goto fail_memory;
	result = map_for_device(pool, iova);
	if (result < 0)
		goto fail_cpu;
	return 0;

fail_cpu:
	cordon_memory_unmap((uint64_t)(uintptr_t)pool->address, pool->size);
fail_memory:
	cordon_handle_close(pool->memory);
fail:
	memset(pool, 0, sizeof(*pool));
	return result;
}

int vfio_dma_pool_create(cordon_handle_t container, uint64_t size, uint64_t iova, uint32_t flags,
                         struct vfio_dma_pool *pool)
{
	int result;

	memset(pool, 0, sizeof(*pool));
	if (size == 0 || size > INT64_MAX || (flags & ~VFIO_DMA_SMALL_PAGES))
		return -EINVAL;
	result = pool_make(container, size, iova, flags, pool);
	/* There may be room for it, and not for what is rounded up and aligned to huge pages. */
	if (!(flags & VFIO_DMA_SMALL_PAGES) &&
	    (result == -EINVAL || result == -EEXIST || result == -ENOSPC))
		result = pool_make(container, size, iova, flags | VFIO_DMA_SMALL_PAGES, pool);
	return result;
}

static void keep_first(int *first, int64_t result)
{
	if (*first == 0 && result < 0)
		*first = (int)result;
}

int vfio_dma_pool_destroy(struct vfio_dma_pool *pool)
{
	int first = 0;

	if (pool->size == 0)
		return 0;
	keep_first(&first, vfio_dma_unmap(pool->container, pool->iova, pool->size));
	keep_first(&first, cordon_memory_unmap((uint64_t)(uintptr_t)pool->address, pool->size));
	keep_first(&first, cordon_handle_close(pool->memory));
	free(pool->used);
	memset(pool, 0, sizeof(*pool));
	return first;
}

/* Index of the first extent at or after offset. */
static uint32_t find_used(const struct vfio_dma_pool *pool, uint64_t offset)
{
	uint32_t low = 0;
	uint32_t high = pool->used_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (pool->used[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int grow_used(struct vfio_dma_pool *pool)
{
	uint32_t capacity = pool->used_capacity ? pool->used_capacity * 2 : 16;
	struct vfio_dma_extent *used;

	if (pool->used_count < pool->used_capacity)
		return 0;
	used = realloc(pool->used, capacity * sizeof(*used));
	if (!used)
		return -ENOMEM;
	pool->used = used;
	pool->used_capacity = capacity;
	return 0;
}

/* The lowest offset at which size bytes are free and the IOVA is aligned. */
static int find_gap(const struct vfio_dma_pool *pool, uint64_t size, uint64_t align,
                    uint64_t *offset, uint32_t *index)
{
	uint64_t start = 0;

	for (uint32_t i = 0; i <= pool->used_count; i++) {
		uint64_t end = i < pool->used_count ? pool->used[i].offset : pool->size;
		/* Below 2^64 by construction: a pool never ends near the top. */
		uint64_t at = round_up(pool->iova + start, align) - pool->iova;

		if (at <= end && size <= end - at) {
			*offset = at;
			*index = i;
			return 0;
		}
		if (i < pool->used_count)
			start = pool->used[i].offset + pool->used[i].size;
	}
	return -ENOMEM;
}

int vfio_dma_alloc(struct vfio_dma_pool *pool, uint64_t size, uint64_t align, struct vfio_dma *out)
{
	uint64_t offset;
	uint32_t index;
	int result;

	if (size == 0 || align == 0 || (align & (align - 1)))
		return -EINVAL;
	if (size > pool->size || align > pool->size)
		return -ENOMEM;
	if (align < PIECE_GRAIN)
		align = PIECE_GRAIN;
	size = round_up(size, PIECE_GRAIN);
	result = find_gap(pool, size, align, &offset, &index);
	if (result < 0)
		return result;
	result = grow_used(pool);
	if (result < 0)
		return result;

	memmove(&pool->used[index + 1], &pool->used[index],
	        (pool->used_count - index) * sizeof(pool->used[0]));
	pool->used[index] = (struct vfio_dma_extent){.offset = offset, .size = size};
	pool->used_count++;
	out->address = pool->address + offset;
	out->iova = pool->iova + offset;
	out->size = size;
	memset(out->address, 0, size);
	return 0;
}

int vfio_dma_free(struct vfio_dma_pool *pool, const struct vfio_dma *piece)
{
	uint64_t offset = piece->iova - pool->iova;
	uint32_t index;

	if (piece->iova < pool->iova || offset >= pool->size)
		return -EINVAL;
	index = find_used(pool, offset);
	if (index == pool->used_count || pool->used[index].offset != offset ||
	    pool->used[index].size != piece->size)
		return -EINVAL;
	pool->used_count--;
	memmove(&pool->used[index], &pool->used[index + 1],
	        (pool->used_count - index) * sizeof(pool->used[0]));
	return 0;
}
