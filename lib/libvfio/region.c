/* SPDX-License-Identifier: MIT */
#include <stddef.h>

#include <vfio/device.h>

volatile void *vfio_bar_pointer(const struct vfio_device *device, unsigned int bar, uint64_t offset,
                                uint64_t size)
{
	const struct vfio_bar *found;

	if (bar >= VFIO_BAR_COUNT || size == 0)
		return NULL;
	found = &device->bars[bar];
	for (uint32_t i = 0; i < found->area_count; i++) {
		const struct vfio_area *area = &found->areas[i];

		if (offset >= area->offset && offset - area->offset < area->size &&
		    size <= area->size - (offset - area->offset))
			return area->address + (offset - area->offset);
	}
	return NULL;
}
