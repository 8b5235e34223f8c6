/* SPDX-License-Identifier: MIT */
/*
 * Driver of QEMU's educational device (1234:11e8), documented in QEMU's docs/specs/edu: it
 * computes factorials and copies between memory and a buffer of its own.
 */
#ifndef EDU_H
#define EDU_H

#include <stdint.h>

#include <vfio/device.h>

#define EDU_VENDOR 0x1234
#define EDU_DEVICE 0x11e8

/*
 * Bytes of the device's buffer that may be used. It has 4096, but QEMU 7.2 ends the whole
 * machine when a transfer touches the last one, so that this driver never does.
 */
#define EDU_BUFFER_SIZE 4095u

struct edu {
	struct vfio_device *device; /* borrowed */
	volatile uint8_t *registers;
	uint32_t identification;
};

enum edu_direction {
	EDU_FROM_MEMORY, /* the device reads memory into its buffer */
	EDU_TO_MEMORY,   /* the device writes its buffer to memory */
};

/*
 * Takes the device over; a transfer that an earlier user left running is waited for.
 * -ENODEV: its registers are not mapped, or it is another device; -ETIMEDOUT.
 */
int edu_open(struct vfio_device *device, struct edu *edu);

/* The complement of value, computed by the device: it answers. */
uint32_t edu_liveness(struct edu *edu, uint32_t value);

/* value!, modulo 2^32. -ETIMEDOUT: the device does not finish. */
int edu_factorial(struct edu *edu, uint32_t value, uint32_t *result);

/*
 * Starts a transfer of count bytes between iova and byte offset of the device's buffer, which
 * the device makes 100 ms later. -EINVAL: count is 0 or offset + count above
 * EDU_BUFFER_SIZE; -EBUSY: a transfer is running.
 */
int edu_dma_start(struct edu *edu, enum edu_direction direction, uint64_t iova, uint32_t offset,
                  uint32_t count);

/* Waits for the end of the transfer. The device does not tell whether it succeeded: a refused
 * access is seen in the faults only. -ETIMEDOUT. */
int edu_dma_wait(struct edu *edu);

/* edu_dma_start and edu_dma_wait. */
int edu_dma(struct edu *edu, enum edu_direction direction, uint64_t iova, uint32_t offset,
            uint32_t count);

#endif
