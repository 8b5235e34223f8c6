/* SPDX-License-Identifier: MIT */
/* A first driver: lets the educational device copy a text from one buffer to another. */
#include <stdio.h>
#include <string.h>

#include <cordon/rt.h>
#include <vfio/device.h>

enum { SOURCE = 0x80, DESTINATION = 0x88, COUNT = 0x90, COMMAND = 0x98 }; /* in BAR 0 */
#define DEVICE_BUFFER UINT64_C(0x40000) /* the device's own memory, in its own numbering */

static void transfer(volatile uint8_t *bar, uint64_t from, uint64_t to, uint64_t command)
{
	vfio_write64(bar + SOURCE, from);
	vfio_write64(bar + DESTINATION, to);
	vfio_write64(bar + COUNT, 64); /* above 4095 the emulator ends the machine */
	vfio_write64(bar + COMMAND, command);
	while (vfio_read32(bar + COMMAND) & 1) /* it takes 100 ms */
		cordon_clock_sleep(cordon_now() + 1000000);
}

int main(void)
{
	struct vfio_open_params params = {
	        .match = vfio_match_id(0x1234, 0x11e8),
	        .dma_size = 4096,
	};
	static struct vfio_device device;
	struct vfio_dma in, out;
	volatile uint8_t *bar;
	int copied;

	if (vfio_device_open(&params, &device) < 0) {
		printf("example: %s\n", device.error.text);
		return 1;
	}
	bar = vfio_bar_pointer(&device, 0, 0, 0x100);
	if (!bar || vfio_dma_alloc(device.pool, 64, 64, &in) < 0 ||
	    vfio_dma_alloc(device.pool, 64, 64, &out) < 0)
		return 1;

	strcpy(in.address, "carried by DMA");
	transfer(bar, in.iova, DEVICE_BUFFER, 1);      /* 1: start, from memory */
	transfer(bar, DEVICE_BUFFER, out.iova, 1 | 2); /* 2: towards memory */
	printf("example: %s\n", (const char *)out.address);
	copied = strcmp(in.address, out.address) == 0;
	return vfio_device_close(&device) < 0 || !copied;
}
