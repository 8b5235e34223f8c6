/* SPDX-License-Identifier: MIT */
/*
 * Memory objects: pages that address spaces and DMA windows map.
 *
 * An object is a list of extents (physically contiguous runs). It is fully backed when it
 * is created, so mapping it never allocates frames and a page fault is always an error.
 * Whoever maps it holds a reference; frames go back to the allocator when the last
 * reference goes, which for a DMA mapping is after the invalidation (S3).
 */
#ifndef KERNEL_MEMORY_H
#define KERNEL_MEMORY_H

#include <cordon/memory.h>
#include <kernel/account.h>
#include <kernel/object.h>
#include <kernel/tree.h>

struct aspace;
struct memory;

struct memory_extent {
	uint64_t offset; /* in the object */
	paddr_t base;
	uint64_t size;
};

enum memory_kind {
	MEMORY_RAM,    /* frames of its own, freed with it */
	MEMORY_STATIC, /* RAM that is part of the image (initramfs): never freed, read-only */
	MEMORY_DEVICE, /* a BAR: uncached, never a DMA target, can be revoked */
};

/* One mapped range of an address space, whose lock protects what points at it. */
struct region {
	struct tree_node node;   /* user addresses; in aspace.regions */
	struct list memory_link; /* DEVICE: in memory.mappings, under memory.lock */
	struct aspace *aspace;
	struct memory *home;   /* the object that this is a part of; NULL: heap memory */
	struct memory *memory; /* a reference; NULL: reserved, nothing is behind the addresses */
	uint64_t offset;       /* in memory, of node.start */
	uint64_t grow;         /* reserved: how much an access to it commits next (aspace_grow) */
	uint32_t prot;
	uint32_t prot_max; /* what aspace_protect may reach */
	bool zapped;       /* memory_revoke took the pages away; changed under both locks */
};

struct memory {
	struct object object;
	uint64_t size;
	uint32_t flags;
	enum memory_kind kind;
	bool revoked;   /* DEVICE, under lock: new mappings come up without pages */
	bool anonymous; /* only address spaces and DMA mappings refer to it: it never had a handle
	                 */
	uint32_t extent_count;
	uint32_t extent_room;          /* of the list, when it is not single */
	struct memory_extent *extents; /* sorted by offset */
	struct memory_extent single;   /* extents points here when there is one */
	struct spinlock lock;          /* protects mappings */
	struct list mappings;          /* DEVICE: struct region.memory_link, those zapped last */
	uint32_t regions;              /* of address spaces; changed in one step, like the next */
	uint32_t dma_mappings;         /* counted by containers */
	struct account *account;
	struct region first; /* most objects are mapped once: this needs no memory of its own */
	bool first_taken;    /* changed in one step */
};

/*
 * Creates a RAM object; size and flags as memory_create in syscalls.def checks them (-EINVAL
 * otherwise). Contents are zeroed. Charged to the account: one object and its frames, and
 * kernel memory. Returns 0, -EINVAL or -ENOMEM. Called without locks: large
 * objects let interrupts in while they are zeroed.
 */
int memory_create(struct account *account, uint64_t size, uint32_t flags, struct memory **out);

/* The same, for a caller that writes every byte before anyone else sees the object. */
int memory_create_uncleared(struct account *account, uint64_t size, uint32_t flags,
                            struct memory **out);

/* Describes memory that is there already. base and size are page aligned, size is not zero.
 * Charged to nobody. Returns 0 or -ENOMEM. */
int memory_create_static(paddr_t base, uint64_t size, struct memory **out);
int memory_create_device(paddr_t base, uint64_t size, struct memory **out);

/* Copies between an object of kind RAM or STATIC and kernel memory. [offset, offset + size) lies in
 * the object. */
void memory_read(const struct memory *memory, uint64_t offset, void *to, uint64_t size);
void memory_write(struct memory *memory, uint64_t offset, const void *from, uint64_t size);
void memory_zero(struct memory *memory, uint64_t offset, uint64_t size);

/* Copies between two objects. Like memory_zero it lets others run meanwhile (sched_point). */
void memory_copy(struct memory *to, uint64_t to_offset, const struct memory *from,
                 uint64_t from_offset, uint64_t size);

/* Called without locks before a reference is dropped that may be the last: lets others run while
 * the frames of very many pieces are given back (sched_point). */
void memory_release_slowly(struct memory *memory);

/* The contiguous run that starts at offset: its physical address and how long it is, at most
 * max bytes. offset < size. */
uint64_t memory_run(const struct memory *memory, uint64_t offset, uint64_t max, paddr_t *out);

/*
 * DEVICE objects: takes the pages away from every address space (also on other CPUs before it
 * returns); an access then faults. memory_restore puts them back; a mapping for which there is no
 * table then stays without pages, which is logged. Called without spinlocks, and not by two at
 * once: of very many mappings some are changed, then others run.
 */
void memory_revoke(struct memory *memory);
void memory_restore(struct memory *memory);

static inline struct memory *memory_from(struct object *object)
{
	return container_of(object, struct memory, object);
}

#endif
