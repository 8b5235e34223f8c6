/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include <cordon/rt.h>

#include "edu.h"

/* BAR 0. Registers below 0x80 take accesses of 4 bytes only, the others 4 or 8. */
enum edu_register {
	EDU_IDENTIFICATION = 0x00,
	EDU_LIVENESS = 0x04,
	EDU_FACTORIAL = 0x08,
	EDU_STATUS = 0x20,
	EDU_DMA_SOURCE = 0x80,
	EDU_DMA_DESTINATION = 0x88,
	EDU_DMA_COUNT = 0x90,
	EDU_DMA_COMMAND = 0x98,
	EDU_REGISTERS_SIZE = 0x100,
};

#define EDU_ID_MASK  0x0000ffffu /* the upper half is the version */
#define EDU_ID_VALUE 0x000000edu

#define EDU_STATUS_COMPUTING 0x01u

#define EDU_DMA_START     0x01u /* cleared by the device when the transfer is done */
#define EDU_DMA_TO_MEMORY 0x02u

/* Where its buffer lies in the device's own address space. */
#define EDU_BUFFER_ADDRESS UINT64_C(0x40000)

/* A transfer takes 100 ms; a loaded host may be late. Afterwards the device counts as dead. */
#define EDU_TIMEOUT_NS UINT64_C(10000000000)
#define EDU_POLL_NS    UINT64_C(5000000)

/* Waits until the bits of mask in a register are zero. */
static int wait_clear(struct edu *edu, uint32_t offset, uint32_t mask)
{
	uint64_t now = cordon_now();
	uint64_t deadline = now + EDU_TIMEOUT_NS;

	while (vfio_read32(edu->registers + offset) & mask) {
		if (now > deadline)
			return -ETIMEDOUT;
		cordon_clock_sleep(now + EDU_POLL_NS);
		now = cordon_now();
	}
	return 0;
}

int edu_open(struct vfio_device *device, struct edu *edu)
{
	edu->device = device;
	edu->registers = vfio_bar_pointer(device, 0, 0, EDU_REGISTERS_SIZE);
	if (!edu->registers)
		return -ENODEV;
	edu->identification = vfio_read32(edu->registers + EDU_IDENTIFICATION);
	if ((edu->identification & EDU_ID_MASK) != EDU_ID_VALUE)
		return -ENODEV;
	return wait_clear(edu, EDU_DMA_COMMAND, EDU_DMA_START);
}

uint32_t edu_liveness(struct edu *edu, uint32_t value)
{
	vfio_write32(edu->registers + EDU_LIVENESS, value);
	return vfio_read32(edu->registers + EDU_LIVENESS);
}

int edu_factorial(struct edu *edu, uint32_t value, uint32_t *result)
{
	int error;

	vfio_write32(edu->registers + EDU_FACTORIAL, value);
	error = wait_clear(edu, EDU_STATUS, EDU_STATUS_COMPUTING);
	if (error == 0)
		*result = vfio_read32(edu->registers + EDU_FACTORIAL);
	return error;
}

int edu_dma_start(struct edu *edu, enum edu_direction direction, uint64_t iova, uint32_t offset,
                  uint32_t count)
{
	uint64_t buffer = EDU_BUFFER_ADDRESS + offset;
	int to_memory = direction == EDU_TO_MEMORY;

	if (count == 0 || count > EDU_BUFFER_SIZE || offset > EDU_BUFFER_SIZE - count)
		return -EINVAL;
	if (vfio_read32(edu->registers + EDU_DMA_COMMAND) & EDU_DMA_START)
		return -EBUSY;
	vfio_write64(edu->registers + EDU_DMA_SOURCE, to_memory ? buffer : iova);
	vfio_write64(edu->registers + EDU_DMA_DESTINATION, to_memory ? iova : buffer);
	vfio_write64(edu->registers + EDU_DMA_COUNT, count);
	vfio_write64(edu->registers + EDU_DMA_COMMAND,
	             EDU_DMA_START | (to_memory ? EDU_DMA_TO_MEMORY : 0));
	return 0;
}

int edu_dma_wait(struct edu *edu)
{
	return wait_clear(edu, EDU_DMA_COMMAND, EDU_DMA_START);
}

int edu_dma(struct edu *edu, enum edu_direction direction, uint64_t iova, uint32_t offset,
            uint32_t count)
{
	int error = edu_dma_start(edu, direction, iova, offset, count);

	return error < 0 ? error : edu_dma_wait(edu);
}
