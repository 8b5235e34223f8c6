/* SPDX-License-Identifier: MIT */
/*
 * Radix page tables as IOMMUs walk them: 512 entries of 8 bytes a table, 9 bits of the address a
 * level. What the vendors do differently is data, in struct pagetable_format.
 *
 * Only pagetable.c stores to live tables, through two functions that also record what the unit may
 * have cached: a caller cannot forget (S3). Tables that become empty stay, charged to the account,
 * so that a hot map neither allocates nor zeroes; a larger leaf that takes their place, or a trim,
 * unlinks them, and they are free only after the gather's flush.
 *
 * A new table is charged to the gather's payer. Where others pay for some than the tree's own
 * account (payer.h), the caller lets none stay empty: pagetable_trim_range.
 *
 * Levels count from 0: an entry of a level-0 table maps 4 KiB, of level 1 2 MiB, of level 2 1 GiB.
 */
#ifndef DRIVERS_IOMMU_PAGETABLE_H
#define DRIVERS_IOMMU_PAGETABLE_H

#include <kernel/tree.h>
#include <kernel/types.h>

struct account;
struct iommu_domain;
struct iommu_gather;

#define PAGETABLE_LEVELS_MAX 6
#define PAGETABLE_ENTRIES    512u

/* How entries look. An entry with no bit of present set is ignored by the hardware. */
struct pagetable_format {
	uint64_t address; /* the bits that hold an address */
	uint64_t present; /* any of them set: not empty */
	uint64_t read;    /* of a leaf */
	uint64_t write;
	uint64_t table[PAGETABLE_LEVELS_MAX];      /* other bits of an entry of this level that
	                                              names a table: all rights */
	uint64_t leaf[PAGETABLE_LEVELS_MAX];       /* other bits of a leaf */
	uint64_t leaf_mask[PAGETABLE_LEVELS_MAX];  /* a present entry is a leaf when */
	uint64_t leaf_value[PAGETABLE_LEVELS_MAX]; /* (entry & leaf_mask) == leaf_value */
	uint8_t level_counts;                      /* bit n: trees of n levels work */
	uint8_t leaf_levels;                       /* bit n: leaves of level n work */
	bool coherent;                             /* the unit's walks see the CPU's caches */
	bool flush_new; /* the unit may have cached that nothing was there */
};

struct pagetable {
	const struct pagetable_format *format;
	struct iommu_domain *domain; /* for the gather */
	struct account *account;     /* NULL: nothing is charged */
	struct tree payers;          /* tables that others pay for (payer.h) */
	paddr_t root;
	uint64_t *entries;    /* of the root */
	uint64_t table_count; /* frames, with the root */
	uint8_t levels;
	bool trimmable; /* leaves went since the last trim: tables may be empty */

	/* The table used last: the next operation is most often there, too, and need not walk to
	 * it. It covers the addresses whose bits of hot_mask are hot_first. */
	uint8_t hot_level;
	uint64_t hot_mask;
	uint64_t hot_first;
	uint64_t *hot_entries;
};

static inline unsigned int pagetable_shift(unsigned int level)
{
	return PAGE_SHIFT + 9 * level;
}

/* An IOVA has no more bits, whatever the tables cover: so the end of a range is a number, too. */
#define PAGETABLE_BITS_MAX 63u

/* Bits of the addresses that a tree covers. */
static inline unsigned int pagetable_bits(unsigned int levels)
{
	unsigned int bits = pagetable_shift(levels);

	return bits < PAGETABLE_BITS_MAX ? bits : PAGETABLE_BITS_MAX;
}

/* The fewest levels of a format that cover addresses of so many bits; the most that it has, when
 * they do not. */
unsigned int pagetable_levels(const struct pagetable_format *format, unsigned int bits);

/* An empty tree of so many levels, which the format has. Returns 0 or -ENOMEM. */
int pagetable_create(struct pagetable *table, const struct pagetable_format *format,
                     unsigned int levels, struct iommu_domain *domain, struct account *account);

/* Frees every table. No requester uses the tree, and the unit has forgotten it. */
void pagetable_destroy(struct pagetable *table);

/* The unit may still walk the tables, and nothing can be done about it: they are charged to nobody
 * from now on, and never used for anything else. */
void pagetable_abandon(struct pagetable *table);

/*
 * Maps [start, start + size) to [base, base + size); see iommu_map. -ENOMEM: *done bytes at the
 * start were mapped; the caller unmaps them.
 */
int pagetable_map(struct pagetable *table, uint64_t start, uint64_t base, uint64_t size,
                  uint32_t flags, struct iommu_gather *gather, uint64_t *done);

/* Removes the leaves of [start, start + size); none crosses its ends. Returns how many bytes they
 * mapped. */
uint64_t pagetable_unmap(struct pagetable *table, uint64_t start, uint64_t size,
                         struct iommu_gather *gather);

/* Unlinks every empty table but the root. Returns how many. */
uint64_t pagetable_trim(struct pagetable *table, struct iommu_gather *gather);

/* The same for those that cover a part of [start, start + size). */
uint64_t pagetable_trim_range(struct pagetable *table, uint64_t start, uint64_t size,
                              struct iommu_gather *gather);

/*
 * What the tables say of an address: false when nothing is mapped. Needs no lock where tables
 * cannot be freed meanwhile (a unit's lock is enough).
 */
bool pagetable_lookup(const struct pagetable *table, uint64_t address, paddr_t *base,
                      uint32_t *flags);

#endif
