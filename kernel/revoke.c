/* SPDX-License-Identifier: MIT */
/*
 * Taking a device's memory away from those who map it, and giving it back. The list of mappings is
 * under the lock of the memory object, the page tables under the locks of the address spaces, which
 * come first in the lock order: so one address space is picked at a time, and looked at again under
 * its lock. A task may have very many mappings: after some of them others run. What is mapped
 * meanwhile comes up as the object is then (memory.revoked), and what is cut in two as it was.
 */
#define LOG_TAG "revoke"
#include <kernel/aspace.h>
#include <kernel/log.h>
#include <kernel/panic.h>
#include <kernel/sched.h>

#include "region.h"

/* A region that is, or is not, zapped. NULL: there is none. */
static struct region *zap_find_locked(const struct memory *memory, bool zapped)
{
	struct region *region;

	if (list_empty(&memory->mappings))
		return NULL;
	region = zapped ? list_last(&memory->mappings, struct region, memory_link)
	                : list_first(&memory->mappings, struct region, memory_link);
	return region->zapped == zapped ? region : NULL;
}

/* Its address space, with a reference. A region is in the list only while that lives. */
static struct aspace *zap_aspace(struct memory *memory, bool zapped)
{
	struct aspace *found = NULL;
	const struct region *region;

	spin_lock(&memory->lock);
	region = zap_find_locked(memory, zapped);
	if (region) {
		found = region->aspace;
		aspace_ref(found);
	}
	spin_unlock(&memory->lock);
	return found;
}

/* The next, if it is in this address space, whose lock is held; its mark is changed before anyone
 * else can see the region again. */
static struct region *zap_mark_locked(struct aspace *aspace, struct memory *memory, bool zapped)
{
	struct region *region;

	spin_lock(&memory->lock);
	region = zap_find_locked(memory, zapped);
	if (region && region->aspace == aspace) {
		list_remove(&region->memory_link);
		region->zapped = !zapped;
		region_list_locked(region);
	} else {
		region = NULL;
	}
	spin_unlock(&memory->lock);
	return region;
}

/* Makes the pages of a region be what its mark says. */
static void zap_pages_locked(struct region *region)
{
	uint64_t start = region->node.start;
	uint64_t size = region->node.end - start;

	if (region->zapped)
		region_empty_locked(region->aspace, start, size);
	else if (region_fill_locked(region, start, size, region->prot) != 0)
		log_error("no memory for the tables of %#llx: it stays without pages",
		          (unsigned long long)start);
}

static void zap_some(struct aspace *aspace, struct memory *memory, bool zapped)
{
	struct region *region;
	uint32_t count = 0;

	spin_lock(&aspace->lock);
	while (count < SCHED_POINT_EVERY &&
	       (region = zap_mark_locked(aspace, memory, zapped)) != NULL) {
		zap_pages_locked(region);
		count++;
	}
	tables_settle_locked(aspace);
	spin_unlock(&aspace->lock);
}

static void memory_set_revoked(struct memory *memory, bool revoked)
{
	struct aspace *aspace;

	ASSERT(memory->kind == MEMORY_DEVICE);
	spin_lock(&memory->lock);
	memory->revoked = revoked;
	spin_unlock(&memory->lock);
	while ((aspace = zap_aspace(memory, !revoked))) {
		zap_some(aspace, memory, !revoked);
		aspace_unref(aspace);
		sched_point();
	}
}

void memory_revoke(struct memory *memory)
{
	memory_set_revoked(memory, true);
}

void memory_restore(struct memory *memory)
{
	memory_set_revoked(memory, false);
}
