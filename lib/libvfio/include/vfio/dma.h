/* SPDX-License-Identifier: MIT */
/*
 * Memory that a device can reach.
 *
 * A pool is one memory object, mapped once for the CPU and once for the device; buffers
 * come out of it without a system call. An address of the device's view is an IOVA: by
 * default the same number as the CPU's address, never a physical one. The allocator keeps
 * its books outside the pool, so that a device that writes where it should not can spoil
 * data but not the allocator.
 */
#ifndef VFIO_DMA_H
#define VFIO_DMA_H

#include <stdint.h>

#include <cordon/types.h>
#include <cordon/vfio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A piece of a pool, or of any memory that a device sees. */
struct vfio_dma {
	void *address; /* for the CPU */
	uint64_t iova; /* for the device */
	uint64_t size; /* bytes */
};

struct vfio_dma_extent {
	uint64_t offset; /* bytes from the start of the pool */
	uint64_t size;
};

struct vfio_dma_pool {
	cordon_handle_t container; /* borrowed: must outlive the pool */
	cordon_handle_t memory;    /* owned */
	uint8_t *address;
	uint64_t iova;
	uint64_t size;                /* bytes, a multiple of the page size; 0: no pool */
	int huge;                     /* 1: made of 2 MiB frames */
	struct vfio_dma_extent *used; /* sorted by offset */
	uint32_t used_count;
	uint32_t used_capacity;
};

/* vfio_dma_pool_create flags */
#define VFIO_DMA_SMALL_PAGES 0x1u /* do not try 2 MiB frames */

/*
 * Makes a pool of size bytes (rounded up to 2 MiB where such frames are to be had and their IOVAs
 * are usable, else to 4 KiB) and maps it in the container for reading and writing. iova 0: the IOVA
 * equals the address where that is usable, otherwise the first usable range that fits is taken.
 * Otherwise it is the IOVA to use, a multiple of the page size. The container needs a group.
 * Errors: those of memory_create, memory_map, container_info and container_map; -ENOSPC when
 * no usable IOVA range fits; -EINVAL for size 0. *pool is zero after an error.
 */
int vfio_dma_pool_create(cordon_handle_t container, uint64_t size, uint64_t iova, uint32_t flags,
                         struct vfio_dma_pool *pool);

/*
 * Takes the pool away from the device, then from the CPU, and frees it, allocated pieces
 * included. A pool of size 0 is left alone. Returns the first error; -EIO means that the
 * kernel keeps the frames because the IOMMU did not confirm.
 */
int vfio_dma_pool_destroy(struct vfio_dma_pool *pool);

/*
 * Takes size bytes (rounded up to 64) aligned to align (a power of two, at least 64 is used) out
 * of the pool, zeroed. First fit. -EINVAL size 0 or align no power of two; -ENOMEM no room.
 */
int vfio_dma_alloc(struct vfio_dma_pool *pool, uint64_t size, uint64_t align, struct vfio_dma *out);

/* Gives back a piece. -EINVAL: it is not one that vfio_dma_alloc gave (or was given back). */
int vfio_dma_free(struct vfio_dma_pool *pool, const struct vfio_dma *piece);

/*
 * Maps [address, address + size) of the caller's own memory for the container's devices.
 * flags: CORDON_DMA_READ, CORDON_DMA_WRITE. All values are multiples of the page size. The
 * memory stays reachable for the device until it is unmapped here, also when the caller
 * frees the address range. Errors: those of container_map.
 */
int vfio_dma_map(cordon_handle_t container, const void *address, uint64_t iova, uint64_t size,
                 uint32_t flags);

/* The same for part of a memory object. */
int vfio_dma_map_memory(cordon_handle_t container, cordon_handle_t memory, uint64_t offset,
                        uint64_t iova, uint64_t size, uint32_t flags);

/* Unmaps all that lies in [iova, iova + size). When it returns, no device can use it. */
int vfio_dma_unmap(cordon_handle_t container, uint64_t iova, uint64_t size);

/*
 * Picks the IOVA for size bytes: wish if [wish, wish + size) lies in one usable range, else
 * the lowest multiple of align (a power of two) that fits, never 0. -ENOSPC: nothing fits.
 */
int vfio_dma_choose_iova(const struct cordon_container_info *info, uint64_t wish, uint64_t size,
                         uint64_t align, uint64_t *out);

#ifdef __cplusplus
}
#endif
#endif
