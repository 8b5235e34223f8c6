/* SPDX-License-Identifier: MIT */
/*
 * Changes of what is mapped. Each first finds out what it will cut in two and gets all that it
 * needs for that; from then on it cannot fail.
 */
#include <cordon/errno.h>
#include <kernel/aspace.h>
#include <kernel/panic.h>
#include <kernel/sched.h>

#include "region.h"

/* Tables that splitting leaves can make: at each end one for a leaf of 1 GiB, one for 2 MiB. */
#define SPLIT_TABLES 4

/* The part of an address space that a call changes. */
struct change {
	struct aspace *aspace;
	uint64_t start; /* inside regions, or at their borders */
	uint64_t end;
	struct region *first; /* the regions that hold the first and the last byte */
	struct region *last;
	bool cuts_first; /* first begins before start */
	bool cuts_last;  /* last ends behind end */
	struct region *spare[2];
	uint32_t spares;
	uint64_t reserved; /* frames charged for tables that splits may make */
};

/* The region that holds the byte below an address, or else the one before. */
static struct tree_node *node_below(const struct tree *tree, uint64_t end)
{
	struct tree_node *node = tree_find(tree, end - 1);

	if (!node)
		return tree_last(tree);
	return node->start < end ? node : tree_previous(node);
}

/* Finds the regions in [start, end) and clips the range to them. False when there is none. */
static bool change_find_locked(struct change *change, struct aspace *aspace, uint64_t start,
                               uint64_t end)
{
	const struct tree_node *first = tree_find(&aspace->regions, start);
	const struct tree_node *last;

	if (!first || first->start >= end)
		return false;
	last = node_below(&aspace->regions, end);
	*change = (struct change){
	        .aspace = aspace,
	        .start = max_u64(start, first->start),
	        .end = min_u64(end, last->end),
	        .first = region_from(first),
	        .last = region_from(last),
	};
	change->cuts_first = change->start > first->start;
	change->cuts_last = change->end < last->end;
	return true;
}

/* Gives back what was not used. */
static void change_finish_locked(struct change *change)
{
	while (change->spares > 0)
		region_destroy(change->spare[--change->spares]);
	change->aspace->tables_charged += change->reserved;
	change->reserved = 0;
	tables_settle_locked(change->aspace);
}

static int change_reserve_locked(struct change *change)
{
	int err = account_charge(change->aspace->account, CHARGE_KERNEL, SPLIT_TABLES * PAGE_SIZE);

	if (err == 0)
		change->reserved = SPLIT_TABLES;
	return err;
}

/* Gets what the cuts need. spares: how many new regions. Returns 0, or -ENOMEM with nothing kept.
 */
static int change_prepare_locked(struct change *change, uint32_t spares)
{
	int err = 0;

	if (change->cuts_first || change->cuts_last) {
		err = change_reserve_locked(change);
		if (err != 0 && tables_trim_locked(change->aspace))
			err = change_reserve_locked(change);
	}
	while (err == 0 && change->spares < spares) {
		err = region_create(change->aspace, NULL, &change->spare[change->spares]);
		if (err == 0)
			change->spares++;
	}
	if (err != 0)
		change_finish_locked(change);
	return err;
}

/* Divides a region at an address inside it; returns the upper part. */
static struct region *region_split_locked(struct change *change, struct region *region, uint64_t at)
{
	struct aspace *aspace = change->aspace;
	struct region *upper = change->spare[--change->spares];

	upper->node.start = at;
	upper->node.end = region->node.end;
	upper->offset = region->offset + (at - region->node.start);
	upper->prot = region->prot;
	upper->prot_max = region->prot_max;
	upper->grow = region->grow;
	tree_resize(&aspace->regions, &region->node, region->node.start, at);
	tree_insert(&aspace->regions, &upper->node);
	aspace->region_count++;
	region_attach_locked(upper, region->memory, region);
	return upper;
}

/* --- unmapping ------------------------------------------------------------------------------- */

/* Takes the range out of the regions; their translations are gone. */
static void unmap_perform_locked(struct change *change, struct list *gone)
{
	struct tree *regions = &change->aspace->regions;
	struct region *region = change->first;
	struct tree_node *node;

	if (change->cuts_last && change->cuts_first && change->first == change->last) {
		region_split_locked(change, region, change->end);
		tree_resize(regions, &region->node, region->node.start, change->start);
		return;
	}
	node = &region->node;
	if (change->cuts_first) {
		tree_resize(regions, node, node->start, change->start);
		node = tree_next(node);
	}
	while (node && node->end <= change->end) {
		region = region_from(node);
		node = tree_next(node);
		region_remove_locked(region, gone);
	}
	if (change->cuts_last) {
		region = change->last;
		region->offset += change->end - region->node.start;
		tree_resize(regions, &region->node, change->end, region->node.end);
	}
}

/* Just what one call mapped, as most often: nothing is cut, so nothing is needed. */
static int unmap_whole_locked(struct aspace *aspace, struct region *region, struct list *gone)
{
	uint64_t start = region->node.start;
	uint64_t size = region->node.end - start;
	int err = arch_paging_unmap(&aspace->paging, uaddr(start), size);

	if (err != 0)
		return err;
	region_remove_locked(region, gone);
	arch_paging_flush(&aspace->paging, uaddr(start), size);
	tables_settle_locked(aspace);
	return 0;
}

int regions_unmap_locked(struct aspace *aspace, uint64_t start, uint64_t end, struct list *gone)
{
	const struct tree_node *node = tree_find(&aspace->regions, start);
	struct change change;
	uint64_t size;
	bool middle;
	int err;

	if (node && node->start == start && node->end == end)
		return unmap_whole_locked(aspace, region_from(node), gone);
	if (!change_find_locked(&change, aspace, start, end))
		return 0;
	middle = change.first == change.last && change.cuts_first && change.cuts_last;
	err = change_prepare_locked(&change, middle ? 1 : 0);
	if (err != 0)
		return err;
	size = change.end - change.start;
	err = arch_paging_unmap(&aspace->paging, uaddr(change.start), size);
	if (err != 0 && tables_trim_locked(aspace))
		err = arch_paging_unmap(&aspace->paging, uaddr(change.start), size);
	if (err == 0) {
		unmap_perform_locked(&change, gone);
		arch_paging_flush(&aspace->paging, uaddr(change.start), size);
	}
	change_finish_locked(&change);
	return err;
}

static __attribute__((noinline)) uint64_t long_step_end_locked(const struct aspace *aspace,
                                                               uint64_t start, uint64_t end)
{
	const struct tree_node *node = tree_find(&aspace->regions, start);
	uint32_t count = 0;

	for (; node && node->end < end; node = tree_next(node))
		if (++count == SCHED_POINT_EVERY)
			return node->end;
	return end;
}

/* How far an unmap goes before others may run. */
static inline uint64_t step_end_locked(const struct aspace *aspace, uint64_t start, uint64_t end)
{
	/* No region is smaller than a page. */
	if (end - start <= SCHED_POINT_EVERY * PAGE_SIZE)
		return end;
	return long_step_end_locked(aspace, start, end);
}

int aspace_unmap(struct aspace *aspace, uaddr_t address, uint64_t size)
{
	uint64_t start = address.raw, end = start + size;
	int err;

	if (!aspace_range_is_valid(start, size))
		return -EINVAL;
	for (;;) {
		struct list gone = LIST_INIT(gone);
		uint64_t step;

		spin_lock(&aspace->lock);
		step = step_end_locked(aspace, start, end);
		err = regions_unmap_locked(aspace, start, step, &gone);
		spin_unlock(&aspace->lock);
		regions_release(&gone);
		if (step == end || err != 0)
			return err;
		start = step;
		sched_point();
	}
}

int regions_unmap_many(struct aspace *aspace, uint64_t start, uint64_t end)
{
	bool many;

	spin_lock(&aspace->lock);
	many = step_end_locked(aspace, start, end) != end;
	spin_unlock(&aspace->lock);
	return many ? aspace_unmap(aspace, uaddr(start), end - start) : 0;
}

/* --- protection ------------------------------------------------------------------------------ */

/* Whether a range is mapped or reserved without a hole (-ENOMEM) and may get the rights (-EACCES).
 * -EAGAIN: it may, but some of it needs memory first. */
static int protect_check_locked(const struct aspace *aspace, uint64_t start, uint64_t end,
                                uint32_t prot)
{
	const struct tree_node *node = tree_find(&aspace->regions, start);
	uint64_t at = start;
	int err = 0;

	for (; at < end; node = tree_next(node)) {
		if (!node || node->start > at)
			return -ENOMEM;
		if (prot & ~region_from(node)->prot_max)
			err = -EACCES;
		else if (err == 0 && prot != CORDON_PROT_NONE && !region_from(node)->memory)
			err = -EAGAIN;
		at = node->end;
	}
	return err;
}

/* The part of a region that a change is about. */
static uint64_t part_of(const struct change *change, const struct region *region, uint64_t *start)
{
	*start = max_u64(change->start, region->node.start);
	return min_u64(change->end, region->node.end) - *start;
}

static bool has_no_entries(const struct region *region)
{
	return region->prot == CORDON_PROT_NONE && !region->zapped;
}

/* Regions without rights have no translations yet that could be changed: stores them. */
static int protect_fill_locked(struct change *change, uint32_t prot)
{
	struct tree_node *node;
	uint64_t start;
	uint64_t size;
	int err = 0;

	for (node = &change->first->node; node && node->start < change->end;
	     node = tree_next(node)) {
		struct region *region = region_from(node);

		size = part_of(change, region, &start);
		if (has_no_entries(region))
			err = region_fill_locked(region, start, size, prot);
		if (err != 0)
			break;
	}
	return err;
}

/* Takes back what protect_fill_locked stored. */
static void protect_unfill_locked(struct change *change)
{
	struct tree_node *node;
	uint64_t start;
	uint64_t size;

	for (node = &change->first->node; node && node->start < change->end;
	     node = tree_next(node)) {
		size = part_of(change, region_from(node), &start);
		if (has_no_entries(region_from(node)))
			region_empty_locked(change->aspace, start, size);
	}
}

/* Changes the page tables, wholly or not at all. */
static int protect_tables_locked(struct change *change, uint32_t prot)
{
	struct arch_paging *paging = &change->aspace->paging;
	uaddr_t start = uaddr(change->start);
	uint64_t size = change->end - change->start;
	int err;

	if (prot == CORDON_PROT_NONE)
		return arch_paging_unmap(paging, start, size);
	err = protect_fill_locked(change, prot);
	if (err == 0)
		err = arch_paging_protect(paging, start, size, prot);
	if (err != 0)
		protect_unfill_locked(change);
	return err;
}

static void protect_perform_locked(struct change *change, uint32_t prot)
{
	struct region *region = change->first;
	struct tree_node *node;

	if (change->cuts_first) {
		region = region_split_locked(change, region, change->start);
		if (change->last == change->first)
			change->last = region;
	}
	if (change->cuts_last)
		region_split_locked(change, change->last, change->end);
	for (node = &region->node; node && node->start < change->end; node = tree_next(node))
		region_from(node)->prot = prot;
}

/* -EAGAIN: nothing is done, what is reserved needs memory first. */
static int protect_locked(struct aspace *aspace, uint64_t start, uint64_t end, uint32_t prot)
{
	struct change change;
	int err;

	if (!change_find_locked(&change, aspace, start, end))
		return -ENOMEM;
	err = protect_check_locked(aspace, start, end, prot);
	if (err != 0)
		return err;
	err = change_prepare_locked(&change, change.cuts_first + change.cuts_last);
	if (err != 0)
		return err;
	err = protect_tables_locked(&change, prot);
	if (err == -ENOMEM && tables_trim_locked(aspace))
		err = protect_tables_locked(&change, prot);
	if (err == 0)
		protect_perform_locked(&change, prot);
	/* Also when rights were only added: a CPU that remembers the old ones would fault. */
	arch_paging_flush(&aspace->paging, uaddr(start), end - start);
	change_finish_locked(&change);
	return err;
}

int aspace_protect(struct aspace *aspace, uaddr_t address, uint64_t size, uint32_t prot)
{
	uint64_t start = address.raw, end = start + size;
	int err;

	if (!aspace_range_is_valid(start, size) || !aspace_prot_is_valid(prot))
		return -EINVAL;
	do {
		spin_lock(&aspace->lock);
		err = protect_locked(aspace, start, end, prot);
		spin_unlock(&aspace->lock);
		if (err != -EAGAIN)
			return err;
		err = reserves_commit(aspace, start, end);
	} while (err == 0); /* seldom twice: another thread may reserve something meanwhile */
	return err;
}
