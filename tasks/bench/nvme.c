/* SPDX-License-Identifier: MIT */
/* Our polled NVMe driver: what a 4 KiB read costs, one at a time, waiting left out. */
#include <stdio.h>
#include <tasks/nvme/nvme.h>
#include <tasks/nvme/queue.h>

#include "bench.h"

#define READS 5000
#define WARM  200
#define KIB4  4096u

/* Waits in turns of five instructions and returns how many; the same turn as on Linux. */
static uint64_t wait_counted(const struct nvme_queue *queue)
{
	const volatile uint16_t *status = &queue->completions[queue->head].status;
	uint64_t turns = 0;
	uint32_t value;

	if (nvme_queue_ready(queue))
		return 0;
	__asm__ volatile("1: incq %0\n\tmovzwl %2, %1\n\tandl $1, %1\n\tcmpl %3, %1\n\tjne 1b"
	                 : "+r"(turns), "=&r"(value)
	                 : "m"(*status), "r"((uint32_t)queue->phase)
	                 : "cc", "memory");
	return turns;
}

static void reads(struct nvme_controller *controller, const struct nvme_namespace *space,
                  const struct vfio_dma *buffer)
{
	struct nvme_queue *queue = &controller->io;
	uint32_t seed = 12345;

	for (size_t i = 0; i < WARM + READS; i++) {
		seed = seed * 1664525u + 1013904223u;
		uint64_t page = (seed >> 4) % space->pages;
		uint16_t status;

		uint64_t start = bench_tick();
		int error = nvme_io_put_page(controller, space, NVME_IO_READ, page, buffer->iova,
		                             0);
		nvme_queue_ring(queue);
		uint64_t middle = bench_tick();
		uint64_t turns = wait_counted(queue);
		nvme_queue_take(queue, &status);
		nvme_queue_release(queue);
		uint64_t end = bench_tick();

		bench_must("a read", error ? error : -(int64_t)status);
		if (i < WARM)
			continue;
		bench_a[i - WARM] = middle - start;
		bench_b[i - WARM] = end - start - turns * 5;
	}
	bench_median("unvme.poll_qd1.submit", bench_a, READS);
	bench_median("unvme.poll_qd1.cpu", bench_b, READS);
}

int bench_nvme(cordon_handle_t group)
{
	static struct vfio_device device;
	static struct nvme_controller controller;
	const struct vfio_open_params params = {
	        .match = vfio_match_class(0x010802),
	        .container = CORDON_HANDLE_NONE,
	        .group = group,
	        .authority = CORDON_HANDLE_NONE,
	        .dma_size = 2u << 20,
	};
	struct vfio_dma buffer;

	if (vfio_device_open(&params, &device)) {
		printf("bench: nvme: %s\n", device.error.text);
		return 1;
	}
	bench_must("nvme_open", nvme_open(&device, &controller));
	bench_must("vfio_dma_alloc", vfio_dma_alloc(device.pool, KIB4, KIB4, &buffer));
	const struct nvme_namespace *space = nvme_find_namespace(&controller, 1);
	if (!space) {
		printf("bench: nvme: no namespace 1\n");
		return 1;
	}
	reads(&controller, space, &buffer);
	nvme_close(&controller);
	return vfio_device_close(&device);
}
