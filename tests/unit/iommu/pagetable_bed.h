/* SPDX-License-Identifier: MIT */
/*
 * A domain whose tables are looked at by a walker of the test's own, for both vendors' formats, and
 * a unit of the test's, which counts what the gather tells it.
 */
#ifndef TESTS_IOMMU_PAGETABLE_BED_H
#define TESTS_IOMMU_PAGETABLE_BED_H

#include <cordon/vfio.h>
#include <drivers/iommu/core.h>

#define RW (CORDON_DMA_READ | CORDON_DMA_WRITE)

extern struct tree_bed {
	struct iommu_unit unit;
	struct pagetable_format format;
	struct account *account;
	struct iommu_domain *domain;
	bool amd;
	int flush_result;
	unsigned int flushes;
	bool flushed_unlinked, flushed_everything;
	uint64_t flushed_first, flushed_last;
	uint64_t frames_before;
	size_t heap_before;
	uint64_t charged_before; /* for the domain and the account itself */
} tree;

/* What the walker finds at an address. */
struct leaf {
	bool present;
	uint64_t target;
	bool read, write;
	unsigned int level;
};

/* A domain of a unit whose tables have so many levels; leaf_levels: bit n, leaves of level n;
 * tables: how many the budget allows, 0 for any number. */
void tree_create(bool amd, uint8_t levels, uint8_t leaf_levels, uint64_t tables);

/* How many tables are charged to the account. */
uint64_t tree_tables_charged(void);

/* Somebody else who maps in the domain: an account with kernel memory for so many tables, each with
 * what tells that it pays for it. */
struct account *guest_create(uint64_t tables);

/* How many tables are charged to it. */
uint64_t guest_tables_charged(const struct account *guest);

/* It must have everything back. */
void guest_destroy(struct account *guest);

/* Nothing is mapped; whatever was taken must have been given back. */
void tree_destroy(void);

struct leaf tree_walk(uint64_t address);

/* Map or unmap, and flush. */
int tree_map(uint64_t start, uint64_t base, uint64_t size, uint32_t flags);
int tree_map_for(struct account *payer, uint64_t start, uint64_t base, uint64_t size,
                 uint32_t flags);
int tree_unmap(uint64_t start, uint64_t size);

#endif
