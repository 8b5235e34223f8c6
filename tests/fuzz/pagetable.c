/* SPDX-License-Identifier: MIT */
/*
 * IOMMU page tables against a list of mappings, and invalidations against a unit that caches all it
 * can: after each operation it looks up and keeps every mapping's ends and middle, and forgets only
 * what it is told to. Once a gather is flushed, all it still knows must be true (S2, S3).
 */
#include <arch/mmio.h>
#include <arch/percpu.h>
#include <cordon/errno.h>
#include <drivers/iommu/core.h>
#include <kernel/account.h>
#include <kernel/heap.h>
#include <tests/fuzz/fuzz.h>
#include <tests/unit/fake/fake.h>

#define BIT(n)       (UINT64_C(1) << (n))
#define ADDRESS      UINT64_C(0x000ffffffffff000)
#define MAPPINGS_MAX 32
#define CACHED_MAX   512
#define RW           (CORDON_DMA_READ | CORDON_DMA_WRITE)

struct entry {
	uint64_t start;
	uint64_t size;
	uint64_t base;
	uint32_t flags;
};

static struct {
	struct iommu_unit unit;
	struct pagetable_format format;
	struct iommu_domain *domain;
	bool amd;
	struct entry mappings[MAPPINGS_MAX];
	size_t mapping_count;
	struct entry cached[CACHED_MAX]; /* single pages */
	size_t cached_count;
} bed;

/* VT-d 3.3, 9.8: R 0, W 1, PS 7. AMD-Vi 3.06, 2.2.3: PR 0, NextLevel 11:9, IR 61, IW 62. */
static void format_make(unsigned int levels, uint8_t leaf_levels)
{
	struct pagetable_format *format = &bed.format;

	*format = (struct pagetable_format){
	        .address = ADDRESS,
	        .present = bed.amd ? 1 : 3,
	        .read = bed.amd ? BIT(61) : 1,
	        .write = bed.amd ? BIT(62) : 2,
	        .level_counts = (uint8_t)(1u << levels),
	        .leaf_levels = leaf_levels,
	        .coherent = true,
	};
	for (unsigned int level = 0; level < levels; level++) {
		format->table[level] = bed.amd ? 1 | (uint64_t)level << 9 | BIT(61) | BIT(62) : 3;
		format->leaf[level] = bed.amd ? 1 : level ? BIT(7) : 0;
		format->leaf_mask[level] = bed.amd ? UINT64_C(7) << 9 : level ? BIT(7) : 0;
		format->leaf_value[level] = bed.amd ? 0 : level ? BIT(7) : 0;
	}
}

/* What hardware finds: knows the tables by the specification only. */
static bool walk(uint64_t address, struct entry *out)
{
	uint64_t table = bed.domain->table.root.raw;

	for (unsigned int level = bed.unit.levels - 1u;; level--) {
		const uint64_t *entries = phys_to_virt(paddr(table));
		uint64_t size = PAGE_SIZE << 9 * level;
		uint64_t entry = entries[address / size % 512];

		if (!(bed.amd ? entry & 1 : entry & 3))
			return false;
		table = entry & ADDRESS;
		if (level > 0 && (bed.amd ? entry >> 9 & 7 : !(entry >> 7 & 1)))
			continue;
		FUZZ_CHECK(is_aligned(table, size));
		*out = (struct entry){
		        .start = align_down(address, PAGE_SIZE),
		        .size = PAGE_SIZE,
		        .base = table + align_down(address % size, PAGE_SIZE),
		        .flags = (entry & bed.format.read ? CORDON_DMA_READ : 0) |
		                 (entry & bed.format.write ? CORDON_DMA_WRITE : 0),
		};
		return true;
	}
}

/* --- the unit -------------------------------------------------------------------------------- */

static int unit_invalidate(struct iommu_unit *unit, const struct iommu_gather *gather)
{
	size_t kept = 0;

	FUZZ_CHECK(spin_held(&unit->lock));
	for (size_t i = 0; i < bed.cached_count; i++) {
		bool covered = gather->everything;

		for (uint32_t r = 0; r < gather->range_count; r++)
			covered |= gather->ranges[r].first <= bed.cached[i].start &&
			           bed.cached[i].start <= gather->ranges[r].last;
		if (!covered)
			bed.cached[kept++] = bed.cached[i];
	}
	bed.cached_count = kept;
	return 0;
}

/* No vendor's driver is linked: nothing looks for units here. */
const struct iommu_backend intel_iommu_backend, amd_iommu_backend;

static const struct iommu_ops unit_ops = {.invalidate = unit_invalidate};

static void unit_cache(uint64_t address)
{
	for (size_t i = 0; i < bed.cached_count; i++)
		if (bed.cached[i].start == address)
			return;
	if (bed.cached_count < CACHED_MAX && walk(address, &bed.cached[bed.cached_count]))
		bed.cached_count++;
}

static void unit_look_around(void)
{
	for (size_t i = 0; i < bed.mapping_count; i++) {
		const struct entry *mapping = &bed.mappings[i];

		unit_cache(mapping->start);
		unit_cache(mapping->start + align_down(mapping->size / 2, PAGE_SIZE));
		unit_cache(mapping->start + mapping->size - PAGE_SIZE);
	}
}

/* --- the model ------------------------------------------------------------------------------- */

static const struct entry *model_find(uint64_t address)
{
	for (size_t i = 0; i < bed.mapping_count; i++)
		if (address - bed.mappings[i].start < bed.mappings[i].size)
			return &bed.mappings[i];
	return NULL;
}

static void check_page(uint64_t page)
{
	const struct entry *mapping = model_find(page);
	struct entry found;
	uint32_t flags;
	paddr_t base;

	FUZZ_CHECK(walk(page, &found) == (mapping != NULL));
	FUZZ_CHECK(iommu_lookup(bed.domain, iova(page), &base, &flags) == (mapping != NULL));
	if (!mapping)
		return;
	FUZZ_CHECK(found.base == mapping->base + (page - mapping->start));
	FUZZ_CHECK(base.raw == found.base && flags == found.flags && flags == mapping->flags);
}

static void check_all(void)
{
	uint64_t span = UINT64_C(1) << bed.unit.address_bits, mapped = 0;

	for (size_t i = 0; i < bed.mapping_count; i++) {
		const struct entry *mapping = &bed.mappings[i];
		uint64_t end = mapping->start + mapping->size;

		mapped += mapping->size;
		check_page(mapping->start);
		check_page(end - PAGE_SIZE);
		if (mapping->start > 0)
			check_page(mapping->start - PAGE_SIZE);
		if (end < span)
			check_page(end);
	}
	FUZZ_CHECK(bed.domain->mapped == mapped);
}

static void check_cached(void)
{
	for (size_t i = 0; i < bed.cached_count; i++) {
		const struct entry *known = &bed.cached[i], *mapping = model_find(known->start);

		FUZZ_CHECK(mapping && mapping->flags == known->flags);
		FUZZ_CHECK(mapping->base + (known->start - mapping->start) == known->base);
	}
}

static bool may_map(uint64_t start, uint64_t size)
{
	uint64_t span = UINT64_C(1) << bed.unit.address_bits;

	if (size == 0 || start >= span || size > span - start)
		return false;
	if (start <= IOMMU_MSI_LAST && start + size > IOMMU_MSI_FIRST)
		return false;
	for (size_t i = 0; i < bed.mapping_count; i++)
		if (start < bed.mappings[i].start + bed.mappings[i].size &&
		    bed.mappings[i].start < start + size)
			return false;
	return true;
}

/* Addresses and sizes around the borders of leaves. */
static uint64_t place(struct fuzz_input *input)
{
	uint8_t how = fuzz_byte(input);

	return (how & 3) * SIZE_1G + (how >> 2 & 3) * SIZE_2M + fuzz_byte(input) * PAGE_SIZE +
	       (how & 0x80 && bed.unit.address_bits > 30
	                ? (UINT64_C(1) << bed.unit.address_bits) - SIZE_1G
	                : 0);
}

static uint64_t length(struct fuzz_input *input)
{
	uint8_t how = fuzz_byte(input);

	if (how & 0x80)
		return (how & 0x3f) * PAGE_SIZE;
	if (!(bed.format.leaf_levels & 4)) /* or it would take long */
		how &= 0x7a;
	return (how & 1) * SIZE_1G + (how >> 1 & 3) * SIZE_2M + (how >> 3 & 7) * PAGE_SIZE;
}

static void step_map(struct fuzz_input *input, struct iommu_gather *gather, uint8_t how)
{
	uint64_t start = place(input), size = length(input), base = place(input) % BIT(48);
	uint32_t flags = how >> 4 & 3 ? how >> 4 & 3 : RW;
	int error;

	if (size >= SIZE_1G) /* a target that keeps leaves large, for the same reason */
		base = align_down(base, SIZE_1G) + start % SIZE_1G;
	if (bed.mapping_count == MAPPINGS_MAX || !may_map(start, size))
		return;
	fake_page_fail(how & 0x80 ? 1 + (how >> 6 & 1) : 0);
	error = iommu_map(bed.domain, iova(start), paddr(base), size, flags, gather);
	fake_page_fail(0);
	FUZZ_CHECK(error == 0 || error == -ENOMEM);
	if (!error)
		bed.mappings[bed.mapping_count++] = (struct entry){start, size, base, flags};
}

/* Unmaps what lies wholly between the start of one mapping and the end of another. */
static void step_unmap(struct fuzz_input *input, struct iommu_gather *gather)
{
	const struct entry *first, *last;
	uint64_t start, end;
	size_t kept = 0;

	if (bed.mapping_count == 0)
		return;
	first = &bed.mappings[fuzz_byte(input) % bed.mapping_count];
	last = &bed.mappings[fuzz_byte(input) % bed.mapping_count];
	if (last->start < first->start)
		last = first;
	start = first->start;
	end = last->start + last->size;
	iommu_unmap(bed.domain, iova(start), end - start, gather);
	for (size_t i = 0; i < bed.mapping_count; i++)
		if (bed.mappings[i].start < start || bed.mappings[i].start >= end)
			bed.mappings[kept++] = bed.mappings[i];
	bed.mapping_count = kept;
}

static void finish(struct iommu_gather *gather)
{
	FUZZ_CHECK(iommu_gather_flush(gather) == 0);
	FUZZ_CHECK(percpu()->obligations == 0);
	check_cached();
	check_all();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	uint8_t how = fuzz_byte(&input);
	struct cordon_budget budget = {.kernel = fuzz_byte(&input) % 64 * PAGE_SIZE};
	uint64_t frames = fake_pages_used();
	size_t heap = heap_in_use();
	struct iommu_gather gather;
	struct account *account;

	memset(&bed, 0, sizeof(bed));
	bed.amd = how & 1;
	bed.unit.levels = how & 2 ? 3 : 4;
	if (how >> 5)
		bed.unit.levels = bed.amd ? how >> 5 : 5;
	bed.unit.levels = (uint32_t)min_u64(bed.unit.levels, PAGETABLE_LEVELS_MAX);
	format_make(bed.unit.levels, how & 4 ? 1 : how & 8 ? 3 : 7);
	bed.format.flush_new = how & 16;
	bed.unit.ops = &unit_ops;
	bed.unit.format = &bed.format;
	bed.unit.address_bits = pagetable_bits(bed.unit.levels);
	spin_init(&bed.unit.lock, RANK_UNIT, "unit");
	list_init(&bed.unit.attachments);
	FUZZ_CHECK(ids_init(&bed.unit.domains, 1, 16) == 0);
	FUZZ_CHECK(account_create(&budget, &account) == 0);
	if (iommu_domain_create(&bed.unit, account, &bed.domain) == 0) {
		iommu_gather_init(&gather);
		for (unsigned int steps = 0; input.size > 0 && steps < 64; steps++) {
			how = fuzz_byte(&input);
			if (how & 1)
				step_map(&input, &gather, how);
			else
				step_unmap(&input, &gather);
			unit_look_around();
			if (!(how & 6))
				finish(&gather);
		}
		finish(&gather);
		for (size_t i = 0; i < bed.mapping_count; i++)
			iommu_unmap(bed.domain, iova(bed.mappings[i].start), bed.mappings[i].size,
			            &gather);
		bed.mapping_count = 0;
		finish(&gather);
		FUZZ_CHECK(bed.cached_count == 0);
		iommu_domain_destroy(bed.domain);
	}
	FUZZ_CHECK(account->used[CHARGE_FRAMES] == 0);
	account_unref(account);
	ids_destroy(&bed.unit.domains);
	FUZZ_CHECK(fake_pages_used() == frames && heap_in_use() == heap);
	return 0;
}
