/* SPDX-License-Identifier: MIT */
#include "mmu.h"

#include <arch/mmio.h>
#include <cordon/errno.h>
#include <kernel/page.h>
#include <kernel/panic.h>

/* What a table entry carries besides the address; rights are decided by the leaves. */
#define TABLE_FLAGS (PTE_PRESENT | PTE_WRITABLE | PTE_ACCESSED)

/* What mmu_protect changes. */
#define RIGHTS (PTE_WRITABLE | PTE_NX)

static uint64_t *table_at(paddr_t frame)
{
	return phys_to_virt(frame);
}

static uint64_t *table_of(uint64_t entry)
{
	return table_at(paddr(entry & PTE_ADDRESS));
}

static bool is_leaf(uint64_t entry, int level)
{
	return level == 1 || (entry & PTE_LARGE);
}

/*
 * A retired table waits in a list for the flush. The link lies in its first entry: a CPU that
 * still walks the table reads an entry without PRESENT.
 */
static void retire(struct arch_paging *paging, paddr_t frame)
{
	*table_at(frame) = paging->retired.raw;
	paging->retired = frame;
}

void mmu_free_retired(struct arch_paging *paging)
{
	while (paging->retired.raw != 0) {
		paddr_t frame = paging->retired;

		paging->retired = paddr(*table_at(frame));
		paging->tables--;
		page_free(frame, 0);
	}
}

/* The table below an entry, which gets one when it is empty. NULL: out of memory. */
static uint64_t *descend(struct arch_paging *paging, uint64_t *entry, uint64_t flags)
{
	paddr_t frame;

	if (!(*entry & PTE_PRESENT)) {
		if (page_alloc_zeroed(&frame) != 0)
			return NULL;
		paging->tables++;
		*entry = frame.raw | TABLE_FLAGS | (flags & PTE_USER);
	}
	ASSERT(!(*entry & PTE_LARGE));
	return table_of(*entry);
}

/* The level of the largest leaf that fits at an address. */
static int leaf_level_for(uint64_t address, uint64_t base, uint64_t size, int max)
{
	int level = max;

	while (level > 1 &&
	       (!is_aligned(address | base, mmu_span(level)) || size < mmu_span(level)))
		level--;
	return level;
}

static uint64_t *entry_at(struct arch_paging *paging, uint64_t address, int level, uint64_t flags)
{
	uint64_t *table = table_at(paging->root);

	for (int i = MMU_LEVELS; i > level; i--) {
		table = descend(paging, &table[mmu_index(address, i)], flags);
		if (table == NULL)
			return NULL;
	}
	return &table[mmu_index(address, level)];
}

/* Writes as many leaves of a level as belong into one table. Returns the bytes mapped, 0 when
 * out of memory. */
static uint64_t fill_table(struct arch_paging *paging, uint64_t address, uint64_t base,
                           uint64_t size, uint64_t flags, int level)
{
	uint64_t span = mmu_span(level);
	uint64_t count = min_u64(size / span, MMU_ENTRIES - mmu_index(address, level));
	uint64_t leaf = base | flags | PTE_PRESENT | (level > 1 ? PTE_LARGE : 0);
	uint64_t *entry = entry_at(paging, address, level, flags);

	if (entry == NULL)
		return 0;
	for (uint64_t i = 0; i < count; i++, leaf += span) {
		ASSERT(entry[i] == 0);
		entry[i] = leaf;
	}
	return count * span;
}

/* Whether nothing is left in a table of which the entries from first on were cleared. What lies
 * just below is looked at first: there is mostly something. */
static bool table_is_empty(const uint64_t *table, unsigned int first)
{
	if (first > 0 && table[first - 1] != 0)
		return false;
	for (unsigned int i = 0; i < MMU_ENTRIES; i += 8, table += 8) {
		if ((table[0] | table[1] | table[2] | table[3] | table[4] | table[5] | table[6] |
		     table[7]) != 0)
			return false;
	}
	return true;
}

/* Clears what [start, last] covers in one table and below. Leaves lie wholly inside. */
static void clear(struct arch_paging *paging, uint64_t *table, int level, uint64_t start,
                  uint64_t last, bool keep_tables)
{
	uint64_t span = mmu_span(level);
	unsigned int end = mmu_index(last, level);

	for (unsigned int i = mmu_index(start, level); i <= end; i++) {
		uint64_t entry = table[i];
		uint64_t entry_last = start | (span - 1);

		if ((entry & PTE_PRESENT) && is_leaf(entry, level)) {
			table[i] = 0;
		} else if (entry & PTE_PRESENT) {
			clear(paging, table_of(entry), level - 1, start, min_u64(entry_last, last),
			      keep_tables);
			if (!keep_tables &&
			    table_is_empty(table_of(entry), mmu_index(start, level - 1))) {
				table[i] = 0;
				retire(paging, paddr(entry & PTE_ADDRESS));
			}
		}
		start = entry_last + 1;
	}
}

int mmu_map(struct arch_paging *paging, uint64_t address, paddr_t base, uint64_t size,
            uint64_t flags, int leaf_level, bool keep_tables)
{
	uint64_t done = 0;

	ASSERT(is_aligned(address | base.raw | size, PAGE_SIZE));
	while (done < size) {
		int level = leaf_level_for(address + done, base.raw + done, size - done,
		                           leaf_level);
		uint64_t part = fill_table(paging, address + done, base.raw + done, size - done,
		                           flags, level);

		if (part == 0)
			goto undo;
		done += part;
	}
	return 0;

undo:
	/* Also takes away the tables made for the part that failed. */
	clear(paging, table_at(paging->root), MMU_LEVELS, address, address + size - 1, keep_tables);
	return -ENOMEM;
}

/* Makes an address a border between leaves. */
static int split_at(struct arch_paging *paging, uint64_t address)
{
	uint64_t *table = table_at(paging->root);

	for (int level = MMU_LEVELS; level > 1; level--) {
		uint64_t *entry = &table[mmu_index(address, level)];
		uint64_t step = mmu_span(level - 1);
		uint64_t child, flags;
		paddr_t frame;

		if (!(*entry & PTE_PRESENT) || is_aligned(address, mmu_span(level)))
			return 0;
		if (is_leaf(*entry, level)) {
			if (page_alloc_zeroed(&frame) != 0)
				return -ENOMEM;
			paging->tables++;
			flags = *entry & PTE_USER;
			child = level - 1 > 1 ? *entry : *entry & ~PTE_LARGE;
			for (unsigned int i = 0; i < MMU_ENTRIES; i++)
				table_at(frame)[i] = child + i * step;
			*entry = frame.raw | TABLE_FLAGS | flags;
		}
		table = table_of(*entry);
	}
	return 0;
}

int mmu_unmap(struct arch_paging *paging, uint64_t address, uint64_t size, bool keep_tables)
{
	int error;

	ASSERT(is_aligned(address | size, PAGE_SIZE));
	if (size == 0)
		return 0;
	error = split_at(paging, address);
	if (error == 0)
		error = split_at(paging, address + size);
	if (error == 0)
		clear(paging, table_at(paging->root), MMU_LEVELS, address, address + size - 1,
		      keep_tables);
	return error;
}

static void set_rights(uint64_t *table, int level, uint64_t start, uint64_t last, uint64_t flags)
{
	uint64_t span = mmu_span(level);
	unsigned int end = mmu_index(last, level);

	for (unsigned int i = mmu_index(start, level); i <= end; i++) {
		uint64_t entry = table[i];
		uint64_t entry_last = start | (span - 1);

		if ((entry & PTE_PRESENT) && is_leaf(entry, level))
			table[i] = (entry & ~RIGHTS) | (flags & RIGHTS);
		else if (entry & PTE_PRESENT)
			set_rights(table_of(entry), level - 1, start, min_u64(entry_last, last),
			           flags);
		start = entry_last + 1;
	}
}

int mmu_protect(struct arch_paging *paging, uint64_t address, uint64_t size, uint64_t flags)
{
	int error;

	ASSERT(is_aligned(address | size, PAGE_SIZE));
	if (size == 0)
		return 0;
	error = split_at(paging, address);
	if (error == 0)
		error = split_at(paging, address + size);
	if (error == 0)
		set_rights(table_at(paging->root), MMU_LEVELS, address, address + size - 1, flags);
	return error;
}

bool mmu_lookup(const struct arch_paging *paging, uint64_t address, uint64_t *leaf, int *level)
{
	const uint64_t *table = table_at(paging->root);

	for (int i = MMU_LEVELS; i >= 1; i--) {
		uint64_t entry = table[mmu_index(address, i)];

		if (!(entry & PTE_PRESENT))
			return false;
		if (is_leaf(entry, i)) {
			*leaf = entry;
			*level = i;
			return true;
		}
		table = table_of(entry);
	}
	return false;
}

int mmu_reserve_top(struct arch_paging *paging, uint64_t address, uint64_t flags)
{
	uint64_t *root = table_at(paging->root);

	return descend(paging, &root[mmu_index(address, MMU_LEVELS)], flags) == NULL ? -ENOMEM : 0;
}

static void free_below(struct arch_paging *paging, uint64_t *table, int level, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		uint64_t entry = table[i];

		if (!(entry & PTE_PRESENT))
			continue;
		ASSERT(!is_leaf(entry, level));
		free_below(paging, table_of(entry), level - 1, MMU_ENTRIES);
		table[i] = 0;
		paging->tables--;
		page_free(paddr(entry & PTE_ADDRESS), 0);
	}
}

void mmu_free_tables(struct arch_paging *paging, unsigned int count)
{
	free_below(paging, table_at(paging->root), MMU_LEVELS, count);
}

static void visit_below(const uint64_t *table, int level, uint64_t address, unsigned int first,
                        uint64_t rights, mmu_visit_t visit)
{
	for (unsigned int i = first; i < MMU_ENTRIES; i++) {
		uint64_t entry = table[i];
		uint64_t at = address + i * mmu_span(level);
		uint64_t all;

		if (!(entry & PTE_PRESENT))
			continue;
		/* Every level must allow writing and ring 3; one level is enough to deny
		 * execution. */
		all = (rights & entry & (PTE_WRITABLE | PTE_USER)) | ((rights | entry) & PTE_NX);
		if (level == MMU_LEVELS && i >= MMU_ENTRIES / 2)
			at |= ~(mmu_span(MMU_LEVELS + 1) - 1);
		if (is_leaf(entry, level))
			visit(at, entry, level, all);
		else
			visit_below(table_of(entry), level - 1, at, 0, all, visit);
	}
}

void mmu_visit(const struct arch_paging *paging, unsigned int first, mmu_visit_t visit)
{
	visit_below(table_at(paging->root), MMU_LEVELS, 0, first, PTE_WRITABLE | PTE_USER, visit);
}
