/* SPDX-License-Identifier: MIT */
/*
 * Access to device registers and to memory shared with a device. Each call is exactly one
 * access of the named width. On x86-64 stores to uncached memory and to ordinary memory are
 * seen by the device in program order (SDM volume 3, section 9.2), so that only the compiler
 * must be kept from moving them: a register access here is ordered against every memory
 * access before and after it.
 */
#ifndef VFIO_MMIO_H
#define VFIO_MMIO_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Keeps the compiler from moving memory accesses across. Costs no instruction. */
static inline void vfio_order(void)
{
	__asm__ volatile("" ::: "memory");
}

/* Tells the CPU that this is a polling loop. */
static inline void vfio_relax(void)
{
	__asm__ volatile("pause" ::: "memory");
}

#define VFIO_MMIO_ACCESSORS(bits)                                                         \
	static inline uint##bits##_t vfio_read##bits(const volatile void *address)        \
	{                                                                                 \
		uint##bits##_t value = *(const volatile uint##bits##_t *)address;         \
		vfio_order();                                                             \
		return value;                                                             \
	}                                                                                 \
	static inline void vfio_write##bits(volatile void *address, uint##bits##_t value) \
	{                                                                                 \
		vfio_order();                                                             \
		*(volatile uint##bits##_t *)address = value;                              \
		vfio_order();                                                             \
	}

/* vfio_read8, vfio_write8, ... vfio_read64, vfio_write64 */
VFIO_MMIO_ACCESSORS(8)
VFIO_MMIO_ACCESSORS(16)
VFIO_MMIO_ACCESSORS(32)
VFIO_MMIO_ACCESSORS(64)

#undef VFIO_MMIO_ACCESSORS

#ifdef __cplusplus
}
#endif
#endif
