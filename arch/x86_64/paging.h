/* SPDX-License-Identifier: MIT */
/* The kernel's own page tables. */
#ifndef ARCH_X86_64_PAGING_H
#define ARCH_X86_64_PAGING_H

#include <arch/boot.h>
#include <kernel/lock.h>
#include <kernel/types.h>

/* Builds the final tables and loads them: the direct map of usable RAM, the image with the
 * rights of its parts, and room for the areas below. Out of memory is a panic. */
void paging_init(const struct boot_info *boot);

/*
 * Maps pages in one of the kernel's areas, never executable. flags: PTE_WRITABLE,
 * PTE_UNCACHED. The range was free before. Returns 0 or -ENOMEM with nothing mapped.
 */
int kernel_map(uint64_t address, paddr_t base, uint64_t size, uint64_t flags);

/* Removes such a mapping from the tables and from every CPU's memory of them. The range is one
 * that kernel_map mapped. */
void kernel_unmap(uint64_t address, uint64_t size);

/* Makes this CPU forget a range, if it has the tables of that root loaded; root 0: the kernel's. */
void paging_forget(uint64_t root, uint64_t address, uint64_t size);

/* The kernel's own top-level table. */
uint64_t paging_root(void);

/* The frame behind a mapped kernel address. */
paddr_t kernel_frame(uint64_t address);

#endif
