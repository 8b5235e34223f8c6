/* SPDX-License-Identifier: MIT */
/*
 * Addresses that are only reserved, and how they get memory: by asking for rights to them
 * (aspace_protect), or, in a region that grows, by touching them.
 *
 * Memory is made without a lock, because it has to be zeroed; ASPACE_MAP_COMMIT then puts it in
 * place only if the addresses are still reserved. Of a range that gets rights it comes without
 * them, so that nothing has to be stored and the last step cannot fail halfway; in a region that
 * grows with them, in one step: other threads may touch it at any time.
 */
#include <cordon/errno.h>
#include <kernel/aspace.h>
#include <kernel/sched.h>
#include <kernel/task.h>

#include "region.h"

/* Puts zeroed memory behind addresses that are reserved. Returns 0, -ENOMEM, or -EEXIST when some
 * are reserved no longer. */
static int reserve_commit(struct aspace *aspace, uint64_t start, uint64_t size, uint32_t prot)
{
	const uint32_t prot_max = CORDON_PROT_READ | CORDON_PROT_WRITE | CORDON_PROT_EXEC;
	uaddr_t address = uaddr(start);
	struct memory *memory;
	int err = memory_create(aspace->account, size, 0, &memory);

	if (err == -ENOMEM && aspace_trim(aspace))
		err = memory_create(aspace->account, size, 0, &memory);
	if (err != 0)
		return err;
	memory->anonymous = true;
	err = aspace_map(aspace, memory, 0, size, prot, prot_max, ASPACE_MAP_COMMIT, &address);
	object_unref(&memory->object);
	return err;
}

/* Finds the first part of [*start, end) that is reserved and has no memory. */
static bool reserve_find(struct aspace *aspace, uint64_t *start, uint64_t end, uint64_t *size)
{
	const struct tree_node *node;

	spin_lock(&aspace->lock);
	node = tree_find(&aspace->regions, *start);
	while (node && node->start < end && region_from(node)->memory)
		node = tree_next(node);
	if (node && node->start < end) {
		*start = max_u64(*start, node->start);
		*size = min_u64(node->end, end) - *start;
	} else {
		*size = 0;
	}
	spin_unlock(&aspace->lock);
	return *size > 0;
}

int reserves_commit(struct aspace *aspace, uint64_t start, uint64_t end)
{
	uint64_t size;
	int err = 0;

	for (uint32_t i = 0; err == 0 && reserve_find(aspace, &start, end, &size); i++) {
		if (i % SCHED_POINT_EVERY == 0)
			err = task_pause();
		if (err == 0)
			err = reserve_commit(aspace, start, size, CORDON_PROT_NONE);
		if (err == -EEXIST)
			err = 0; /* another thread was faster with some of it: looks again */
		else
			start += size;
	}
	return err;
}

/* How much an access at an address commits: from there to the end, and at least as much as is due,
 * so that a deep stack does not consist of many small pieces. -EEXIST: there is a page by now. */
static int grow_find_locked(struct aspace *aspace, uint64_t address, uint64_t *start,
                            uint64_t *size)
{
	const struct tree_node *node = tree_find(&aspace->regions, address);
	struct region *region;
	uint64_t room;
	uint32_t prot;
	paddr_t base;

	if (arch_paging_lookup(&aspace->paging, uaddr(address), &base, &prot))
		return -EEXIST;
	if (!node || node->start > address)
		return -EFAULT;
	region = region_from(node);
	if (region->memory || region->grow == 0)
		return -EFAULT;
	if (address - node->start < CORDON_STACK_GUARD)
		return -ENOSPC;
	room = node->end - node->start - CORDON_STACK_GUARD;
	*size = min_u64(max_u64(node->end - align_down(address, PAGE_SIZE), region->grow), room);
	*start = node->end - *size;
	region->grow = 2 * *size;
	return 0;
}

int aspace_grow(struct aspace *aspace, uaddr_t address)
{
	const uint32_t prot = CORDON_PROT_READ | CORDON_PROT_WRITE;
	uint64_t start, size;
	int err;

	spin_lock(&aspace->lock);
	err = grow_find_locked(aspace, address.raw, &start, &size);
	spin_unlock(&aspace->lock);
	if (err == 0)
		err = reserve_commit(aspace, start, size, prot);
	return err == -EEXIST ? 0 : err; /* another thread was faster: the access tells */
}
