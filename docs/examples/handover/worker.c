/* SPDX-License-Identifier: MIT */
/*
 * Gets a device of somebody else's through the channel "work", and lets it carry what it is asked
 * to from one buffer to another. It makes the buffers itself, in the container that came along.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cordon/rt.h>
#include <vfio/dma.h>
#include <vfio/mmio.h>

enum { SOURCE = 0x80, DESTINATION = 0x88, COUNT = 0x90, COMMAND = 0x98 }; /* in BAR 0 */
#define DEVICE_BUFFER UINT64_C(0x40000)
#define TEXT_SIZE     64

static volatile uint8_t *bar;

static void transfer(uint64_t from, uint64_t to, uint64_t command)
{
	vfio_write64(bar + SOURCE, from);
	vfio_write64(bar + DESTINATION, to);
	vfio_write64(bar + COUNT, TEXT_SIZE);
	vfio_write64(bar + COMMAND, command);
	while (vfio_read32(bar + COMMAND) & 1)
		cordon_clock_sleep(cordon_now() + 1000000);
}

/* Receives the container and the device, and maps the registers. */
static int64_t receive_device(cordon_handle_t work, cordon_handle_t *container)
{
	struct cordon_message_handle handles[2] = {0};
	struct cordon_message message = {.handles = (uintptr_t)handles, .handle_count = 2};
	struct cordon_region_map map = {.size = CORDON_PAGE_SIZE,
	                                .prot = CORDON_PROT_READ | CORDON_PROT_WRITE};
	int64_t error = cordon_channel_receive(work, &message, CORDON_TIME_FOREVER);

	if (error)
		return error;
	*container = handles[0].handle;
	error = cordon_device_region_map(handles[1].handle, CORDON_REGION_BAR0, &map);
	bar = (volatile uint8_t *)(uintptr_t)map.address;
	return error;
}

int main(void)
{
	cordon_handle_t work = cordon_handle_named("work");
	cordon_handle_t container;
	struct vfio_dma_pool pool;
	struct vfio_dma in, out;
	int64_t error = receive_device(work, &container);

	if (error || vfio_dma_pool_create(container, 4096, 0, 0, &pool) < 0 ||
	    vfio_dma_alloc(&pool, TEXT_SIZE, TEXT_SIZE, &in) < 0 ||
	    vfio_dma_alloc(&pool, TEXT_SIZE, TEXT_SIZE, &out) < 0) {
		printf("worker: no device: %s\n", cordon_strerror(error));
		return 1;
	}
	for (;;) {
		struct cordon_message message = {.bytes = (uintptr_t)in.address, .size = TEXT_SIZE};
		int endless;

		error = cordon_channel_receive(work, &message, CORDON_TIME_FOREVER);
		if (error)
			return error != -EPIPE; /* the other end is closed: done */
		endless = *(char *)in.address == '\0';
		transfer(in.iova, DEVICE_BUFFER, 1);      /* 1: start, from memory */
		transfer(DEVICE_BUFFER, out.iova, 1 | 2); /* 2: towards memory */
		message.bytes = (uintptr_t)out.address;
		cordon_channel_send(work, &message); /* with the number of the call */
		while (endless)
			transfer(DEVICE_BUFFER, out.iova, 1 | 2);
	}
}
