/* SPDX-License-Identifier: MIT */
/* Address spaces of tasks: regions that map memory objects, and the page tables under them. */
#ifndef KERNEL_ASPACE_H
#define KERNEL_ASPACE_H

#include <arch/paging.h>
#include <kernel/memory.h>

struct aspace;

/* One mapped range. */
struct region {
	struct list link;        /* in aspace.regions, sorted by start */
	struct list memory_link; /* in memory.mappings */
	struct aspace *aspace;
	struct memory *memory; /* a reference */
	uint64_t offset;
	uint64_t start; /* user address */
	uint64_t size;
	uint32_t prot;
	uint32_t prot_max; /* what memory_protect may reach */
};

struct aspace {
	struct spinlock lock;
	uint32_t references;
	struct account *account;
	struct arch_paging paging;
	struct list regions;
	uint32_t region_count;
	uint64_t hint; /* where the search for a free range starts */
};

int aspace_create(struct account *account, struct aspace **out);
void aspace_ref(struct aspace *aspace);
void aspace_unref(struct aspace *aspace);

/* Maps [offset, offset + size) of memory. address: in, the place (fixed) or a wish (0: any);
 * out, where it is. prot is contained in prot_max. Errors as memory_map in syscalls.def. */
int aspace_map(struct aspace *aspace, struct memory *memory, uint64_t offset, uint64_t size,
               uint32_t prot, uint32_t prot_max, uint32_t flags, uaddr_t *address);

int aspace_unmap(struct aspace *aspace, uaddr_t address, uint64_t size);
int aspace_protect(struct aspace *aspace, uaddr_t address, uint64_t size, uint32_t prot);

/*
 * Tells what lies at an address: the memory object (a reference is taken), the offset in it,
 * and how many bytes from there the region goes on, at most max. prot: what the region must
 * allow. Returns 0, or -EFAULT when nothing is mapped there or not with these rights.
 */
int aspace_resolve(struct aspace *aspace, uaddr_t address, uint64_t max, uint32_t prot,
                   struct memory **memory, uint64_t *offset, uint64_t *size);

/* Unmaps everything and drops the references; for a task that ends. */
void aspace_clear(struct aspace *aspace);

#endif
