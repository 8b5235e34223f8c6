/* SPDX-License-Identifier: MIT */
/*
 * Memory-mapped registers, I/O ports, and the kernel's views of physical memory.
 *
 * Accesses have exactly the width of their name and are not reordered by the compiler.
 */
#ifndef ARCH_MMIO_H
#define ARCH_MMIO_H

#include <kernel/types.h>

/* RAM as the kernel sees it, through the direct map. Only for addresses that are RAM. */
#define DIRECT_MAP_BASE UINT64_C(0xffff800000000000)

static inline void *phys_to_virt(paddr_t address)
{
	return (void *)(uintptr_t)(DIRECT_MAP_BASE + address.raw);
}

static inline paddr_t virt_to_phys(const void *address)
{
	return paddr((uint64_t)(uintptr_t)address - DIRECT_MAP_BASE);
}

/*
 * Maps device registers or firmware tables, uncached (device) or cached (tables), for the
 * kernel; any alignment. Mappings are permanent unless mmio_unmap is called. Returns NULL
 * when out of memory or address space.
 */
void *mmio_map(paddr_t base, uint64_t size);
void *mmio_map_cached(paddr_t base, uint64_t size);
void mmio_unmap(void *mapping, uint64_t size);

static inline uint8_t mmio_read8(const volatile void *address)
{
	return *(const volatile uint8_t *)address;
}

static inline uint16_t mmio_read16(const volatile void *address)
{
	return *(const volatile uint16_t *)address;
}

static inline uint32_t mmio_read32(const volatile void *address)
{
	return *(const volatile uint32_t *)address;
}

static inline uint64_t mmio_read64(const volatile void *address)
{
	return *(const volatile uint64_t *)address;
}

static inline void mmio_write8(volatile void *address, uint8_t value)
{
	*(volatile uint8_t *)address = value;
}

static inline void mmio_write16(volatile void *address, uint16_t value)
{
	*(volatile uint16_t *)address = value;
}

static inline void mmio_write32(volatile void *address, uint32_t value)
{
	*(volatile uint32_t *)address = value;
}

static inline void mmio_write64(volatile void *address, uint64_t value)
{
	*(volatile uint64_t *)address = value;
}

static inline uint8_t port_read8(uint16_t port)
{
	uint8_t value;
	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline uint16_t port_read16(uint16_t port)
{
	uint16_t value;
	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline uint32_t port_read32(uint16_t port)
{
	uint32_t value;
	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline void port_write8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static inline void port_write16(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port));
}

static inline void port_write32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port));
}

#endif
