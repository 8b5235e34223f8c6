/* SPDX-License-Identifier: MIT */
/*
 * The real page tables (arch/x86_64/mmu.c) under arch/paging.h, without a processor: in place of
 * the list of pages in tests/unit/fake/paging.c, so that a test sees large leaves, splits and the
 * number of tables.
 */
#include <arch/mmio.h>
#include <arch/paging.h>
#include <arch/x86_64/mmu.h>
#include <cordon/memory.h>
#include <kernel/page.h>
#include <kernel/panic.h>
#include <tests/unit/fake/fake.h>

/* What was taken away and is not flushed. */
static uint64_t stale_start;
static uint64_t stale_end;

uint64_t fake_paging_stale(void)
{
	return (stale_end - stale_start) >> PAGE_SHIFT;
}

void fake_paging_fail(uint64_t count)
{
	fake_page_fail(count);
}

static void make_stale(uint64_t start, uint64_t size)
{
	if (stale_start == stale_end) {
		stale_start = start;
		stale_end = start + size;
	}
	stale_start = min_u64(stale_start, start);
	stale_end = max_u64(stale_end, start + size);
}

int arch_paging_create(struct arch_paging *paging)
{
	*paging = (struct arch_paging){0};
	return page_alloc_zeroed(&paging->root);
}

void arch_paging_destroy(struct arch_paging *paging)
{
	ASSERT(fake_paging_stale() == 0);
	mmu_free_retired(paging);
	mmu_free_tables(paging, MMU_ENTRIES / 2);
	ASSERT(paging->tables == 0);
	page_free(paging->root, 0);
}

static uint64_t leaf_flags(uint32_t prot)
{
	return PTE_USER | PTE_ACCESSED | PTE_DIRTY | (prot & CORDON_PROT_WRITE ? PTE_WRITABLE : 0) |
	       (prot & CORDON_PROT_EXEC ? 0 : PTE_NX);
}

int arch_paging_map(struct arch_paging *paging, uaddr_t user, paddr_t base, uint64_t size,
                    uint32_t prot, enum arch_cache cache)
{
	uint64_t flags = leaf_flags(prot) | (cache == ARCH_CACHE_UNCACHED ? PTE_UNCACHED : 0);
	int error;

	if (prot == CORDON_PROT_NONE)
		return 0;
	error = mmu_map(paging, user.raw, base, size, flags, 2, false);
	mmu_free_retired(paging);
	return error;
}

int arch_paging_unmap(struct arch_paging *paging, uaddr_t user, uint64_t size)
{
	int error = mmu_unmap(paging, user.raw, size, false);

	if (error == 0)
		make_stale(user.raw, size);
	return error;
}

int arch_paging_protect(struct arch_paging *paging, uaddr_t user, uint64_t size, uint32_t prot)
{
	int error;

	ASSERT(prot != CORDON_PROT_NONE);
	error = mmu_protect(paging, user.raw, size, leaf_flags(prot));
	if (error == 0)
		make_stale(user.raw, size);
	return error;
}

void arch_paging_flush(struct arch_paging *paging, uaddr_t user, uint64_t size)
{
	if (user.raw <= stale_start && stale_end <= user.raw + size)
		stale_start = stale_end = 0;
	mmu_free_retired(paging);
}

bool arch_paging_trim(struct arch_paging *paging)
{
	bool any = mmu_trim(paging);

	mmu_free_retired(paging);
	return any;
}

bool arch_paging_lookup(const struct arch_paging *paging, uaddr_t user, paddr_t *base,
                        uint32_t *prot)
{
	uint64_t leaf;
	int level;

	if (!mmu_lookup(paging, user.raw, &leaf, &level))
		return false;
	*base = paddr((leaf & PTE_ADDRESS) + (user.raw & (mmu_span(level) - 1)));
	*prot = CORDON_PROT_READ | (leaf & PTE_WRITABLE ? CORDON_PROT_WRITE : 0) |
	        (leaf & PTE_NX ? 0 : CORDON_PROT_EXEC);
	return true;
}
