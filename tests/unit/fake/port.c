// SPDX-License-Identifier: MIT
#include <arch/mmio.h>
#include <kernel/panic.h>
#include <tests/unit/fake/fake.h>

struct ports {
	uint16_t first;
	uint16_t count;
	const struct fake_device *device;
};

static struct ports ranges[FAKE_WINDOWS_MAX];
static size_t range_count;

void fake_port_add(uint16_t first, uint16_t count, const struct fake_device *device)
{
	ASSERT(range_count < FAKE_WINDOWS_MAX);
	ranges[range_count++] = (struct ports){first, count, device};
}

static const struct ports *range_of(uint16_t port)
{
	for (size_t i = 0; i < range_count; i++)
		if (port >= ranges[i].first && port - ranges[i].first < ranges[i].count)
			return &ranges[i];
	return NULL;
}

static uint64_t read_any(uint16_t port, unsigned int width)
{
	const struct ports *range = range_of(port);

	if (!range)
		return UINT64_MAX;
	return range->device->read(range->device->context, port - range->first, width);
}

static void write_any(uint16_t port, unsigned int width, uint64_t value)
{
	const struct ports *range = range_of(port);

	if (range)
		range->device->write(range->device->context, port - range->first, width, value);
}

uint8_t port_read8(uint16_t port)
{
	return (uint8_t)read_any(port, 1);
}

uint16_t port_read16(uint16_t port)
{
	return (uint16_t)read_any(port, 2);
}

uint32_t port_read32(uint16_t port)
{
	return (uint32_t)read_any(port, 4);
}

void port_write8(uint16_t port, uint8_t value)
{
	write_any(port, 1, value);
}

void port_write16(uint16_t port, uint16_t value)
{
	write_any(port, 2, value);
}

void port_write32(uint16_t port, uint32_t value)
{
	write_any(port, 4, value);
}
