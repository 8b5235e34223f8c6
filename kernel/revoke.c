/* SPDX-License-Identifier: MIT */
/*
 * Taking a device's memory away from those who map it. The list of mappings is under the lock of
 * the memory object, the page tables under the locks of the address spaces, which come first in
 * the lock order: so one address space is picked at a time, and looked at again under its lock.
 */
#include <kernel/aspace.h>
#include <kernel/panic.h>

/* An address space in which the memory is, or is not, zapped; with a reference. NULL: none. A
 * region is in the list only while its address space lives. */
static struct aspace *zap_aspace(struct memory *memory, bool zapped)
{
	struct aspace *found = NULL;
	struct region *region;

	spin_lock(&memory->lock);
	list_for_each(region, &memory->mappings, memory_link)
	{
		if (region->zapped != zapped)
			continue;
		found = region->aspace;
		aspace_ref(found);
		break;
	}
	spin_unlock(&memory->lock);
	return found;
}

static void memory_set_revoked(struct memory *memory, bool revoked)
{
	ASSERT(memory->kind == MEMORY_DEVICE);
	spin_lock(&memory->lock);
	memory->revoked = revoked;
	spin_unlock(&memory->lock);
}

void memory_revoke(struct memory *memory)
{
	struct aspace *aspace;

	memory_set_revoked(memory, true);
	while ((aspace = zap_aspace(memory, false))) {
		aspace_zap(aspace, memory);
		aspace_unref(aspace);
	}
}

void memory_restore(struct memory *memory)
{
	struct aspace *aspace;

	memory_set_revoked(memory, false);
	while ((aspace = zap_aspace(memory, true))) {
		aspace_unzap(aspace, memory);
		aspace_unref(aspace);
	}
}
