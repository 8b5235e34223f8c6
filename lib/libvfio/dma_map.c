/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>

#include <cordon/memory.h>
#include <cordon/syscall.h>
#include <vfio/dma.h>

int vfio_dma_map_memory(cordon_handle_t container, cordon_handle_t memory, uint64_t offset,
                        uint64_t iova, uint64_t size, uint32_t flags)
{
	struct cordon_dma_map map = {
	        .memory = memory,
	        .flags = flags,
	        .offset = offset,
	        .iova = iova,
	        .size = size,
	};

	return (int)cordon_container_map(container, &map);
}

int vfio_dma_map(cordon_handle_t container, const void *address, uint64_t iova, uint64_t size,
                 uint32_t flags)
{
	return vfio_dma_map_memory(container, CORDON_HANDLE_NONE, (uint64_t)(uintptr_t)address,
	                           iova, size, flags);
}

int vfio_dma_unmap(cordon_handle_t container, uint64_t iova, uint64_t size)
{
	return (int)cordon_container_unmap(container, iova, size, NULL);
}

static int range_holds(const struct cordon_iova_range *range, uint64_t start, uint64_t size)
{
	return start >= range->start && start <= range->last && size - 1 <= range->last - start;
}

int vfio_dma_choose_iova(const struct cordon_container_info *info, uint64_t wish, uint64_t size,
                         uint64_t align, uint64_t *out)
{
	uint32_t count = info->range_count;
	uint64_t start;

	if (size == 0 || align == 0 || (align & (align - 1)))
		return -EINVAL;
	if (count > CORDON_IOVA_RANGES_MAX)
		count = CORDON_IOVA_RANGES_MAX;
	for (uint32_t i = 0; i < count; i++) {
		if (wish && range_holds(&info->ranges[i], wish, size)) {
			*out = wish;
			return 0;
		}
	}
	for (uint32_t i = 0; i < count; i++) {
		/* IOVA 0 is legal, but a forgotten address should be a fault. */
		start = info->ranges[i].start ? info->ranges[i].start : align;
		if (start > UINT64_MAX - (align - 1))
			continue;
		start = (start + align - 1) & ~(align - 1);
		if (range_holds(&info->ranges[i], start, size)) {
			*out = start;
			return 0;
		}
	}
	return -ENOSPC;
}
