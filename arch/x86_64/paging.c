/* SPDX-License-Identifier: MIT */
/*
 * Page tables in use: the kernel's own, and those of address spaces, whose upper half is a copy of
 * the kernel's top-level entries. Those entries are complete before the first address space
 * exists and never change, so a change below them shows in every address space.
 */
#define LOG_TAG "paging"
#include "paging.h"

#include <cordon/errno.h>
#include <cordon/memory.h>
#include <kernel/page.h>
#include <kernel/panic.h>
#include <kernel/string.h>

#include "cpu.h"
#include "layout.h"
#include "local.h"
#include "mmu.h"
#include "regs.h"
#include "shadow.h"
#include "smp.h"

/* Flushing single pages up to here is cheaper than forgetting everything. */
#define FLUSH_PAGES_MAX 32

#define TOP_KERNEL (MMU_ENTRIES / 2) /* first top-level entry of the kernel's half */

/* The accessed and dirty bits are set from the start: nobody evaluates them, and the processor
 * need not write them. */
#define LEAF_FLAGS   (PTE_ACCESSED | PTE_DIRTY)
#define KERNEL_FLAGS (LEAF_FLAGS | PTE_GLOBAL)

static struct arch_paging kernel_tables;
static struct spinlock kernel_lock = SPINLOCK_INIT(RANK_KERNEL_TABLES, "kernel tables");

static int leaf_level_max(void)
{
	return cpu_features.leaves_1g ? 3 : 2;
}

static void flush_page(uint64_t address)
{
	__asm__ volatile("invlpg (%0)" ::"r"(address) : "memory");
}

/* This CPU forgets a range; root: the address space it belongs to, 0: the kernel's half, whose
 * global entries only a change of CR4.PGE makes the processor forget all at once. */
static void flush_local(uint64_t address, uint64_t size, uint64_t root)
{
	uint64_t cr4;

	if (size <= FLUSH_PAGES_MAX * PAGE_SIZE) {
		for (uint64_t at = 0; at < size; at += PAGE_SIZE)
			flush_page(address + at);
	} else if (root != 0) {
		cr3_write(root);
	} else {
		cr4 = cr4_read();
		cr4_write(cr4 & ~CR4_PGE);
		cr4_write(cr4);
	}
}

void paging_forget(uint64_t root, uint64_t address, uint64_t size)
{
	/* A space that is not loaded has nothing cached: loading another one forgot it. */
	if (root == 0 || cr3_read() == root)
		flush_local(address, size, root);
}

static void forget_everywhere(uint64_t cpus, uint64_t root, uint64_t address, uint64_t size)
{
	uint64_t self = UINT64_C(1) << percpu()->number;

	if (cpus & self)
		paging_forget(root, address, size);
	if (cpus & ~self)
		shootdown(cpus & ~self, root, address, size);
}

/* --- the kernel's own tables --------------------------------------------------------------- */

/* Only at boot, so a failure is final. */
static void map_at_boot(uint64_t address, paddr_t base, uint64_t size, uint64_t flags)
{
	if (size != 0 && mmu_map(&kernel_tables, address, base, size, KERNEL_FLAGS | flags,
	                         leaf_level_max(), true) != 0)
		panic("no memory for the kernel's page tables");
}

static void map_image(const char *start, const char *end, uint64_t flags)
{
	map_at_boot((uint64_t)(uintptr_t)start, image_to_phys(start), (uint64_t)(end - start),
	            flags);
}

/* A part of RAM in the direct map. Text and read-only data of the image are read-only there
 * too, so that no address leads around their protection. */
static void map_ram(uint64_t start, uint64_t end)
{
	uint64_t fixed_start = image_to_phys(text_start).raw;
	uint64_t fixed_end = image_to_phys(rodata_end).raw;
	const uint64_t cuts[] = {
	        start,
	        min_u64(max_u64(start, fixed_start), end),
	        min_u64(max_u64(start, fixed_end), end),
	        end,
	};

	for (int i = 0; i < 3; i++)
		map_at_boot(DIRECT_MAP_BASE + cuts[i], paddr(cuts[i]), cuts[i + 1] - cuts[i],
		            PTE_NX | (i == 1 ? 0 : PTE_WRITABLE));
}

void paging_init(const struct boot_info *boot)
{
	const uint64_t areas[] = {MMIO_BASE, STACKS_BASE};

	if (page_alloc_zeroed(&kernel_tables.root) != 0)
		panic("no memory for the kernel's page tables");
	for (size_t i = 0; i < boot->range_count; i++) {
		const struct memory_range *range = &boot->ranges[i];

		if (range->usable)
			map_ram(range->start.raw, range->start.raw + range->size);
	}
	map_image(text_start, text_end, 0);
	map_image(rodata_start, rodata_end, PTE_NX);
	map_image(data_start, data_end, PTE_NX | PTE_WRITABLE);
	map_image(boot_stack_low, boot_stack_top, PTE_NX | PTE_WRITABLE);
	for (size_t i = 0; i < ARRAY_SIZE(areas); i++) {
		if (mmu_reserve_top(&kernel_tables, areas[i], 0) != 0)
			panic("no memory for the kernel's page tables");
	}
	shadow_init(&kernel_tables, boot);
	cr3_write(kernel_tables.root.raw);
}

uint64_t arch_kernel_tables(void)
{
	return __atomic_load_n(&kernel_tables.tables, __ATOMIC_RELAXED);
}

int kernel_map(uint64_t address, paddr_t base, uint64_t size, uint64_t flags)
{
	int error;

	spin_lock(&kernel_lock);
	error = mmu_map(&kernel_tables, address, base, size, KERNEL_FLAGS | PTE_NX | flags,
	                leaf_level_max(), true);
	spin_unlock(&kernel_lock);
	return error;
}

void kernel_unmap(uint64_t address, uint64_t size)
{
	int error;

	spin_lock(&kernel_lock);
	error = mmu_unmap(&kernel_tables, address, size, true);
	spin_unlock(&kernel_lock);
	/* A whole mapping has no leaf across its ends, so nothing had to be allocated. */
	ASSERT(error == 0);
	forget_everywhere(smp_running(), 0, address, size);
}

uint64_t paging_root(void)
{
	return kernel_tables.root.raw;
}

paddr_t kernel_frame(uint64_t address)
{
	uint64_t leaf;
	int level;

	ASSERT(mmu_lookup(&kernel_tables, address, &leaf, &level));
	return paddr((leaf & PTE_ADDRESS) + (address & (mmu_span(level) - 1) & ~PAGE_MASK));
}

static void check_leaf(uint64_t address, uint64_t leaf, int level, uint64_t rights)
{
	if ((rights & PTE_WRITABLE) && !(rights & PTE_NX))
		panic("kernel memory at %#llx (leaf %#llx, level %d) is writable and executable",
		      (unsigned long long)address, (unsigned long long)leaf, level);
	if (rights & PTE_USER)
		panic("kernel memory at %#llx (leaf %#llx, level %d) is open to tasks",
		      (unsigned long long)address, (unsigned long long)leaf, level);
}

void arch_check_wx(void)
{
	const uint64_t *root = phys_to_virt(kernel_tables.root);

	for (unsigned int i = 0; i < TOP_KERNEL; i++) {
		if (root[i] != 0)
			panic("the kernel's tables map something below the kernel's half");
	}
	mmu_visit(&kernel_tables, TOP_KERNEL, check_leaf);
}

/* --- address spaces ------------------------------------------------------------------------ */

int arch_paging_create(struct arch_paging *paging)
{
	const uint64_t *kernel_root = phys_to_virt(kernel_tables.root);
	uint64_t *root;
	int error;

	*paging = (struct arch_paging){0};
	error = page_alloc_zeroed(&paging->root);
	if (error != 0)
		return error;
	root = phys_to_virt(paging->root);
	memcpy(&root[TOP_KERNEL], &kernel_root[TOP_KERNEL], TOP_KERNEL * sizeof(*root));
	return 0;
}

void arch_paging_destroy(struct arch_paging *paging)
{
	ASSERT(__atomic_load_n(&paging->cpus, __ATOMIC_SEQ_CST) == 0);
	mmu_free_retired(paging);
	mmu_free_tables(paging, TOP_KERNEL);
	ASSERT(paging->tables == 0);
	page_free(paging->root, 0);
	paging->root = paddr(0);
}

static uint64_t user_flags(uint32_t prot, enum arch_cache cache)
{
	uint64_t flags = LEAF_FLAGS | PTE_USER;

	ASSERT(!(prot & CORDON_PROT_WRITE) || !(prot & CORDON_PROT_EXEC));
	if (prot & CORDON_PROT_WRITE)
		flags |= PTE_WRITABLE;
	if (!(prot & CORDON_PROT_EXEC))
		flags |= PTE_NX;
	if (cache == ARCH_CACHE_UNCACHED)
		flags |= PTE_UNCACHED;
	return flags;
}

int arch_paging_map(struct arch_paging *paging, uaddr_t user, paddr_t base, uint64_t size,
                    uint32_t prot, enum arch_cache cache)
{
	int error;

	ASSERT(size <= CORDON_USER_MAX && user.raw <= CORDON_USER_MAX - size);
	if (prot == CORDON_PROT_NONE)
		return 0;
	error = mmu_map(paging, user.raw, base, size, user_flags(prot, cache), leaf_level_max(),
	                false);
	/* A CPU may remember the way through a table whose place a large leaf took. */
	if (error != 0 || paging->retired.raw != 0)
		arch_paging_flush(paging, user, size);
	return error;
}

int arch_paging_unmap(struct arch_paging *paging, uaddr_t user, uint64_t size)
{
	ASSERT(size <= CORDON_USER_MAX && user.raw <= CORDON_USER_MAX - size);
	return mmu_unmap(paging, user.raw, size, false);
}

int arch_paging_protect(struct arch_paging *paging, uaddr_t user, uint64_t size, uint32_t prot)
{
	ASSERT(size <= CORDON_USER_MAX && user.raw <= CORDON_USER_MAX - size);
	ASSERT(prot != CORDON_PROT_NONE);
	return mmu_protect(paging, user.raw, size, user_flags(prot, ARCH_CACHE_NORMAL));
}

/* A CPU says that it uses tables before it loads them, and the changed entries are stored before
 * the question who does: so one of the two notices the other. */
void arch_paging_flush(struct arch_paging *paging, uaddr_t user, uint64_t size)
{
	uint64_t cpus;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	cpus = __atomic_load_n(&paging->cpus, __ATOMIC_SEQ_CST);
	if (cpus != 0)
		forget_everywhere(cpus, paging->root.raw, user.raw, size);
	mmu_free_retired(paging);
}

bool arch_paging_trim(struct arch_paging *paging)
{
	if (!mmu_trim(paging))
		return false;
	/* Forgetting any one page also forgets the ways through all tables (Intel SDM 3, 4.10.4.1).
	 */
	arch_paging_flush(paging, uaddr(CORDON_USER_MIN), PAGE_SIZE);
	return true;
}

void arch_paging_switch(struct arch_paging *paging)
{
	struct local *cpu = local();
	struct arch_paging *before = cpu->paging;
	uint64_t self = UINT64_C(1) << cpu->percpu.number;

	if (before == paging)
		return;
	cpu->paging = paging;
	if (paging != NULL) {
		__atomic_or_fetch(&paging->cpus, self, __ATOMIC_SEQ_CST);
		cr3_write(paging->root.raw);
	} else {
		cr3_write(kernel_tables.root.raw);
	}
	if (before != NULL)
		__atomic_and_fetch(&before->cpus, ~self, __ATOMIC_SEQ_CST);
}

bool arch_paging_lookup(const struct arch_paging *paging, uaddr_t user, paddr_t *base,
                        uint32_t *prot)
{
	uint64_t leaf, offset;
	int level;

	if (user.raw >= CORDON_USER_MAX || !mmu_lookup(paging, user.raw, &leaf, &level))
		return false;
	offset = user.raw & (mmu_span(level) - 1);
	*base = paddr((leaf & PTE_ADDRESS) + offset);
	*prot = CORDON_PROT_READ | (leaf & PTE_WRITABLE ? CORDON_PROT_WRITE : 0) |
	        (leaf & PTE_NX ? 0 : CORDON_PROT_EXEC);
	return true;
}
