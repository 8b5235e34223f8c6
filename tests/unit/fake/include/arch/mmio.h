/* SPDX-License-Identifier: MIT */
/*
 * Physical memory, registers and ports on the host. RAM is the arena of fake.h; accesses to a
 * registered device go to its model; other pointers (a byte array that stands for config space)
 * are plain memory.
 */
#ifndef FAKE_ARCH_MMIO_H
#define FAKE_ARCH_MMIO_H

#include <kernel/types.h>

#define DIRECT_MAP_BASE UINT64_C(0xffff800000000000)

void *phys_to_virt(paddr_t address);
paddr_t virt_to_phys(const void *address);

void *mmio_map(paddr_t base, uint64_t size);
void *mmio_map_cached(paddr_t base, uint64_t size);
void mmio_unmap(void *mapping, uint64_t size);

uint8_t mmio_read8(const volatile void *address);
uint16_t mmio_read16(const volatile void *address);
uint32_t mmio_read32(const volatile void *address);
uint64_t mmio_read64(const volatile void *address);
void mmio_write8(volatile void *address, uint8_t value);
void mmio_write16(volatile void *address, uint16_t value);
void mmio_write32(volatile void *address, uint32_t value);
void mmio_write64(volatile void *address, uint64_t value);

uint8_t port_read8(uint16_t port);
uint16_t port_read16(uint16_t port);
uint32_t port_read32(uint16_t port);
void port_write8(uint16_t port, uint8_t value);
void port_write16(uint16_t port, uint16_t value);
void port_write32(uint16_t port, uint32_t value);

#endif
