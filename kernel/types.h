/* SPDX-License-Identifier: MIT */
/*
 * Address and identifier types that the compiler keeps apart. A physical address, an I/O
 * virtual address, a user address and a requester id are structures of one integer, so
 * that passing one for another does not compile. They cost nothing at run time.
 */
#ifndef KERNEL_TYPES_H
#define KERNEL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
	uint64_t raw;
} paddr_t; /* physical address */

typedef struct {
	uint64_t raw;
} iova_t; /* address as a device emits it */

typedef struct {
	uint64_t raw;
} uaddr_t; /* address in a task's space */

typedef struct {
	uint16_t raw;
} rid_t; /* requester id: bus << 8 | device << 3 | function (PCIe base specification 2.2.6.2) */

typedef struct {
	uint8_t raw;
} vector_t; /* CPU interrupt vector */

static inline paddr_t paddr(uint64_t raw)
{
	return (paddr_t){raw};
}

static inline iova_t iova(uint64_t raw)
{
	return (iova_t){raw};
}

static inline uaddr_t uaddr(uint64_t raw)
{
	return (uaddr_t){raw};
}

static inline rid_t rid(uint8_t bus, uint8_t devfn)
{
	return (rid_t){(uint16_t)(bus << 8 | devfn)};
}

#define PAGE_SHIFT 12
#define PAGE_SIZE  UINT64_C(4096)
#define PAGE_MASK  (PAGE_SIZE - 1)

#define SIZE_2M (UINT64_C(1) << 21)
#define SIZE_1G (UINT64_C(1) << 30)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline uint64_t align_down(uint64_t value, uint64_t alignment)
{
	return value & ~(alignment - 1);
}

static inline uint64_t align_up(uint64_t value, uint64_t alignment)
{
	return (value + alignment - 1) & ~(alignment - 1);
}

static inline bool is_aligned(uint64_t value, uint64_t alignment)
{
	return (value & (alignment - 1)) == 0;
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

#endif
