/* SPDX-License-Identifier: MIT */
/* A container with one function, and a memory object to map for it. */
#ifndef TESTS_VFIO_DMA_BED_H
#define TESTS_VFIO_DMA_BED_H

#include <tests/unit/vfio/calls.h>

#define RAM  UINT64_C(0x10000000) /* where memory objects of tests have their frames */
#define IOVA UINT64_C(0x40000000)
#define PAGE CORDON_PAGE_SIZE

extern struct pci_function *function;
extern cordon_handle_t container, group, memory;
extern struct memory *object; /* what memory is the handle of */

/* Makes all of it; for the start of a suite. The object has so many pages, in runs of contiguous
 * frames with one frame between two. */
void dma_start(uint64_t pages, uint64_t run);

/* The frame of a page of the object, computed here. */
uint64_t frame(uint64_t page);

/* What the function's DMA reaches. flags: CORDON_DMA_READ, CORDON_DMA_WRITE or both. */
void assert_reaches(uint64_t iova, uint32_t flags, uint64_t expected);
void assert_refused(uint64_t iova, uint32_t flags);

#endif
