/* SPDX-License-Identifier: MIT */
/* Address spaces of tasks: regions that map memory objects, and the page tables under them. */
#ifndef KERNEL_ASPACE_H
#define KERNEL_ASPACE_H

#include <arch/paging.h>
#include <kernel/futex_bucket.h>
#include <kernel/memory.h>
#include <kernel/tree.h>

struct aspace;

#define ASPACE_FUTEXES 8

struct aspace {
	struct spinlock lock;
	uint32_t references;
	struct account *account;
	struct arch_paging paging;
	uint64_t tables_charged; /* frames of page tables that the account pays for */
	struct tree regions;     /* no leaf of the tables reaches across the border of a region */
	uint32_t region_count;
	struct futex_bucket futexes[ASPACE_FUTEXES]; /* of words that it shares with nobody */
};

/* Where ranges are found for callers that ask for no place: above what programs use by choice. */
#define ASPACE_ANY_MIN (UINT64_C(128) << 30)

/* Beside CORDON_MAP_*: the place, which is fixed, is reserved throughout (-EEXIST otherwise), and
 * no longer is then. Without memory for tables (-ENOMEM) it has no rights, but is no hole. */
#define ASPACE_MAP_COMMIT 0x80000000u

/* Charged for its tables. Returns 0 or -ENOMEM. */
int aspace_create(struct account *account, struct aspace **out);
void aspace_ref(struct aspace *aspace);

/* The last reference goes only after aspace_clear, when no CPU uses the tables. */
void aspace_unref(struct aspace *aspace);

/* Maps [offset, offset + size) of memory; NULL: reserves addresses, without rights. address: in,
 * the place (fixed) or a wish (0: any); out, where it is. prot is contained in prot_max. Errors as
 * memory_map in syscalls.def; when what was there is replaced, it may be gone then. */
int aspace_map(struct aspace *aspace, struct memory *memory, uint64_t offset, uint64_t size,
               uint32_t prot, uint32_t prot_max, uint32_t flags, uaddr_t *address);

/* Unmaps what is mapped in [address, address + size); memory is given back only after every CPU
 * forgot the translations. Errors as memory_unmap in syscalls.def, with nothing done (of a range
 * with very many regions, which goes in steps: with a part done). */
int aspace_unmap(struct aspace *aspace, uaddr_t address, uint64_t size);

/* Changes the rights of a range; what was only reserved in it gets memory. Errors as memory_protect
 * in syscalls.def, and -EINTR when the task is ending, with no rights changed. Called without
 * locks. */
int aspace_protect(struct aspace *aspace, uaddr_t address, uint64_t size, uint32_t prot);

/*
 * An access met no page. If the address lies in a region that grows, it gets memory from there to
 * its end: 0, also when another thread was faster. Otherwise -EFAULT; -ENOSPC in the guard below (a
 * stack overflow); -ENOMEM. Called without locks.
 */
int aspace_grow(struct aspace *aspace, uaddr_t address);

/* Gives back page tables that are empty and still kept. Returns whether there was one. */
bool aspace_trim(struct aspace *aspace);

/*
 * Tells what lies at an address: the memory object (a reference is taken), the offset in it,
 * and how many bytes from there the region goes on, at most max. prot: what the region must
 * allow. Returns 0, or -EFAULT when nothing is mapped there or not with these rights.
 */
int aspace_resolve(struct aspace *aspace, uaddr_t address, uint64_t max, uint32_t prot,
                   struct memory **memory, uint64_t *offset, uint64_t *size);

/* Describes the region at an address, or else the next above. Returns 0 or -ENOENT. */
int aspace_query(struct aspace *aspace, uaddr_t address, struct cordon_memory_region *out);

/* Unmaps everything and drops the references; for a task that ends. */
void aspace_clear(struct aspace *aspace);

#endif
