/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <cordon/syscall.h>

#include "internal.h"

static int bus_master_off(struct vfio_device *device)
{
	uint16_t command = 0;
	int result = vfio_config_read16(device, VFIO_PCI_COMMAND, &command);

	if (result < 0)
		return result;
	command = (uint16_t)(command & ~VFIO_PCI_COMMAND_MASTER);
	return vfio_config_write16(device, VFIO_PCI_COMMAND, command);
}

int vfio_device_unmap_bars(struct vfio_device *device)
{
	int first = 0;

	for (unsigned int bar = 0; bar < VFIO_BAR_COUNT; bar++) {
		struct vfio_bar *found = &device->bars[bar];

		for (uint32_t i = 0; i < found->area_count; i++) {
			int64_t result = cordon_memory_unmap(
			        (uint64_t)(uintptr_t)found->areas[i].address, found->areas[i].size);

			if (result < 0 && first == 0)
				first = (int)result;
		}
		found->area_count = 0;
	}
	return first;
}

static int undo_step(struct vfio_device *device, int step)
{
	switch (step) {
	case VFIO_STEP_BUS_MASTER:
		return bus_master_off(device);
	case VFIO_STEP_MAP_BARS:
		return vfio_device_unmap_bars(device);
	case VFIO_STEP_GET_DEVICE:
		return (int)cordon_handle_close(device->device);
	case VFIO_STEP_MAP_MEMORY:
		return vfio_dma_pool_destroy(&device->own_pool);
	case VFIO_STEP_ADD_GROUP:
		return (int)cordon_container_remove_group(device->container, device->group);
	case VFIO_STEP_OPEN_GROUP:
		return (int)cordon_handle_close(device->group);
	case VFIO_STEP_CONTAINER:
		return (int)cordon_handle_close(device->container);
	default: /* the other steps only look */
		return 0;
	}
}

int vfio_device_undo(struct vfio_device *device)
{
	int first = 0;

	for (int step = VFIO_STEP_COUNT; step > VFIO_STEP_NONE; step--) {
		int result;

		if (!(device->done & 1u << step))
			continue;
		result = undo_step(device, step);
		if (result < 0 && first == 0)
			first = result;
	}
	device->done = 0;
	device->container = CORDON_HANDLE_NONE;
	device->group = CORDON_HANDLE_NONE;
	device->device = CORDON_HANDLE_NONE;
	device->pool = NULL;
	memset(device->bars, 0, sizeof(device->bars));
	return first;
}

int vfio_device_close(struct vfio_device *device)
{
	return vfio_device_undo(device);
}
