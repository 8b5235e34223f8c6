/* SPDX-License-Identifier: MIT */
#include <drivers/iommu/pagetable.h>

#include <arch/cpu.h>
#include <arch/mmio.h>
#include <cordon/errno.h>
#include <cordon/vfio.h>
#include <drivers/iommu/core.h>
#include <drivers/iommu/payer.h>
#include <kernel/account.h>
#include <kernel/mark.h>
#include <kernel/page.h>
#include <kernel/panic.h>

#define INDEX_MASK (PAGETABLE_ENTRIES - 1)

static inline unsigned int index_of(uint64_t address, unsigned int level)
{
	return (unsigned int)(address >> pagetable_shift(level)) & INDEX_MASK;
}

static inline uint64_t span_of(unsigned int level)
{
	return UINT64_C(1) << pagetable_shift(level);
}

static inline bool is_present(const struct pagetable_format *format, uint64_t entry)
{
	return (entry & format->present) != 0;
}

/* Of a present entry. */
static inline bool is_leaf(const struct pagetable_format *format, uint64_t entry,
                           unsigned int level)
{
	return (entry & format->leaf_mask[level]) == format->leaf_value[level];
}

static inline uint64_t *table_of(const struct pagetable_format *format, uint64_t entry)
{
	return phys_to_virt(paddr(entry & format->address));
}

/* A unit walks while we store: an entry is written whole, once. */
static inline void store(uint64_t *entry, uint64_t value)
{
	__atomic_store_n(entry, value, __ATOMIC_RELAXED);
}

static inline uint64_t load(const uint64_t *entry)
{
	return __atomic_load_n(entry, __ATOMIC_RELAXED);
}

/* --- the table used last --------------------------------------------------------------------- */

static inline bool hot_covers(const struct pagetable *table, uint64_t address)
{
	return (address & table->hot_mask) == table->hot_first;
}

static inline void hot_set(struct pagetable *table, uint64_t *entries, unsigned int level,
                           uint64_t address)
{
	table->hot_level = (uint8_t)level;
	/* The highest root there can be covers more than 64 bits count. */
	table->hot_mask = level + 1 < PAGETABLE_LEVELS_MAX ? ~(span_of(level + 1) - 1) : 0;
	table->hot_first = address & table->hot_mask;
	table->hot_entries = entries;
}

/* The root never goes. */
static void hot_reset(struct pagetable *table)
{
	hot_set(table, table->entries, table->levels - 1u, 0);
}

/* --- table frames ---------------------------------------------------------------------------- */

/* A frame of zeroes, charged to an account (NULL: to nobody), which is noted when it is not the
 * tree's own. */
static int frame_alloc(struct pagetable *table, struct account *payer, paddr_t *out)
{
	int error = 0;

	if (payer)
		error = account_charge(payer, CHARGE_KERNEL, PAGE_SIZE);
	if (error)
		return error;
	error = page_alloc_zeroed(out);
	if (error)
		goto uncharge;
	if (payer == table->account)
		return 0;
	error = payer_note(&table->payers, payer, *out);
	if (!error)
		return 0;
	page_free(*out, 0);
uncharge:
	if (payer)
		account_uncharge(payer, CHARGE_KERNEL, PAGE_SIZE);
	return error;
}

static int table_alloc(struct pagetable *table, struct account *payer, paddr_t *out)
{
	int error = frame_alloc(table, payer ? payer : table->account, out);

	if (error)
		return error;
	/* The zeroes must be in memory before a unit that does not snoop can reach the table. */
	if (!table->format->coherent)
		arch_cache_flush(phys_to_virt(*out), PAGE_SIZE);
	table->table_count++;
	return 0;
}

unsigned int pagetable_levels(const struct pagetable_format *format, unsigned int bits)
{
	unsigned int most = 0;

	for (unsigned int levels = 1; levels <= PAGETABLE_LEVELS_MAX; levels++) {
		if (!(format->level_counts >> levels & 1))
			continue;
		most = levels;
		if (pagetable_bits(levels) >= bits)
			break;
	}
	return most;
}

int pagetable_create(struct pagetable *table, const struct pagetable_format *format,
                     unsigned int levels, struct iommu_domain *domain, struct account *account)
{
	int error;

	ASSERT(format->level_counts >> levels & 1);
	*table = (struct pagetable){
	        .format = format,
	        .domain = domain,
	        .account = account,
	        .levels = (uint8_t)levels,
	};
	error = table_alloc(table, NULL, &table->root);
	if (error)
		return error;
	table->entries = phys_to_virt(table->root);
	hot_reset(table);
	return 0;
}

/* Who pays for a frame that is about to go: an account with a reference, or NULL. */
static struct account *table_payer(struct pagetable *table, paddr_t frame)
{
	struct account *payer = payer_take(&table->payers, frame);

	if (payer || !table->account)
		return payer;
	account_ref(table->account);
	return table->account;
}

static void table_free(struct pagetable *table, paddr_t frame)
{
	struct account *payer = table_payer(table, frame);

	page_free(frame, 0);
	if (payer)
		payer_release(payer);
	table->table_count--;
}

static void destroy_below(struct pagetable *table, const uint64_t *entries, unsigned int level)
{
	for (unsigned int i = 0; i < PAGETABLE_ENTRIES; i++) {
		uint64_t entry = entries[i];

		if (level == 0 || !is_present(table->format, entry) ||
		    is_leaf(table->format, entry, level))
			continue;
		/* Tables of level 0 name no tables: not worth reading. */
		if (level > 1)
			destroy_below(table, table_of(table->format, entry), level - 1);
		table_free(table, paddr(entry & table->format->address));
	}
}

void pagetable_abandon(struct pagetable *table)
{
	table->table_count -= payer_release_all(&table->payers);
	if (table->account)
		account_uncharge(table->account, CHARGE_KERNEL, table->table_count * PAGE_SIZE);
	table->entries = NULL;
	table->table_count = 0;
}

void pagetable_destroy(struct pagetable *table)
{
	destroy_below(table, table->entries, table->levels - 1u);
	table_free(table, table->root);
	ASSERT(table->table_count == 0);
	table->entries = NULL;
}

/* --- stores to live tables: entry_replace, entries_set, entries_clear, and nothing else ------- */

static __attribute__((cold, noinline)) void entries_mark(const struct pagetable *table,
                                                         unsigned int count, uint64_t value,
                                                         unsigned int level, uint64_t address)
{
	const struct pagetable_format *format = table->format;
	uint64_t target = value & format->address;

	if (is_leaf(format, value, level))
		mark_leaf_set(table->domain->id, level,
		              (value & format->read ? CORDON_DMA_READ : 0) |
		                      (value & format->write ? CORDON_DMA_WRITE : 0),
		              count, address, target);
	else
		mark_table(MARK_TABLE_LINK, table->domain->id, level, address, target);
}

/* Replaces one present entry by another value (0: nothing there). Owed in any case. */
static inline void entry_replace(struct pagetable *table, uint64_t *entry, uint64_t value,
                                 unsigned int level, uint64_t address, struct iommu_gather *gather)
{
	uint64_t first = align_down(address, span_of(level));
	bool leaf = mark_wanted() && is_leaf(table->format, load(entry), level);

	store(entry, value);
	if (!table->format->coherent)
		arch_cache_flush(entry, sizeof(*entry));
	iommu_gather_add(gather, table->domain, first, first + span_of(level) - 1);
	if (leaf)
		mark_leaf_clear(table->domain->id, level, first, first + span_of(level) - 1);
}

/* --- unlinking ------------------------------------------------------------------------------- */

/* Hands the table that an entry of this level names, and all below, to the gather. They map
 * nothing: a leaf in there would be lost without a trace. */
static void table_unlink(struct pagetable *table, uint64_t entry, unsigned int level,
                         uint64_t address, struct iommu_gather *gather)
{
	const struct pagetable_format *format = table->format;
	const uint64_t *entries;
	paddr_t frame;

	ASSERT(level > 0 && !is_leaf(format, entry, level));
	entries = table_of(format, entry);
	for (unsigned int i = 0; i < PAGETABLE_ENTRIES; i++) {
		if (is_present(format, load(&entries[i])))
			table_unlink(table, load(&entries[i]), level - 1,
			             address + ((uint64_t)i << pagetable_shift(level - 1)), gather);
	}
	if (mark_wanted())
		mark_table(MARK_TABLE_UNLINK, table->domain->id, level, address,
		           entry & format->address);
	frame = paddr(entry & format->address);
	iommu_gather_add_table(gather, table->domain, frame, table_payer(table, frame));
	table->table_count--;
	hot_reset(table);
}

/* Takes an empty table out of the way of a leaf. */
static __attribute__((noinline)) void kept_remove(struct pagetable *table, uint64_t *entry,
                                                  unsigned int level, uint64_t address,
                                                  struct iommu_gather *gather)
{
	uint64_t old = load(entry);

	entry_replace(table, entry, 0, level, address, gather);
	table_unlink(table, old, level, address, gather);
}

/* Fills entries, in which at most tables that were kept empty may be; address is the IOVA of the
 * first. What was cached of them, if the unit caches what is not there, is owed. */
static inline void entries_set(struct pagetable *table, uint64_t *entries, unsigned int count,
                               uint64_t value, uint64_t step, unsigned int level, uint64_t address,
                               struct iommu_gather *gather)
{
	if (mark_wanted())
		entries_mark(table, count, value, level, address);
	for (unsigned int i = 0; i < count; i++) {
		if (__builtin_expect(is_present(table->format, load(&entries[i])), 0))
			kept_remove(table, &entries[i], level,
			            address + ((uint64_t)i << pagetable_shift(level)), gather);
		store(&entries[i], value);
		value += step;
	}
	if (!table->format->coherent)
		arch_cache_flush(entries, count * sizeof(*entries));
	if (table->format->flush_new)
		iommu_gather_add(gather, table->domain, address,
		                 address + ((uint64_t)count << pagetable_shift(level)) - 1);
}

/* Clears the leaves among entries that lie below end, up to the first entry that names a table.
 * Returns the address behind the last entry seen; adds to *cleared the bytes that were mapped. */
static inline uint64_t entries_clear(struct pagetable *table, uint64_t *entries, unsigned int level,
                                     uint64_t address, uint64_t end, uint64_t *cleared,
                                     struct iommu_gather *gather)
{
	const struct pagetable_format *format = table->format;
	const uint64_t span = span_of(level);
	uint64_t *const start = &entries[index_of(address, level)];
	uint64_t *const stop = &entries[PAGETABLE_ENTRIES];
	uint64_t *entry = start;
	uint64_t first = UINT64_MAX, last = 0, at = address;

	for (; entry < stop && at < end; entry++) {
		uint64_t value = load(entry);

		if (!is_present(format, value)) {
			at = (at | (span - 1)) + 1;
			continue;
		}
		if (!is_leaf(format, value, level))
			break;
		/* Half a leaf cannot be removed; to take all of it would break a mapping that
		 * stays. */
		ASSERT(is_aligned(at, span) && end - at >= span);
		store(entry, 0);
		*cleared += span;
		if (first == UINT64_MAX)
			first = at;
		at += span;
		last = at - 1;
	}
	if (first != UINT64_MAX) {
		if (!format->coherent)
			arch_cache_flush(start, (size_t)(entry - start) * sizeof(*entry));
		iommu_gather_add(gather, table->domain, first, last);
		if (mark_wanted())
			mark_leaf_clear(table->domain->id, level, first, last);
		table->trimmable = true;
	}
	return at;
}

static bool is_empty(const struct pagetable_format *format, const uint64_t *entries)
{
	for (unsigned int i = 0; i < PAGETABLE_ENTRIES; i++)
		if (is_present(format, load(&entries[i])))
			return false;
	return true;
}

/* Unlinks the empty tables that these entries, from that of first to that of last, lead to. */
static uint64_t trim_below(struct pagetable *table, uint64_t *entries, unsigned int level,
                           uint64_t first, uint64_t last, struct iommu_gather *gather)
{
	uint64_t count = 0;

	for (uint64_t at = first; at <= last; at = (at | (span_of(level) - 1)) + 1) {
		uint64_t *entry = &entries[index_of(at, level)];
		uint64_t value = load(entry), *below;

		if (!is_present(table->format, value) || is_leaf(table->format, value, level))
			continue;
		below = table_of(table->format, value);
		if (level > 1)
			count += trim_below(table, below, level - 1, at,
			                    min_u64(last, at | (span_of(level) - 1)), gather);
		if (!is_empty(table->format, below))
			continue;
		entry_replace(table, entry, 0, level, at, gather);
		table_unlink(table, value, level, align_down(at, span_of(level)), gather);
		count++;
	}
	return count;
}

uint64_t pagetable_trim_range(struct pagetable *table, uint64_t start, uint64_t size,
                              struct iommu_gather *gather)
{
	return trim_below(table, table->entries, table->levels - 1u, start, start + size - 1,
	                  gather);
}

uint64_t pagetable_trim(struct pagetable *table, struct iommu_gather *gather)
{
	if (!table->trimmable)
		return 0;
	table->trimmable = false;
	return pagetable_trim_range(table, 0, UINT64_C(1) << pagetable_bits(table->levels), gather);
}

/* --- map, unmap, look up --------------------------------------------------------------------- */

/* Finds the table whose entries of a level cover an address, with the tables on the way. */
static int table_reach(struct pagetable *table, uint64_t address, unsigned int level,
                       struct iommu_gather *gather, uint64_t **out)
{
	const struct pagetable_format *format = table->format;
	uint64_t *entries = table->entries;

	if (table->hot_level == level && hot_covers(table, address)) {
		*out = table->hot_entries;
		return 0;
	}
	for (unsigned int at = table->levels - 1u; at > level; at--) {
		uint64_t *entry = &entries[index_of(address, at)];
		uint64_t value = load(entry);

		if (!is_present(format, value)) {
			paddr_t frame;
			int error = table_alloc(table, gather->payer, &frame);

			if (error)
				return error;
			value = frame.raw | format->table[at];
			entries_set(table, entry, 1, value, 0, at, align_down(address, span_of(at)),
			            gather);
		}
		/* A leaf here: the caller maps over something. */
		ASSERT(!is_leaf(format, value, at));
		entries = table_of(format, value);
	}
	hot_set(table, entries, level, address);
	*out = entries;
	return 0;
}

/* The highest level whose leaves fit at the start of a run. */
static unsigned int level_fitting(const struct pagetable *table, uint64_t start, uint64_t base,
                                  uint64_t size)
{
	unsigned int level;

	if (size < span_of(1) || !is_aligned(start | base, span_of(1)))
		return 0;
	for (level = table->levels - 1u; level > 0; level--) {
		if ((table->format->leaf_levels >> level & 1) && size >= span_of(level) &&
		    is_aligned(start | base, span_of(level)))
			break;
	}
	return level;
}

int pagetable_map(struct pagetable *table, uint64_t start, uint64_t base, uint64_t size,
                  uint32_t flags, struct iommu_gather *gather, uint64_t *done)
{
	const struct pagetable_format *format = table->format;
	const uint64_t rights = (flags & CORDON_DMA_READ ? format->read : 0) |
	                        (flags & CORDON_DMA_WRITE ? format->write : 0);

	/* One page where the last one was: what a driver does all day. */
	if (size == PAGE_SIZE && table->hot_level == 0 && hot_covers(table, start)) {
		entries_set(table, &table->hot_entries[index_of(start, 0)], 1,
		            base | rights | format->leaf[0], 0, 0, start, gather);
		*done = size;
		return 0;
	}
	*done = 0;
	while (*done < size) {
		uint64_t address = start + *done, target = base + *done, left = size - *done;
		unsigned int level = level_fitting(table, address, target, left);
		unsigned int index = index_of(address, level), count;
		uint64_t *entries;
		uint64_t value = target | rights | format->leaf[level];
		int error = table_reach(table, address, level, gather, &entries);

		if (error) {
			table->trimmable = true; /* tables made on the way may be empty */
			return error;
		}
		/* The end of a table is where a larger leaf may begin to fit. */
		count = (unsigned int)min_u64(PAGETABLE_ENTRIES - index,
		                              left >> pagetable_shift(level));
		entries_set(table, &entries[index], count, value, span_of(level), level, address,
		            gather);
		*done += (uint64_t)count << pagetable_shift(level);
	}
	return 0;
}

uint64_t pagetable_unmap(struct pagetable *table, uint64_t start, uint64_t size,
                         struct iommu_gather *gather)
{
	const struct pagetable_format *format = table->format;
	const uint64_t end = start + size;
	uint64_t cleared = 0;

	if (size == PAGE_SIZE && table->hot_level == 0 && hot_covers(table, start)) {
		uint64_t *entry = &table->hot_entries[index_of(start, 0)];

		if (!is_present(format, load(entry)))
			return 0;
		entry_replace(table, entry, 0, 0, start, gather);
		table->trimmable = true;
		return PAGE_SIZE;
	}
	for (uint64_t at = start; at < end;) {
		unsigned int level = table->levels - 1u;
		uint64_t *entries = table->entries;

		if (hot_covers(table, at)) {
			level = table->hot_level;
			entries = table->hot_entries;
		}
		for (;;) {
			uint64_t entry = load(&entries[index_of(at, level)]);

			if (!is_present(format, entry) || is_leaf(format, entry, level))
				break;
			entries = table_of(format, entry);
			level--;
		}
		if (entries != table->hot_entries)
			hot_set(table, entries, level, at);
		at = entries_clear(table, entries, level, at, end, &cleared, gather);
	}
	return cleared;
}

bool pagetable_lookup(const struct pagetable *table, uint64_t address, paddr_t *base,
                      uint32_t *flags)
{
	const struct pagetable_format *format = table->format;
	const uint64_t *entries = table->entries;

	if (address >> pagetable_bits(table->levels))
		return false;
	for (unsigned int level = table->levels - 1u;; level--) {
		uint64_t entry = load(&entries[index_of(address, level)]);

		if (!is_present(format, entry))
			return false;
		if (is_leaf(format, entry, level)) {
			*base = paddr((entry & format->address & ~(span_of(level) - 1)) |
			              (address & (span_of(level) - 1)));
			*flags = (entry & format->read ? CORDON_DMA_READ : 0) |
			         (entry & format->write ? CORDON_DMA_WRITE : 0);
			return true;
		}
		entries = table_of(format, entry);
	}
}
