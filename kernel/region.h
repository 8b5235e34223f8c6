/* SPDX-License-Identifier: MIT */
/* What the parts of address spaces (aspace.c, aspace_change.c) share. Not for anyone else. */
#ifndef KERNEL_REGION_H
#define KERNEL_REGION_H

#include <kernel/aspace.h>

/* What the first access to a region that grows commits; each further one twice as much. */
#define GROW_FIRST (UINT64_C(16) * PAGE_SIZE)

static inline struct region *region_from(const struct tree_node *node)
{
	return tree_entry(node, struct region, node);
}

/* Whether a range lies in user space and consists of whole pages, at least one. */
bool aspace_range_is_valid(uint64_t address, uint64_t size);

/* Whether rights are known and do not combine WRITE with EXEC. */
bool aspace_prot_is_valid(uint32_t prot);

/* Makes the charge what the tables are now. Fails only when there are more than were charged. */
int tables_settle_locked(struct aspace *aspace);

/* Gives back page tables that are empty and still kept. Returns whether there was one. */
bool tables_trim_locked(struct aspace *aspace);

/* Stores the translations of [start, start + size) of a region, with rights. Returns 0, or -ENOMEM
 * with nothing stored. */
int region_fill_locked(struct region *region, uint64_t start, uint64_t size, uint32_t prot);

/* Takes the translations of whole regions away and flushes. */
void region_empty_locked(struct aspace *aspace, uint64_t start, uint64_t size);

/* A region that maps nothing and is in no tree, charged to the account; for memory, to which the
 * caller or the region keeps a reference, or for any (NULL). Returns 0 or -ENOMEM. */
int region_create(struct aspace *aspace, struct memory *memory, struct region **out);
void region_destroy(struct region *region);

/* Enters a region into the list of its memory, whose lock is held: with pages at the start, zapped
 * at the end. So whoever revokes or restores finds the next at an end, however many there are. */
void region_list_locked(struct region *region);

/* Takes a reference to the memory and enters the region in its list. like: the region of which it
 * was a part, and whose pages it has or has not; NULL for a new mapping. */
void region_attach_locked(struct region *region, struct memory *memory, const struct region *like);

/* Takes a region out of the tree and the memory's list. It waits in gone, with its reference,
 * until its translations are flushed and the lock is released. */
void region_remove_locked(struct region *region, struct list *gone);

/* Unmaps what is mapped in [start, end); the regions wait in gone. Returns 0, or -ENOMEM with
 * nothing done. */
int regions_unmap_locked(struct aspace *aspace, uint64_t start, uint64_t end, struct list *gone);

/* Before a range is replaced: when it has so many regions that this takes long, unmaps them, while
 * others run. Errors as aspace_unmap. */
int regions_unmap_many(struct aspace *aspace, uint64_t start, uint64_t end);

/* Puts zeroed memory, still without rights, behind all that is reserved in [start, end); between
 * pieces others run. Returns 0, -ENOMEM, or -EINTR when the task is ending; some may have memory
 * then. Called without locks. */
int reserves_commit(struct aspace *aspace, uint64_t start, uint64_t end);

/* Drops what waits in gone. Called without locks. */
void regions_release(struct list *gone);

#endif
