// SPDX-License-Identifier: MIT
#include <arch/mmio.h>
#include <kernel/panic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <tests/unit/fake/fake.h>

struct window {
	paddr_t base;
	uint64_t size;
	const struct fake_device *device;
	uint8_t *mapping; /* addresses without memory: a plain access faults */
};

static struct window windows[FAKE_WINDOWS_MAX];
static size_t window_count;
static uint64_t fail_in;

void fake_mmio_fail(uint64_t count)
{
	fail_in = count;
}

void fake_mmio_add(paddr_t base, uint64_t size, const struct fake_device *device)
{
	ASSERT(window_count < FAKE_WINDOWS_MAX);
	uint8_t *mapping = mmap(NULL, align_up(size, PAGE_SIZE), PROT_NONE,
	                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT(mapping != MAP_FAILED);
	windows[window_count++] = (struct window){base, size, device, mapping};
}

void *mmio_map(paddr_t base, uint64_t size)
{
	if (fail_in > 0 && --fail_in == 0)
		return NULL;
	for (size_t i = 0; i < window_count; i++) {
		const struct window *window = &windows[i];
		if (base.raw >= window->base.raw && size <= window->size &&
		    base.raw - window->base.raw <= window->size - size)
			return window->mapping + (base.raw - window->base.raw);
	}
	if (fake_is_ram(base, size))
		return phys_to_virt(base);
	fprintf(stderr, "fake: nothing to map at %#llx\n", (unsigned long long)base.raw);
	return NULL;
}

void *mmio_map_cached(paddr_t base, uint64_t size)
{
	return mmio_map(base, size);
}

void mmio_unmap(void *mapping, uint64_t size)
{
	(void)mapping;
	(void)size;
}

static const struct window *window_of(const volatile void *address, uint64_t *offset)
{
	for (size_t i = 0; i < window_count; i++) {
		*offset = (uint64_t)((uintptr_t)address - (uintptr_t)windows[i].mapping);
		if (*offset < windows[i].size)
			return &windows[i];
	}
	return NULL;
}

static uint64_t read_any(const volatile void *address, unsigned int width)
{
	uint64_t offset, value = 0;
	const struct window *window = window_of(address, &offset);

	ASSERT(is_aligned((uintptr_t)address, width));
	if (window)
		return window->device->read(window->device->context, offset, width);
	memcpy(&value, (const void *)address, width);
	return value;
}

static void write_any(volatile void *address, unsigned int width, uint64_t value)
{
	uint64_t offset;
	const struct window *window = window_of(address, &offset);

	ASSERT(is_aligned((uintptr_t)address, width));
	if (window)
		window->device->write(window->device->context, offset, width, value);
	else
		memcpy((void *)address, &value, width);
}

uint8_t mmio_read8(const volatile void *address)
{
	return (uint8_t)read_any(address, 1);
}

uint16_t mmio_read16(const volatile void *address)
{
	return (uint16_t)read_any(address, 2);
}

uint32_t mmio_read32(const volatile void *address)
{
	return (uint32_t)read_any(address, 4);
}

uint64_t mmio_read64(const volatile void *address)
{
	return read_any(address, 8);
}

void mmio_write8(volatile void *address, uint8_t value)
{
	write_any(address, 1, value);
}

void mmio_write16(volatile void *address, uint16_t value)
{
	write_any(address, 2, value);
}

void mmio_write32(volatile void *address, uint32_t value)
{
	write_any(address, 4, value);
}

void mmio_write64(volatile void *address, uint64_t value)
{
	write_any(address, 8, value);
}
