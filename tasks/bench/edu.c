/* SPDX-License-Identifier: MIT */
/* Registers of edu, and opening and closing a device of an attached group. */
#include <stdio.h>
#include <vfio/device.h>

#include "bench.h"

#define ROUNDS       2000
#define OPENS        50
#define EDU_LIVENESS 4u
#define CONFIG_CLASS 8u

static void registers(struct vfio_device *device)
{
	volatile uint8_t *bar = vfio_bar_pointer(device, 0, 0, 0x100);
	uint32_t value, sum = 0;

	for (size_t i = 0; i < ROUNDS; i++) {
		uint64_t start = bench_tick();
		sum += vfio_read32(bar + EDU_LIVENESS);
		bench_a[i] = bench_tick() - start;
	}
	bench_median("mmio.map_read32", bench_a, ROUNDS);
	for (size_t i = 0; i < ROUNDS; i++) {
		uint64_t start = bench_tick();
		int64_t done = cordon_device_region_read(device->device, CORDON_REGION_BAR0,
		                                         EDU_LIVENESS, &value, sizeof(value));
		bench_a[i] = bench_tick() - start;
		bench_must("device_region_read", done);
		sum += value;
	}
	bench_median("mmio.region_read32", bench_a, ROUNDS);
	for (size_t i = 0; i < ROUNDS; i++) {
		uint64_t start = bench_tick();
		int64_t done = cordon_device_region_read(device->device, CORDON_REGION_CONFIG,
		                                         CONFIG_CLASS, &value, sizeof(value));
		bench_a[i] = bench_tick() - start;
		bench_must("device_region_read", done);
		sum += value;
	}
	bench_median("mmio.config_read32", bench_a, ROUNDS);
	(void)sum;
}

/* All ten steps, as on Linux: container, group into it, device, registers mapped; and back. */
static void open_close(const struct vfio_open_params *params, struct vfio_device *device)
{
	for (size_t i = 0; i < OPENS; i++) {
		uint64_t start = bench_tick();
		int error = vfio_device_open(params, device);
		uint64_t middle = bench_tick();
		int error_too = vfio_device_close(device);
		uint64_t end = bench_tick();

		bench_must("vfio_device_open", error);
		bench_must("vfio_device_close", error_too);
		bench_a[i] = middle - start;
		bench_b[i] = end - middle;
	}
	bench_median("vfio.open_device", bench_a, OPENS);
	bench_median("vfio.close_device", bench_b, OPENS);
}

int bench_edu(cordon_handle_t group)
{
	static struct vfio_device device;
	const struct vfio_open_params params = {
	        .match = vfio_match_id(0x1234, 0x11e8),
	        .container = CORDON_HANDLE_NONE,
	        .group = group,
	        .authority = CORDON_HANDLE_NONE,
	};

	if (vfio_device_open(&params, &device)) {
		printf("bench: edu: %s\n", device.error.text);
		return 1;
	}
	registers(&device);
	bench_maps(device.container);
	bench_must("vfio_device_close", vfio_device_close(&device));
	open_close(&params, &device);
	return 0;
}
