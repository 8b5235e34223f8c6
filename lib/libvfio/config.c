/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include <cordon/syscall.h>
#include <vfio/device.h>

/* A capability takes at least one double word, so that a longer walk goes in circles. */
#define CAPABILITIES_MAX          (VFIO_PCI_CONFIG_SIZE / 4)
#define EXTENDED_CAPABILITIES_MAX ((VFIO_PCI_EXTENDED_SIZE - VFIO_PCI_CONFIG_SIZE) / 4)

static int config_read(const struct vfio_device *device, uint32_t offset, void *value,
                       uint64_t width)
{
	int64_t result = cordon_device_region_read(device->device, CORDON_REGION_CONFIG, offset,
	                                           value, width);

	if (result < 0)
		return (int)result;
	return (uint64_t)result == width ? 0 : -EIO;
}

static int config_write(const struct vfio_device *device, uint32_t offset, const void *value,
                        uint64_t width)
{
	int64_t result = cordon_device_region_write(device->device, CORDON_REGION_CONFIG, offset,
	                                            value, width);

	if (result < 0)
		return (int)result;
	return (uint64_t)result == width ? 0 : -EIO;
}

int vfio_config_read8(const struct vfio_device *device, uint32_t offset, uint8_t *value)
{
	return config_read(device, offset, value, sizeof(*value));
}

int vfio_config_read16(const struct vfio_device *device, uint32_t offset, uint16_t *value)
{
	return config_read(device, offset, value, sizeof(*value));
}

int vfio_config_read32(const struct vfio_device *device, uint32_t offset, uint32_t *value)
{
	return config_read(device, offset, value, sizeof(*value));
}

int vfio_config_write8(const struct vfio_device *device, uint32_t offset, uint8_t value)
{
	return config_write(device, offset, &value, sizeof(value));
}

int vfio_config_write16(const struct vfio_device *device, uint32_t offset, uint16_t value)
{
	return config_write(device, offset, &value, sizeof(value));
}

int vfio_config_write32(const struct vfio_device *device, uint32_t offset, uint32_t value)
{
	return config_write(device, offset, &value, sizeof(value));
}

/* Where the list begins; 0: there is none. */
static int first_capability(const struct vfio_device *device, uint8_t *first)
{
	uint16_t status = 0;
	int result = vfio_config_read16(device, VFIO_PCI_STATUS, &status);

	*first = 0;
	if (result < 0 || !(status & VFIO_PCI_STATUS_CAPABILITIES))
		return result;
	return vfio_config_read8(device, VFIO_PCI_CAPABILITIES, first);
}

int vfio_find_capability(const struct vfio_device *device, uint8_t id, uint32_t *offset)
{
	uint32_t at = 0;
	int result = vfio_find_next_capability(device, id, &at);

	if (result == 0)
		*offset = at;
	return result;
}

/* From the head each time: a list that goes in circles is noticed, however often it is asked. */
int vfio_find_next_capability(const struct vfio_device *device, uint8_t id, uint32_t *offset)
{
	uint32_t before = *offset;
	uint32_t found = 0;
	uint8_t next;
	int result = first_capability(device, &next);

	for (unsigned int i = 0; result == 0 && i < CAPABILITIES_MAX; i++) {
		uint32_t at = next & ~3u; /* section 6.7: the two low bits are reserved */
		uint16_t header = 0;

		if (at == 0 && found != 0)
			*offset = found;
		if (at == 0)
			return found != 0 ? 0 : -ENOENT;
		if (at < VFIO_PCI_HEADER_SIZE)
			return -EIO;
		result = vfio_config_read16(device, at, &header);
		if (found == 0 && before == 0 && (header & 0xff) == id)
			found = at;
		if (at == before)
			before = 0;
		next = (uint8_t)(header >> 8);
	}
	return result < 0 ? result : -EIO;
}

int vfio_find_extended_capability(const struct vfio_device *device, uint16_t id, uint32_t *offset)
{
	uint32_t at = VFIO_PCI_CONFIG_SIZE;
	uint32_t express;
	int result = vfio_find_capability(device, VFIO_PCI_CAP_EXPRESS, &express);

	if (result < 0) /* conventional PCI has no extended space */
		return result;
	for (unsigned int i = 0; i < EXTENDED_CAPABILITIES_MAX; i++) {
		uint32_t header = 0;

		result = vfio_config_read32(device, at, &header);
		if (result < 0)
			return result;
		if (header == 0 || header == UINT32_MAX)
			return -ENOENT;
		if ((header & 0xffff) == id) {
			*offset = at;
			return 0;
		}
		at = header >> 20 & ~3u;
		if (at == 0)
			return -ENOENT;
		if (at < VFIO_PCI_CONFIG_SIZE)
			return -EIO;
	}
	return -EIO;
}
