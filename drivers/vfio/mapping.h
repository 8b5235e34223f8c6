/* SPDX-License-Identifier: MIT */
/*
 * One DMA mapping: an IOVA range, and the memory behind it as a list of pieces. A piece is a
 * part of a memory object with a reference to it, never a record a page. The references keep
 * the frames until the invalidation after the unmap is complete (S3).
 */
#ifndef DRIVERS_VFIO_MAPPING_H
#define DRIVERS_VFIO_MAPPING_H

#include <cordon/vfio.h>
#include <kernel/memory.h>
#include <kernel/tree.h>

struct aspace;
struct handle_table;

struct mapping_piece {
	struct memory *memory; /* a reference, counted in memory.dma_mappings too */
	uint64_t offset;
	uint64_t size;
};

struct mapping {
	struct tree_node node;   /* IOVAs; in the container's tree */
	struct account *account; /* of who mapped, a reference: pays for this and for pieces */
	struct mapping *next;    /* in a mapping_list */
	uint32_t flags;          /* CORDON_DMA_* */
	uint32_t piece_count;
	uint32_t piece_room;          /* elements at pieces */
	struct mapping_piece *pieces; /* in the order of IOVAs; &single when there is one */
	struct mapping_piece single;
};

/* Mappings out of the tree: spare ones, or those that wait for a flush. */
struct mapping_list {
	struct mapping *first;
	uint32_t count;
};

static inline void mapping_list_push(struct mapping_list *list, struct mapping *mapping)
{
	mapping->next = list->first;
	list->first = mapping;
	list->count++;
}

static inline struct mapping *mapping_list_pop(struct mapping_list *list)
{
	struct mapping *mapping = list->first;

	if (mapping) {
		list->first = mapping->next;
		list->count--;
	}
	return mapping;
}

static inline uint64_t mapping_size(const struct mapping *mapping)
{
	return mapping->node.end - mapping->node.start;
}

static inline struct mapping *mapping_from(struct tree_node *node)
{
	return tree_entry(node, struct mapping, node);
}

/* Checks everything that needs no object: flags, alignment, sizes, wrapping.
 * Returns 0, -EINVAL or -EOVERFLOW. */
int mapping_check(const struct cordon_dma_map *args);

/*
 * Finds the memory that a checked request names, in a task's handle table or address space, and
 * makes of *mapping, which is not in use, one with references to it. Returns 0; for a handle
 * -EBADF, -EACCES, -ERANGE, or -EINVAL when it is device memory; for an address range -EFAULT; or
 * -ENOMEM. On failure there is nothing to release.
 *
 * Device memory (a BAR) as a DMA target is refused entirely: it would need the same gate as a BAR
 * that a CPU maps, revocation with the device that owns it included (S2).
 */
int mapping_resolve(struct mapping *mapping, const struct cordon_dma_map *args,
                    struct handle_table *handles, struct aspace *aspace);

/* Drops the references and forgets the pieces. */
void mapping_release(struct mapping *mapping);

/* Keeps the frames of a mapping out of circulation for ever: the unit did not confirm that no
 * device can reach them (S3). Takes the mapping over. */
void mapping_quarantine(struct mapping *mapping);

/* Bytes in quarantine since boot. */
uint64_t mapping_quarantined_bytes(void);

#endif
