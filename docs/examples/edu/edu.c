/* SPDX-License-Identifier: MIT */
/*
 * A driver outside the tree: QEMU's educational device ("EDU device", in QEMU's docs/specs)
 * computes a factorial, and carries a page to its own memory and back by DMA.
 */
#include <stdio.h>
#include <string.h>

#include <cordon/manifest.h>
#include <cordon/rt.h>
#include <vfio/device.h>

/* What it wants when it is run without a manifest. No reset reaches this device; what it
 * keeps is nobody's secret. */
CORDON_MANIFEST("group id=1234:11e8 reset=trusted");

enum edu_register { /* in BAR 0 */
	            EDU_ID = 0x00,
	            EDU_LIVENESS = 0x04, /* reads as the complement of what was written */
	            EDU_FACTORIAL = 0x08,
	            EDU_STATUS = 0x20,
	            EDU_DMA_SOURCE = 0x80,
	            EDU_DMA_TARGET = 0x88,
	            EDU_DMA_COUNT = 0x90,
	            EDU_DMA_COMMAND = 0x98,
	            EDU_REGISTERS_SIZE = 0xa0,
};

#define EDU_STATUS_COMPUTING 0x01u
#define EDU_DMA_START        0x01u
#define EDU_DMA_TO_MEMORY    0x02u
#define EDU_BUFFER           UINT64_C(0x40000) /* its own memory, in its own numbering */
#define EDU_DMA_MAX          4000u             /* from 4096 on the emulator ends the machine */

#define TIMEOUT_NS UINT64_C(2000000000) /* a transfer takes 100 ms */

/* Waits until the bits of a register are clear; -1: they never were. */
static int wait_clear(volatile uint8_t *bar, enum edu_register where, uint32_t bits)
{
	uint64_t deadline = cordon_now() + TIMEOUT_NS;

	while (vfio_read32(bar + where) & bits) {
		if (cordon_now() > deadline) {
			printf("edu: register 0x%x does not answer\n", where);
			return -1;
		}
		cordon_clock_sleep(cordon_now() + 1000000);
	}
	return 0;
}

static int factorial(volatile uint8_t *bar, uint32_t n, uint32_t *out)
{
	vfio_write32(bar + EDU_FACTORIAL, n);
	if (wait_clear(bar, EDU_STATUS, EDU_STATUS_COMPUTING) < 0)
		return -1;
	*out = vfio_read32(bar + EDU_FACTORIAL);
	return 0;
}

static int transfer(volatile uint8_t *bar, uint64_t from, uint64_t to, uint64_t flags)
{
	vfio_write64(bar + EDU_DMA_SOURCE, from);
	vfio_write64(bar + EDU_DMA_TARGET, to);
	vfio_write64(bar + EDU_DMA_COUNT, EDU_DMA_MAX);
	vfio_write64(bar + EDU_DMA_COMMAND, EDU_DMA_START | flags);
	return wait_clear(bar, EDU_DMA_COMMAND, EDU_DMA_START);
}

static int carry(volatile uint8_t *bar, struct vfio_dma_pool *pool)
{
	struct vfio_dma out, back;

	if (vfio_dma_alloc(pool, EDU_DMA_MAX, 64, &out) < 0 ||
	    vfio_dma_alloc(pool, EDU_DMA_MAX, 64, &back) < 0)
		return -1;
	for (unsigned int i = 0; i < EDU_DMA_MAX; i++)
		((uint8_t *)out.address)[i] = (uint8_t)(i * 7);
	if (transfer(bar, out.iova, EDU_BUFFER, 0) < 0 ||
	    transfer(bar, EDU_BUFFER, back.iova, EDU_DMA_TO_MEMORY) < 0)
		return -1;
	return memcmp(out.address, back.address, EDU_DMA_MAX) == 0 ? 0 : -1;
}

static int run(volatile uint8_t *bar, struct vfio_dma_pool *pool)
{
	uint32_t value = 0;

	vfio_write32(bar + EDU_LIVENESS, 0x12345678);
	if (vfio_read32(bar + EDU_LIVENESS) != ~0x12345678u)
		return -1;
	if (factorial(bar, 10, &value) < 0)
		return -1;
	printf("edu: version %x, 10! = %u\n", vfio_read32(bar + EDU_ID) >> 16, value);
	if (value != 3628800 || carry(bar, pool) < 0)
		return -1;
	printf("edu: %u bytes there and back by DMA\n", EDU_DMA_MAX);
	return 0;
}

int main(void)
{
	struct vfio_open_params params = {
	        .match = vfio_match_id(0x1234, 0x11e8),
	        .dma_size = 16384,
	};
	static struct vfio_device device;
	volatile uint8_t *bar;
	int err;

	if (vfio_device_open(&params, &device) < 0) {
		printf("edu: %s\n", device.error.text);
		return 1;
	}
	bar = vfio_bar_pointer(&device, 0, 0, EDU_REGISTERS_SIZE);
	err = bar ? run(bar, device.pool) : -1;
	if (vfio_device_close(&device) < 0)
		err = -1;
	printf("edu: %s\n", err ? "FAILED" : "ok");
	return err ? 1 : 0;
}
