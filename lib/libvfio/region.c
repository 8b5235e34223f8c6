/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>

#include <cordon/syscall.h>
#include <vfio/device.h>

static int whole(int64_t result, uint64_t width)
{
	if (result < 0)
		return (int)result;
	return (uint64_t)result == width ? 0 : -EIO;
}

static int bar_read(const struct vfio_device *device, unsigned int bar, uint64_t offset,
                    void *value, uint64_t width)
{
	if (bar >= VFIO_BAR_COUNT || offset % width != 0)
		return -EINVAL;
	return whole(cordon_device_region_read(device->device, bar, offset, value, width), width);
}

static int bar_write(const struct vfio_device *device, unsigned int bar, uint64_t offset,
                     const void *value, uint64_t width)
{
	if (bar >= VFIO_BAR_COUNT || offset % width != 0)
		return -EINVAL;
	return whole(cordon_device_region_write(device->device, bar, offset, value, width), width);
}

int vfio_bar_read8(const struct vfio_device *device, unsigned int bar, uint64_t offset,
                   uint8_t *value)
{
	return bar_read(device, bar, offset, value, sizeof(*value));
}

int vfio_bar_read16(const struct vfio_device *device, unsigned int bar, uint64_t offset,
                    uint16_t *value)
{
	return bar_read(device, bar, offset, value, sizeof(*value));
}

int vfio_bar_read32(const struct vfio_device *device, unsigned int bar, uint64_t offset,
                    uint32_t *value)
{
	return bar_read(device, bar, offset, value, sizeof(*value));
}

int vfio_bar_write8(const struct vfio_device *device, unsigned int bar, uint64_t offset,
                    uint8_t value)
{
	return bar_write(device, bar, offset, &value, sizeof(value));
}

int vfio_bar_write16(const struct vfio_device *device, unsigned int bar, uint64_t offset,
                     uint16_t value)
{
	return bar_write(device, bar, offset, &value, sizeof(value));
}

int vfio_bar_write32(const struct vfio_device *device, unsigned int bar, uint64_t offset,
                     uint32_t value)
{
	return bar_write(device, bar, offset, &value, sizeof(value));
}

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
