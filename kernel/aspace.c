/* SPDX-License-Identifier: MIT */
#include <cordon/errno.h>
#include <kernel/aspace.h>
#include <kernel/heap.h>
#include <kernel/inject.h>
#include <kernel/panic.h>
#include <kernel/sched.h>

#include "region.h"

/* --- page tables and their price ------------------------------------------------------------- */

static int tables_charge_locked(struct aspace *aspace, uint64_t tables)
{
	int err = account_charge(aspace->account, CHARGE_KERNEL, tables * PAGE_SIZE);

	if (err == 0)
		aspace->tables_charged += tables;
	return err;
}

int tables_settle_locked(struct aspace *aspace)
{
	uint64_t tables = aspace->paging.tables + 1; /* and the root */

	if (tables > aspace->tables_charged)
		return tables_charge_locked(aspace, tables - aspace->tables_charged);
	if (tables < aspace->tables_charged) {
		account_uncharge(aspace->account, CHARGE_KERNEL,
		                 (aspace->tables_charged - tables) * PAGE_SIZE);
		aspace->tables_charged = tables;
	}
	return 0;
}

bool tables_trim_locked(struct aspace *aspace)
{
	if (!arch_paging_trim(&aspace->paging))
		return false;
	tables_settle_locked(aspace);
	return true;
}

bool aspace_trim(struct aspace *aspace)
{
	bool any;

	spin_lock(&aspace->lock);
	any = tables_trim_locked(aspace);
	spin_unlock(&aspace->lock);
	return any;
}

void region_empty_locked(struct aspace *aspace, uint64_t start, uint64_t size)
{
	int err = arch_paging_unmap(&aspace->paging, uaddr(start), size);

	ASSERT(err == 0); /* only a split can fail */
	arch_paging_flush(&aspace->paging, uaddr(start), size);
}

static int region_store_locked(struct region *region, uint64_t start, uint64_t size, uint32_t prot)
{
	struct aspace *aspace = region->aspace;
	enum arch_cache cache = region->memory->kind == MEMORY_DEVICE ? ARCH_CACHE_UNCACHED
	                                                              : ARCH_CACHE_NORMAL;
	uint64_t offset = region->offset + (start - region->node.start);
	uint64_t done = 0;
	int err = 0;

	while (err == 0 && done < size) {
		paddr_t base;
		uint64_t run = memory_run(region->memory, offset + done, size - done, &base);

		err = arch_paging_map(&aspace->paging, uaddr(start + done), base, run, prot, cache);
		if (err == 0)
			done += run;
	}
	if (err == 0)
		err = tables_settle_locked(aspace);
	if (err != 0 && done > 0)
		region_empty_locked(aspace, start, done);
	return err;
}

int region_fill_locked(struct region *region, uint64_t start, uint64_t size, uint32_t prot)
{
	int err;

	if (prot == CORDON_PROT_NONE)
		return 0; /* there is nothing to store */
	err = region_store_locked(region, start, size, prot);
	if (err == -ENOMEM && tables_trim_locked(region->aspace))
		err = region_store_locked(region, start, size, prot);
	return err;
}

/* --- regions --------------------------------------------------------------------------------- */

/* For a region that will map the memory, if any. */
static struct region *region_alloc(struct account *account, struct memory *memory)
{
	if (!memory || __atomic_exchange_n(&memory->first_taken, true, __ATOMIC_ACQUIRE))
		return account_alloc(account, sizeof(struct region));
	memory->first = (struct region){.home = memory};
	return &memory->first;
}

int region_create(struct aspace *aspace, struct memory *memory, struct region **out)
{
	struct region *region;
	int err = account_charge(aspace->account, CHARGE_MAPPINGS, 1);

	if (err != 0)
		return err;
	region = region_alloc(aspace->account, memory);
	if (!region) {
		account_uncharge(aspace->account, CHARGE_MAPPINGS, 1);
		return -ENOMEM;
	}
	region->aspace = aspace;
	list_init(&region->memory_link);
	*out = region;
	return 0;
}

void region_destroy(struct region *region)
{
	struct account *account = region->aspace->account;

	account_uncharge(account, CHARGE_MAPPINGS, 1);
	if (region->home)
		__atomic_store_n(&region->home->first_taken, false, __ATOMIC_RELEASE);
	else
		account_free(account, region, sizeof(*region));
}

void region_list_locked(struct region *region)
{
	struct list *mappings = &region->memory->mappings;

	if (region->zapped)
		list_append(mappings, &region->memory_link);
	else
		list_push(mappings, &region->memory_link);
}

void region_attach_locked(struct region *region, struct memory *memory, const struct region *like)
{
	if (!memory)
		return;
	object_ref(&memory->object);
	region->memory = memory;
	__atomic_fetch_add(&memory->regions, 1, __ATOMIC_RELAXED);
	if (__builtin_expect(memory->kind != MEMORY_DEVICE, 1))
		return;
	spin_lock(&memory->lock);
	region->zapped = like ? like->zapped : memory->revoked;
	region_list_locked(region);
	spin_unlock(&memory->lock);
}

void region_remove_locked(struct region *region, struct list *gone)
{
	struct aspace *aspace = region->aspace;

	tree_remove(&aspace->regions, &region->node);
	aspace->region_count--;
	if (region->memory && region->memory->kind == MEMORY_DEVICE) {
		spin_lock(&region->memory->lock);
		list_remove(&region->memory_link);
		spin_unlock(&region->memory->lock);
	}
	list_append(gone, &region->memory_link);
}

void regions_release(struct list *gone)
{
	struct region *region;
	struct region *after;

	list_for_each_safe(region, after, gone, memory_link)
	{
		struct memory *memory = region->memory;

		region_destroy(region);
		if (!memory)
			continue;
		__atomic_fetch_sub(&memory->regions, 1, __ATOMIC_RELAXED);
		memory_release_slowly(memory);
		object_unref(&memory->object);
	}
}

/* --- address spaces -------------------------------------------------------------------------- */

int aspace_create(struct account *account, struct aspace **out)
{
	struct aspace *aspace = account_alloc(account, sizeof(*aspace));
	int err = -ENOMEM;

	if (!aspace)
		return err;
	aspace->account = account;
	err = tables_charge_locked(aspace, 1); /* nobody else knows it yet */
	if (err != 0)
		goto free;
	err = arch_paging_create(&aspace->paging);
	if (err != 0)
		goto uncharge;
	spin_init(&aspace->lock, RANK_ASPACE, "aspace");
	aspace->references = 1;
	tree_init(&aspace->regions);
	for (uint32_t i = 0; i < ASPACE_FUTEXES; i++)
		futex_bucket_init(&aspace->futexes[i]);
	account_ref(account);
	*out = aspace;
	return 0;

uncharge:
	account_uncharge(account, CHARGE_KERNEL, PAGE_SIZE);
free:
	account_free(account, aspace, sizeof(*aspace));
	return err;
}

void aspace_ref(struct aspace *aspace)
{
	uint32_t before = __atomic_fetch_add(&aspace->references, 1, __ATOMIC_RELAXED);

	ASSERT(before != 0);
}

void aspace_unref(struct aspace *aspace)
{
	uint32_t before = __atomic_fetch_sub(&aspace->references, 1, __ATOMIC_ACQ_REL);
	struct account *account = aspace->account;

	ASSERT(before != 0);
	if (before > 1)
		return;
	ASSERT(tree_empty(&aspace->regions));
	arch_paging_destroy(&aspace->paging);
	account_uncharge(account, CHARGE_KERNEL, aspace->tables_charged * PAGE_SIZE);
	account_free(account, aspace, sizeof(*aspace));
	account_unref(account);
}

/* Takes some regions out, whose translations are gone. False: there were no more. */
static bool regions_remove_some(struct aspace *aspace)
{
	struct list gone = LIST_INIT(gone);
	struct tree_node *node;
	uint32_t count = 0;

	spin_lock(&aspace->lock);
	while (count < SCHED_POINT_EVERY && (node = tree_first(&aspace->regions)) != NULL) {
		region_remove_locked(region_from(node), &gone);
		count++;
	}
	spin_unlock(&aspace->lock);
	regions_release(&gone);
	return count == SCHED_POINT_EVERY;
}

void aspace_clear(struct aspace *aspace)
{
	const struct tree_node *first, *last;

	spin_lock(&aspace->lock);
	first = tree_first(&aspace->regions);
	last = tree_last(&aspace->regions);
	if (first)
		region_empty_locked(aspace, first->start, last->end - first->start);
	spin_unlock(&aspace->lock);
	while (regions_remove_some(aspace))
		sched_point();
	spin_lock(&aspace->lock);
	tables_settle_locked(aspace);
	spin_unlock(&aspace->lock);
}

/* --- mapping --------------------------------------------------------------------------------- */

bool aspace_range_is_valid(uint64_t address, uint64_t size)
{
	if (size == 0 || !is_aligned(address | size, PAGE_SIZE))
		return false;
	return address >= CORDON_USER_MIN && address < CORDON_USER_MAX &&
	       size <= CORDON_USER_MAX - address;
}

bool aspace_prot_is_valid(uint32_t prot)
{
	const uint32_t write_exec = CORDON_PROT_WRITE | CORDON_PROT_EXEC;

	if (prot & ~(CORDON_PROT_READ | CORDON_PROT_WRITE | CORDON_PROT_EXEC))
		return false;
	return (prot & write_exec) != write_exec;
}

#define PLACE_IS_FIXED (CORDON_MAP_FIXED | CORDON_MAP_REPLACE | ASPACE_MAP_COMMIT)

static int map_check(const struct memory *memory, uint64_t offset, uint64_t size, uint32_t prot,
                     uint32_t prot_max, uint32_t flags, uint64_t address)
{
	if (size == 0 || !is_aligned(offset | size, PAGE_SIZE))
		return -EINVAL;
	if (!aspace_prot_is_valid(prot) || (prot & ~prot_max) ||
	    (flags & ~(PLACE_IS_FIXED | CORDON_MAP_GROW)))
		return -EINVAL;
	if ((flags & PLACE_IS_FIXED) && !aspace_range_is_valid(address, size))
		return -EINVAL;
	if (!memory)
		return prot != CORDON_PROT_NONE ? -EINVAL : 0;
	if (flags & CORDON_MAP_GROW)
		return -EINVAL;
	if (offset >= memory->size || size > memory->size - offset)
		return -ERANGE;
	if (memory->kind == MEMORY_STATIC && (prot_max & CORDON_PROT_WRITE))
		return -EACCES;
	return 0;
}

/* How an address must lie so that the largest leaves can map what is at an offset. */
static uint64_t leaf_alignment(const struct memory *memory, uint64_t offset, uint64_t size,
                               uint64_t *skew)
{
	paddr_t base;
	uint64_t run = size < SIZE_2M ? 0 : memory_run(memory, offset, size, &base);
	uint64_t alignment = run >= SIZE_1G ? SIZE_1G : run >= SIZE_2M ? SIZE_2M : PAGE_SIZE;

	*skew = alignment > PAGE_SIZE ? base.raw & (alignment - 1) : 0;
	return alignment;
}

static int any_place_locked(const struct aspace *aspace, const struct memory *memory,
                            uint64_t offset, uint64_t size, uint64_t *out)
{
	uint64_t skew = 0;
	uint64_t alignment = memory ? leaf_alignment(memory, offset, size, &skew) : PAGE_SIZE;
	uint64_t start;

	if (inject_fails(CORDON_INJECT_SLOT))
		return -ENOMEM;
	if (tree_find_gap(&aspace->regions, ASPACE_ANY_MIN, CORDON_USER_MAX,
	                  size + (alignment - PAGE_SIZE), &start)) {
		*out = start + ((skew - start) & (alignment - 1));
		return 0;
	}
	if (tree_find_gap(&aspace->regions, ASPACE_ANY_MIN, CORDON_USER_MAX, size, out))
		return 0;
	return -ENOMEM;
}

static bool is_reserved_locked(const struct aspace *aspace, uint64_t start, uint64_t end)
{
	const struct tree_node *node = tree_find(&aspace->regions, start);

	for (; start < end; node = tree_next(node)) {
		if (!node || node->start > start || region_from(node)->memory)
			return false;
		start = node->end;
	}
	return true;
}

/* Finds out where a region will lie, and makes room when it takes the place of others. */
static int region_place_locked(struct aspace *aspace, struct region *region,
                               const struct memory *memory, uint64_t size, uint32_t flags,
                               uint64_t wish, struct list *gone)
{
	uint64_t start = wish;
	int err = 0;

	if (flags & CORDON_MAP_REPLACE) {
		err = regions_unmap_locked(aspace, wish, wish + size, gone);
	} else if (flags & ASPACE_MAP_COMMIT) {
		err = is_reserved_locked(aspace, wish, wish + size)
		              ? regions_unmap_locked(aspace, wish, wish + size, gone)
		              : -EEXIST;
	} else if (flags & CORDON_MAP_FIXED) {
		if (tree_overlaps(&aspace->regions, wish, wish + size))
			err = -EEXIST;
	} else if (!aspace_range_is_valid(wish, size) ||
	           tree_overlaps(&aspace->regions, wish, wish + size)) {
		err = any_place_locked(aspace, memory, region->offset, size, &start);
	}
	region->node.start = start;
	region->node.end = start + size;
	return err;
}

int aspace_map(struct aspace *aspace, struct memory *memory, uint64_t offset, uint64_t size,
               uint32_t prot, uint32_t prot_max, uint32_t flags, uaddr_t *address)
{
	struct list gone = LIST_INIT(gone);
	struct region *region;
	int err = map_check(memory, offset, size, prot, prot_max, flags, address->raw);

	if (err != 0)
		return err;
	if (flags & CORDON_MAP_REPLACE)
		err = regions_unmap_many(aspace, address->raw, address->raw + size);
	if (err == 0)
		err = region_create(aspace, memory, &region);
	if (err != 0)
		return err;
	region->offset = offset;
	region->prot = prot;
	region->prot_max = prot_max;
	region->grow = flags & CORDON_MAP_GROW ? GROW_FIRST : 0;

	spin_lock(&aspace->lock);
	err = region_place_locked(aspace, region, memory, size, flags, address->raw, &gone);
	if (err != 0)
		goto destroy;
	tree_insert(&aspace->regions, &region->node);
	aspace->region_count++;
	region_attach_locked(region, memory, NULL);
	if (!region->zapped)
		err = region_fill_locked(region, region->node.start, size, prot);
	if (err != 0)
		goto undo;
	address->raw = region->node.start;
	spin_unlock(&aspace->lock);
	if (!list_empty(&gone))
		regions_release(&gone);
	return 0;

undo:
	if (flags & ASPACE_MAP_COMMIT)
		region->prot = CORDON_PROT_NONE; /* no hole is left in what was reserved */
	else
		region_remove_locked(region, &gone);
	tables_settle_locked(aspace);
	spin_unlock(&aspace->lock);
	regions_release(&gone);
	return err;
destroy:
	spin_unlock(&aspace->lock);
	regions_release(&gone);
	region_destroy(region);
	return err;
}

int aspace_resolve(struct aspace *aspace, uaddr_t address, uint64_t max, uint32_t prot,
                   struct memory **memory, uint64_t *offset, uint64_t *size)
{
	const struct tree_node *node;
	const struct region *region;
	int err = -EFAULT;

	spin_lock(&aspace->lock);
	node = tree_find(&aspace->regions, address.raw);
	if (!node || node->start > address.raw)
		goto unlock;
	region = region_from(node);
	if (!region->memory || (prot & ~region->prot))
		goto unlock;
	err = 0;
	object_ref(&region->memory->object);
	*memory = region->memory;
	*offset = region->offset + (address.raw - node->start);
	*size = min_u64(node->end - address.raw, max);
unlock:
	spin_unlock(&aspace->lock);
	return err;
}

int aspace_query(struct aspace *aspace, uaddr_t address, struct cordon_memory_region *out)
{
	const struct tree_node *node;
	const struct region *region;
	int err = -ENOENT;

	spin_lock(&aspace->lock);
	node = tree_find(&aspace->regions, address.raw);
	if (!node)
		goto unlock;
	err = 0;
	region = region_from(node);
	*out = (struct cordon_memory_region){
	        .address = node->start,
	        .size = node->end - node->start,
	        .offset = region->offset,
	        .prot = region->prot,
	        .flags = region->grow ? CORDON_REGION_GROWS : 0,
	};
	if (!region->memory) {
		out->flags |= CORDON_REGION_RESERVED;
		goto unlock;
	}
	out->memory = region->memory->object.id;
	if (region->memory->anonymous)
		out->flags |= CORDON_REGION_PRIVATE;
unlock:
	spin_unlock(&aspace->lock);
	return err;
}
