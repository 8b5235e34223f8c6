// SPDX-License-Identifier: MIT
#include <tests/unit/iommu/pagetable_bed.h>

#include <arch/mmio.h>
#include <arch/percpu.h>
#include <criterion/criterion.h>
#include <kernel/account.h>
#include <kernel/heap.h>
#include <kernel/page.h>
#include <tests/unit/fake/fake.h>

/* --- formats, from the specifications -------------------------------------------------------- */

#define BIT(n) (UINT64_C(1) << (n))

/* VT-d 3.3, 9.8: R 0, W 1, PS 7, address 51:12. */
static struct pagetable_format vtd_format(uint8_t levels, uint8_t leaf_levels)
{
	struct pagetable_format format = {
	        .address = UINT64_C(0x000ffffffffff000),
	        .present = 3,
	        .read = 1,
	        .write = 2,
	        .level_counts = (uint8_t)(1u << levels),
	        .leaf_levels = leaf_levels,
	};

	for (unsigned int level = 0; level < levels; level++) {
		format.table[level] = 3;
		format.leaf[level] = format.leaf_mask[level] = format.leaf_value[level] =
		        level ? BIT(7) : 0;
	}
	return format;
}

/* AMD-Vi 3.06, 2.2.3: PR 0, NextLevel 11:9 (0: leaf), address 51:12, IR 61, IW 62. */
static struct pagetable_format amd_format(uint8_t levels, uint8_t leaf_levels)
{
	struct pagetable_format format = {
	        .address = UINT64_C(0x000ffffffffff000),
	        .present = 1,
	        .read = BIT(61),
	        .write = BIT(62),
	        .level_counts = (uint8_t)(1u << levels),
	        .leaf_levels = leaf_levels,
	};

	for (unsigned int level = 0; level < levels; level++) {
		format.table[level] = 1 | (uint64_t)level << 9 | BIT(61) | BIT(62);
		format.leaf[level] = 1;
		format.leaf_mask[level] = UINT64_C(7) << 9;
	}
	return format;
}

/* The walker: knows formats by what is written above, nothing else of the code under test. */
static struct leaf walk(bool amd, unsigned int levels, paddr_t root, uint64_t address)
{
	uint64_t table = root.raw;

	for (unsigned int level = levels - 1;; level--) {
		const uint64_t *entries = phys_to_virt(paddr(table));
		uint64_t entry = entries[address / (UINT64_C(4096) << (9 * level)) % 512];
		uint64_t size = UINT64_C(4096) << (9 * level);
		bool present = amd ? entry & 1 : entry & 3;
		bool leaf = level == 0 || (amd ? (entry >> 9 & 7) == 0 : (entry >> 7 & 1));

		if (!present)
			return (struct leaf){0};
		cr_assert(amd || level > 0 || !(entry & 0x80));
		table = entry & UINT64_C(0x000ffffffffff000);
		if (leaf) {
			cr_assert_eq(table % size, 0, "a leaf at level %u is not aligned", level);
			return (struct leaf){true, table + address % size,
			                     amd ? entry >> 61 & 1 : entry & 1,
			                     amd ? entry >> 62 & 1 : entry >> 1 & 1, level};
		}
		/* Next level is the level below, and upper entries do not take rights away. */
		cr_assert(!amd || (entry >> 9 & 7) == level);
		cr_assert(amd ? (entry >> 61 & 3) == 3 : (entry & 3) == 3);
	}
}

/* --- a unit of the test's -------------------------------------------------------------------- */

struct tree_bed tree;

static int tree_invalidate(struct iommu_unit *unit, const struct iommu_gather *gather)
{
	cr_assert(spin_held(&unit->lock));
	tree.flushes++;
	tree.flushed_unlinked = gather->tables_unlinked;
	tree.flushed_everything = gather->everything;
	tree.flushed_first = gather->range_count ? gather->ranges[0].first : 0;
	tree.flushed_last = gather->range_count ? gather->ranges[gather->range_count - 1].last
	                                        : UINT64_MAX;
	return tree.flush_result;
}

static const struct iommu_ops tree_ops = {.invalidate = tree_invalidate};

void tree_create(bool amd, uint8_t levels, uint8_t leaf_levels, uint64_t tables)
{
	/* For so many tables, beside the domain and the account itself. */
	const struct cordon_budget budget = {
	        .kernel = tables ? tables * PAGE_SIZE + heap_cost(sizeof(struct iommu_domain)) +
	                                   ACCOUNT_OWN_MEMORY
	                         : 0};

	tree.amd = amd;
	tree.format = amd ? amd_format(levels, leaf_levels) : vtd_format(levels, leaf_levels);
	tree.unit.ops = &tree_ops;
	tree.unit.format = &tree.format;
	tree.unit.levels = levels;
	tree.unit.address_bits = pagetable_bits(levels);
	spin_init(&tree.unit.lock, RANK_UNIT, "unit");
	list_init(&tree.unit.attachments);
	tree.frames_before = fake_pages_used();
	tree.heap_before = heap_in_use();
	cr_assert_eq(ids_init(&tree.unit.domains, 1, 16), 0);
	cr_assert_eq(account_create(&budget, &tree.account), 0);
	cr_assert_eq(iommu_domain_create(&tree.unit, tree.account, &tree.domain), 0);
	tree.charged_before = ACCOUNT_OWN_MEMORY + heap_cost(sizeof(struct iommu_domain));
}

uint64_t tree_tables_charged(void)
{
	return (tree.account->used[CHARGE_KERNEL] - tree.charged_before) / PAGE_SIZE;
}

/* With the note about its payer (drivers/iommu/payer.c): a node and a pointer. */
#define GUEST_TABLE (PAGE_SIZE + heap_cost(sizeof(struct tree_node) + sizeof(void *)))

struct account *guest_create(uint64_t tables)
{
	const struct cordon_budget budget = {.kernel = ACCOUNT_OWN_MEMORY + tables * GUEST_TABLE};
	struct account *guest;

	cr_assert_eq(account_create(&budget, &guest), 0);
	return guest;
}

uint64_t guest_tables_charged(const struct account *guest)
{
	uint64_t bytes = guest->used[CHARGE_KERNEL] - ACCOUNT_OWN_MEMORY;

	cr_assert_eq(bytes % GUEST_TABLE, 0);
	return bytes / GUEST_TABLE;
}

void guest_destroy(struct account *guest)
{
	cr_expect_eq(guest->used[CHARGE_KERNEL], ACCOUNT_OWN_MEMORY);
	cr_expect_eq(guest->references, 1);
	account_unref(guest);
}

void tree_destroy(void)
{
	iommu_domain_destroy(tree.domain);
	cr_expect_eq(tree.account->used[CHARGE_KERNEL], ACCOUNT_OWN_MEMORY);
	account_unref(tree.account);
	ids_destroy(&tree.unit.domains);
	cr_expect_eq(fake_pages_used(), tree.frames_before + tree.unit.quarantined,
	             "table frames leak");
	cr_expect_eq(heap_in_use(), tree.heap_before, "memory leaks");
	cr_expect_eq(percpu()->obligations, 0);
}

struct leaf tree_walk(uint64_t address)
{
	return walk(tree.amd, tree.unit.levels, tree.domain->table.root, address);
}

int tree_map(uint64_t start, uint64_t base, uint64_t size, uint32_t flags)
{
	return tree_map_for(NULL, start, base, size, flags);
}

int tree_map_for(struct account *payer, uint64_t start, uint64_t base, uint64_t size,
                 uint32_t flags)
{
	struct iommu_gather gather;
	int error, flushed;

	iommu_gather_init(&gather);
	gather.payer = payer;
	error = iommu_map(tree.domain, iova(start), paddr(base), size, flags, &gather);
	flushed = iommu_gather_flush(&gather);
	return error ? error : flushed;
}

int tree_unmap(uint64_t start, uint64_t size)
{
	struct iommu_gather gather;

	iommu_gather_init(&gather);
	iommu_unmap(tree.domain, iova(start), size, &gather);
	return iommu_gather_flush(&gather);
}
