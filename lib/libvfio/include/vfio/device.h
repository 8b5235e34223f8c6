/* SPDX-License-Identifier: MIT */
/*
 * Opening a PCI device from a task: ten steps as one call, undone in reverse by another.
 * docs/drivers.md is the tutorial.
 *
 * A handle parameter that is 0 or CORDON_HANDLE_NONE means "none": 0 is always the console.
 */
#ifndef VFIO_DEVICE_H
#define VFIO_DEVICE_H

#include <stdint.h>

#include <cordon/types.h>
#include <cordon/vfio.h>
#include <vfio/dma.h>
#include <vfio/error.h>
#include <vfio/mmio.h>
#include <vfio/pci.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VFIO_BAR_COUNT 6

struct vfio_open_params {
	struct vfio_match match; /* which device */

	/* Where it comes from. All three may be none: then the device is looked for in the
	 * groups that the task was started with. */
	cordon_handle_t container; /* use this one; it may hold groups already */
	cordon_handle_t group;     /* look only in this group */
	cordon_handle_t authority; /* INSPECT and MANAGE: look in the whole system and open
	                            * the group by number */

	/* DMA memory, mapped once for reading and writing. */
	struct vfio_dma_pool *pool; /* a pool of the given container, or null */
	uint64_t dma_size;          /* without a pool: bytes of a new one; 0: none */
	uint64_t dma_iova;          /* its IOVA; 0: the same as its address */
	uint32_t dma_flags;         /* VFIO_DMA_* */
};

/* A mapped part of a BAR. */
struct vfio_area {
	uint64_t offset; /* in the BAR */
	uint64_t size;
	volatile uint8_t *address;
};

struct vfio_bar {
	uint64_t size;  /* bytes; 0: the device has no such BAR */
	uint32_t flags; /* CORDON_REGION_* */
	uint32_t area_count;
	struct vfio_area areas[CORDON_REGION_AREAS_MAX];
};

/* An open device. It points into itself: do not copy or move it. */
struct vfio_device {
	cordon_handle_t container;
	cordon_handle_t group;
	cordon_handle_t device;
	uint32_t done; /* bit n: step n made something that close must undo */
	uint32_t group_number;
	cordon_bdf_t bdf;
	struct cordon_device_info info;
	struct vfio_bar bars[VFIO_BAR_COUNT];
	struct cordon_irq_info irqs[CORDON_IRQ_COUNT]; /* what there is; nothing is armed */
	struct vfio_dma_pool *pool;                    /* the given pool, &own_pool, or null */
	struct vfio_dma_pool own_pool;
	struct vfio_error error; /* valid when vfio_device_open failed */
};

/*
 * Opens a device: (1) container, (2) find its group, (3) open the group, (4) viable?,
 * (5) group into the container, (6) map the DMA memory, (7) the device, (8) map its BARs
 * except pages of the MSI-X structures, (9) describe its interrupts, (10) turn on bus
 * mastering. The decoders of memory and ports are turned on in step 8 where they were off.
 *
 * Returns 0, or the negated error number that device->error explains; the steps before the
 * failing one are then undone. device->error.unavailable is 1 when the device is not there
 * for this task (none of its groups has it, or the kernel does not hand it out): a driver
 * that looks for several devices goes on with the next.
 */
int vfio_device_open(const struct vfio_open_params *params, struct vfio_device *device);

/*
 * Undoes what vfio_device_open did, in reverse; handles, the container and the pool that
 * were given stay with their owner. When it returns, the device reaches no memory of ours.
 * Closing a device that never opened does nothing. Returns the first error and goes on.
 */
int vfio_device_close(struct vfio_device *device);

/*
 * Where the size bytes at offset of a BAR are, or null: no such BAR, or not in one mapped
 * area. Ask once, keep the pointer.
 */
volatile void *vfio_bar_pointer(const struct vfio_device *device, unsigned int bar, uint64_t offset,
                                uint64_t size);

/*
 * One access to a BAR by a system call: for I/O ports, and for parts that are not mapped.
 * offset is a multiple of the width. 0; -EINVAL: no such BAR, or misaligned; -ERANGE: outside; or
 * what else device_region_read and device_region_write say.
 */
int vfio_bar_read8(const struct vfio_device *device, unsigned int bar, uint64_t offset,
                   uint8_t *value);
int vfio_bar_read16(const struct vfio_device *device, unsigned int bar, uint64_t offset,
                    uint16_t *value);
int vfio_bar_read32(const struct vfio_device *device, unsigned int bar, uint64_t offset,
                    uint32_t *value);
int vfio_bar_write8(const struct vfio_device *device, unsigned int bar, uint64_t offset,
                    uint8_t value);
int vfio_bar_write16(const struct vfio_device *device, unsigned int bar, uint64_t offset,
                     uint16_t value);
int vfio_bar_write32(const struct vfio_device *device, unsigned int bar, uint64_t offset,
                     uint32_t value);

/*
 * Configuration space. offset is a multiple of the width. The kernel keeps the bits that
 * would lift the isolation (docs/security.md), so what was written may not read back.
 * Returns 0 or what device_region_read or device_region_write say.
 */
int vfio_config_read8(const struct vfio_device *device, uint32_t offset, uint8_t *value);
int vfio_config_read16(const struct vfio_device *device, uint32_t offset, uint16_t *value);
int vfio_config_read32(const struct vfio_device *device, uint32_t offset, uint32_t *value);
int vfio_config_write8(const struct vfio_device *device, uint32_t offset, uint8_t value);
int vfio_config_write16(const struct vfio_device *device, uint32_t offset, uint16_t value);
int vfio_config_write32(const struct vfio_device *device, uint32_t offset, uint32_t value);

/*
 * Finds a capability (PCI 3.0, section 6.7) from its id. -ENOENT: the device has none;
 * -EIO: its list is malformed.
 */
int vfio_find_capability(const struct vfio_device *device, uint8_t id, uint32_t *offset);

/*
 * The same for a capability that may be there several times, as virtio's are: *offset is 0, or what
 * the last call left, and becomes the place of the next one. It stays after an error.
 */
int vfio_find_next_capability(const struct vfio_device *device, uint8_t id, uint32_t *offset);

/* The same for an extended capability (PCI Express Base 4.0, section 7.6.3). */
int vfio_find_extended_capability(const struct vfio_device *device, uint16_t id, uint32_t *offset);

/*
 * Reads up to count refused accesses of the container's devices, oldest first. Returns how
 * many; *lost (may be null) is how many were dropped since the last call. -Exxx on error.
 */
int vfio_faults_read(const struct vfio_device *device, struct cordon_fault *faults, uint32_t count,
                     uint64_t *lost);

/* "write of 0x1000 by 0000:00:05.0 refused: not mapped (task edu)". Returns text. */
#define VFIO_FAULT_TEXT 128
char *vfio_fault_text(const struct cordon_fault *fault, char text[VFIO_FAULT_TEXT]);

#ifdef __cplusplus
}
#endif
#endif
