/* SPDX-License-Identifier: MIT */
/* Memory objects and address spaces, as tasks see them. */
#ifndef CORDON_MEMORY_H
#define CORDON_MEMORY_H

#include <cordon/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CORDON_PAGE_SIZE UINT64_C(4096)

/* memory_create flags: how the frames lie. Contents are zero. */
#define CORDON_MEMORY_CONTIGUOUS 0x1u /* one run of frames */
#define CORDON_MEMORY_HUGE       0x2u /* 2 MiB aligned frames throughout; size a multiple of 2 MiB */
#define CORDON_MEMORY_SCATTER \
	0x4u /* single frames, no two neighbours adjacent (for measurements) */
#define CORDON_MEMORY_HUGE_1G 0x8u /* likewise with 1 GiB */

#define CORDON_PROT_NONE  0x0u
#define CORDON_PROT_READ  0x1u
#define CORDON_PROT_WRITE 0x2u
#define CORDON_PROT_EXEC  0x4u /* never together with WRITE */

#define CORDON_MAP_FIXED   0x1u /* at the address or not at all: EEXIST when something is there */
#define CORDON_MAP_REPLACE 0x2u /* at the address, in place of what is there */
#define CORDON_MAP_GROW \
	0x4u /* memory_map_new without rights: gets memory from the end down, as it is touched */

/* What a range that grows keeps unbacked below: touching that ends the task (CAUSE_STACK). */
#define CORDON_STACK_GUARD UINT64_C(65536)

struct cordon_memory_info {
	uint64_t size;     /* bytes */
	uint32_t flags;    /* CORDON_MEMORY_*, as created */
	uint32_t extents;  /* physically contiguous runs */
	uint32_t mappings; /* address spaces and DMA windows that map it */
	uint32_t reserved;
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_memory_info) == 24, "cordon_memory_info layout");

/* memory_map: maps [offset, offset + size) of a memory object into the caller's space. */
struct cordon_memory_map {
	uint64_t address; /* in: wish, or the place with FIXED or REPLACE; 0: any. out: where it is
	                   */
	uint64_t offset;  /* page aligned */
	uint64_t size;    /* page aligned, not zero */
	uint32_t prot;    /* CORDON_PROT_*; the handle needs the matching rights and MAP */
	uint32_t flags;   /* CORDON_MAP_* */
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_memory_map) == 32, "cordon_memory_map layout");

/* memory_query */
struct cordon_memory_region {
	uint64_t address; /* where it begins */
	uint64_t size;
	uint64_t memory; /* object id of the memory behind it; 0: reserved */
	uint64_t offset; /* in the memory, of address */
	uint32_t prot;
	uint32_t flags; /* CORDON_REGION_* */
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_memory_region) == 40, "cordon_memory_region layout");
#define CORDON_REGION_RESERVED 0x1u /* addresses only */
#define CORDON_REGION_PRIVATE  0x2u /* memory that never had a handle */
#define CORDON_REGION_GROWS    0x4u /* MAP_GROW */

/* User addresses lie in [CORDON_USER_MIN, CORDON_USER_MAX): below 512 GiB, so that an IOVA may
 * equal the address on a 39-bit unit. */
#define CORDON_USER_MIN UINT64_C(0x10000)
#define CORDON_USER_MAX UINT64_C(0x8000000000)

#ifdef __cplusplus
}
#endif
#endif
