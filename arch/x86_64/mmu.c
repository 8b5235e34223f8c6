/* SPDX-License-Identifier: MIT */
#include "mmu.h"

#include <arch/mmio.h>
#include <cordon/errno.h>
#include <kernel/page.h>
#include <kernel/panic.h>

/* What an entry that names a table carries besides the address; rights are decided by the leaves.
 */
#define TABLE_FLAGS (PTE_PRESENT | PTE_WRITABLE | PTE_ACCESSED)

/*
 * In bits that the processor ignores there (Intel SDM 3, tables 4-15 to 4-19: 62:52) such an entry
 * counts the entries in use of the table it names, so that nobody has to search a table to know
 * that it is empty; KEPT says that the table's place is in paging.kept.
 */
#define TABLE_USED_ONE (UINT64_C(1) << 52)
#define TABLE_USED     (UINT64_C(0x3ff) << 52)
#define TABLE_KEPT     (UINT64_C(1) << 62)

_Static_assert(MMU_ENTRIES *TABLE_USED_ONE <= TABLE_USED, "a full table can be counted");

/* What mmu_protect changes. */
#define RIGHTS (PTE_WRITABLE | PTE_NX)

/* A table and the entry that names it; the root has none. */
struct table {
	uint64_t *entries;
	uint64_t *name;
};

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

static void used_add(const struct table *table, uint64_t count)
{
	if (table->name != NULL)
		*table->name += count * TABLE_USED_ONE;
}

static void used_sub(const struct table *table, uint64_t count)
{
	if (table->name != NULL)
		*table->name -= count * TABLE_USED_ONE;
}

/* Whether an entry names a table, which is what it does on most ways down. */
static inline bool is_table(uint64_t entry)
{
	return __builtin_expect((entry & (PTE_PRESENT | PTE_LARGE)) == PTE_PRESENT, 1);
}

/* Makes the table that an entry is to name. False: out of memory. */
static __attribute__((noinline)) bool table_create(struct arch_paging *paging,
                                                   const struct table *table, uint64_t *entry,
                                                   uint64_t flags)
{
	paddr_t frame;

	ASSERT(!(*entry & PTE_PRESENT)); /* else something is mapped there */
	if (page_alloc_zeroed(&frame) != 0)
		return false;
	paging->tables++;
	*entry = frame.raw | TABLE_FLAGS | (flags & PTE_USER);
	used_add(table, 1);
	return true;
}

/* Goes to the table below an entry, which gets one when it is empty. False: out of memory. */
static inline bool descend(struct arch_paging *paging, struct table *table, unsigned int index,
                           uint64_t flags)
{
	uint64_t *entry = &table->entries[index];

	if (!is_table(*entry) && !table_create(paging, table, entry, flags))
		return false;
	*table = (struct table){table_of(*entry), entry};
	return true;
}

/* Goes down from the root to the lowest table, but none below a level, that covers all of
 * [address, last]; returns its level. */
static inline int narrow(const struct arch_paging *paging, struct table *table, uint64_t address,
                         uint64_t last, int lowest)
{
	unsigned int shift = PAGE_SHIFT + 9 * (MMU_LEVELS - 1);
	uint64_t *entries = table_at(paging->root);
	uint64_t *name = NULL;
	int level = MMU_LEVELS;

	for (; level > lowest && (address ^ last) >> shift == 0; level--, shift -= 9) {
		uint64_t *entry = &entries[(address >> shift) & (MMU_ENTRIES - 1)];

		if (!is_table(*entry))
			break;
		name = entry;
		entries = table_of(*entry);
	}
	*table = (struct table){entries, name};
	return level;
}

/* --- tables that stay although they are empty ------------------------------------------------ */

/* Retires the table that an entry of a level named, and what was kept below it. Nothing may be
 * mapped there. */
static void drop_empty(struct arch_paging *paging, uint64_t entry, int level)
{
	const uint64_t *below = table_of(entry);

	ASSERT((entry & PTE_PRESENT) && !is_leaf(entry, level));
	for (unsigned int i = 0; (entry & TABLE_USED) && i < MMU_ENTRIES; i++) {
		if (below[i] != 0)
			drop_empty(paging, below[i], level - 1);
	}
	retire(paging, paddr(entry & PTE_ADDRESS));
}

/* Unlinks the table whose place was kept, unless it came to be used again or went already; then
 * also those above that are left empty. */
static void keep_no_longer(struct arch_paging *paging, uint64_t place)
{
	int level = (int)(place & PAGE_MASK);
	uint64_t *path[MMU_LEVELS + 1];
	uint64_t *table = table_at(paging->root);

	ASSERT(level > 1 && level <= MMU_LEVELS);
	for (int i = MMU_LEVELS; i >= level; i--) {
		path[i] = &table[mmu_index(place, i)];
		if (!(*path[i] & PTE_PRESENT) || is_leaf(*path[i], i))
			return;
		table = table_of(*path[i]);
	}
	*path[level] &= ~TABLE_KEPT;
	for (int i = level; i <= MMU_LEVELS && !(*path[i] & TABLE_USED); i++) {
		retire(paging, paddr(*path[i] & PTE_ADDRESS));
		*path[i] = 0;
		if (i < MMU_LEVELS)
			*path[i + 1] -= TABLE_USED_ONE;
	}
}

/* Remembers the table that an entry of a level names, which became empty, in place of the one that
 * is remembered longest. */
static void keep(struct arch_paging *paging, uint64_t *entry, int level, uint64_t address)
{
	uint64_t *slot = &paging->kept[paging->kept_next];
	uint64_t longest = *slot;

	if (*entry & TABLE_KEPT)
		return;
	*entry |= TABLE_KEPT;
	*slot = align_down(address, mmu_span(level)) | (uint64_t)level;
	paging->kept_next = (paging->kept_next + 1) % ARCH_PAGING_KEPT;
	if (longest != 0)
		keep_no_longer(paging, longest);
}

bool mmu_trim(struct arch_paging *paging)
{
	for (unsigned int i = 0; i < ARCH_PAGING_KEPT; i++) {
		if (paging->kept[i] != 0)
			keep_no_longer(paging, paging->kept[i]);
		paging->kept[i] = 0;
	}
	return paging->retired.raw != 0;
}

/* --- mapping --------------------------------------------------------------------------------- */

/* The level of the largest leaf that fits at an address. */
static int leaf_level_for(uint64_t address, uint64_t base, uint64_t size, int max)
{
	int level = max;

	if (size < SIZE_2M)
		return 1;
	while (level > 1 &&
	       (!is_aligned(address | base, mmu_span(level)) || size < mmu_span(level)))
		level--;
	return level;
}

/* Writes as many leaves of a level as belong into one table. Returns the bytes mapped, 0 when
 * out of memory. */
static uint64_t fill_table(struct arch_paging *paging, uint64_t address, uint64_t base,
                           uint64_t size, uint64_t flags, int level)
{
	unsigned int index = mmu_index(address, level);
	uint64_t span = mmu_span(level);
	uint64_t count = min_u64(size / span, MMU_ENTRIES - index);
	uint64_t leaf = base | flags | PTE_PRESENT | (level > 1 ? PTE_LARGE : 0);
	uint64_t replaced = 0;
	struct table table;

	for (int i = narrow(paging, &table, address, address, level); i > level; i--) {
		if (!descend(paging, &table, mmu_index(address, i), flags))
			return 0;
	}
	for (uint64_t i = 0; i < count; i++, leaf += span) {
		uint64_t *entry = &table.entries[index + i];

		if (*entry != 0) {
			drop_empty(paging, *entry, level);
			replaced++;
		}
		*entry = leaf;
	}
	used_add(&table, count - replaced);
	return count * span;
}

/* Clears what [start, last] covers in one table and below. Leaves lie wholly inside. */
static void clear(struct arch_paging *paging, const struct table *table, int level, uint64_t start,
                  uint64_t last, bool keep_tables)
{
	uint64_t span = mmu_span(level);
	unsigned int end = mmu_index(last, level);
	uint64_t cleared = 0;

	for (unsigned int i = mmu_index(start, level); i <= end; i++) {
		uint64_t *entry = &table->entries[i];
		uint64_t entry_last = start | (span - 1);

		if ((*entry & PTE_PRESENT) && is_leaf(*entry, level)) {
			*entry = 0;
			cleared++;
		} else if (*entry & PTE_PRESENT) {
			const struct table below = {table_of(*entry), entry};

			clear(paging, &below, level - 1, start, min_u64(entry_last, last),
			      keep_tables);
			/* It is in use itself, so keeping it cannot unlink a table above. */
			if (!keep_tables && !(*entry & TABLE_USED))
				keep(paging, entry, level, start);
		}
		start = entry_last + 1;
	}
	used_sub(table, cleared);
}

/* The same for a table that the caller went down to. */
static void clear_from(struct arch_paging *paging, const struct table *table, int level,
                       uint64_t start, uint64_t last, bool keep_tables)
{
	clear(paging, table, level, start, last, keep_tables);
	if (!keep_tables && table->name != NULL && !(*table->name & TABLE_USED))
		keep(paging, table->name, level + 1, start);
}

int mmu_map(struct arch_paging *paging, uint64_t address, paddr_t base, uint64_t size,
            uint64_t flags, int leaf_level, bool keep_tables)
{
	struct table table;
	uint64_t done = 0;
	int level;

	ASSERT(is_aligned(address | base.raw | size, PAGE_SIZE));
	/* One page where there is a table already: what is done all day. */
	if (size == PAGE_SIZE && narrow(paging, &table, address, address, 1) == 1) {
		uint64_t *entry = &table.entries[mmu_index(address, 1)];

		ASSERT(*entry == 0);
		*entry = base.raw | flags | PTE_PRESENT;
		used_add(&table, 1);
		return 0;
	}
	while (done < size) {
		level = leaf_level_for(address + done, base.raw + done, size - done, leaf_level);
		uint64_t part = fill_table(paging, address + done, base.raw + done, size - done,
		                           flags, level);

		if (part == 0)
			goto undo;
		done += part;
	}
	return 0;

undo:
	/* Also keeps no more than may be kept of the tables made for the part that failed. */
	level = narrow(paging, &table, address, address + size - 1, 1);
	clear_from(paging, &table, level, address, address + size - 1, keep_tables);
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
			if (page_alloc(0, &frame) != 0)
				return -ENOMEM;
			paging->tables++;
			flags = *entry & PTE_USER;
			child = level - 1 > 1 ? *entry : *entry & ~PTE_LARGE;
			for (unsigned int i = 0; i < MMU_ENTRIES; i++)
				table_at(frame)[i] = child + i * step;
			*entry = frame.raw | TABLE_FLAGS | flags | MMU_ENTRIES * TABLE_USED_ONE;
		}
		table = table_of(*entry);
	}
	return 0;
}

/* Makes the ends of a range borders between leaves; then goes down to the table that covers it. */
static int reach_whole(struct arch_paging *paging, uint64_t address, uint64_t size,
                       struct table *table, int *level)
{
	int error;

	*level = narrow(paging, table, address, address + size - 1, 1);
	if (*level == 1) /* no leaf in a lowest table crosses anything */
		return 0;
	error = split_at(paging, address);
	if (error == 0)
		error = split_at(paging, address + size);
	if (error == 0)
		*level = narrow(paging, table, address, address + size - 1, 1);
	return error;
}

int mmu_unmap(struct arch_paging *paging, uint64_t address, uint64_t size, bool keep_tables)
{
	struct table table;
	int level;
	int error;

	ASSERT(is_aligned(address | size, PAGE_SIZE));
	if (size == 0)
		return 0;
	error = reach_whole(paging, address, size, &table, &level);
	if (error == 0)
		clear_from(paging, &table, level, address, address + size - 1, keep_tables);
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
	struct table table;
	int level;
	int error;

	ASSERT(is_aligned(address | size, PAGE_SIZE));
	if (size == 0)
		return 0;
	error = reach_whole(paging, address, size, &table, &level);
	if (error == 0)
		set_rights(table.entries, level, address, address + size - 1, flags);
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
	struct table root = {table_at(paging->root), NULL};

	return descend(paging, &root, mmu_index(address, MMU_LEVELS), flags) ? 0 : -ENOMEM;
}

static void free_below(struct arch_paging *paging, uint64_t *table, int level, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		uint64_t entry = table[i];

		if (!(entry & PTE_PRESENT))
			continue;
		ASSERT(!is_leaf(entry, level));
		if (entry & TABLE_USED)
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
