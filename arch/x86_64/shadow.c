/* SPDX-License-Identifier: MIT */
/*
 * The shadow of an address lies at SHADOW_OFFSET + address / 8: the compiler's own code marks the
 * stack there. Until the final page tables are loaded, one page takes whatever is marked on the
 * boot stack (boot/start.S), and nothing is asked.
 *
 * The image is RAM, too: its shadow is that of the frames it lies in, seen a second time.
 */
#include "shadow.h"

#if defined(CORDON_ASAN) && CORDON_ASAN

#include <arch/context.h>
#include <arch/shadow.h>
#include <kernel/asan.h>
#include <kernel/panic.h>
#include <kernel/string.h>

#include "layout.h"
#include "paging.h"
#include "stack.h"

#define SHADOW_OF(address) (SHADOW_OFFSET + (address) / ASAN_GRANULE)

/* What one page of shadow stands for. */
#define PAGE_REACH (PAGE_SIZE * ASAN_GRANULE)

#define LEAF_FLAGS (PTE_ACCESSED | PTE_DIRTY | PTE_GLOBAL | PTE_NX | PTE_WRITABLE)
#define LARGE_LEAF UINT64_C(0x200000)

_Static_assert(STACK_SIZE == PAGE_REACH, "the shadow of a stack is one page");
_Static_assert((SHADOW_OF(KERNEL_BASE) >> 39 & 511) == SHADOW_TOP_ENTRY, "boot/start.S");

static uint64_t ram_end;

static bool in_image(uint64_t address)
{
	return address >= KERNEL_BASE + (uint64_t)(uintptr_t)image_start &&
	       address < KERNEL_BASE + (uint64_t)(uintptr_t)image_end;
}

/* Of what lies in a guard page, nothing is known: the access itself shall fault. */
static bool in_stack(uint64_t address)
{
	return address >= STACKS_BASE && address < STACKS_BASE + TOP_ENTRY_SIZE &&
	       (address - STACKS_BASE) % STACK_SLOT_SIZE >= STACK_SIZE;
}

uint8_t *arch_shadow(uint64_t address)
{
	if (address - DIRECT_MAP_BASE < ram_end || in_image(address) || in_stack(address))
		return (uint8_t *)(uintptr_t)SHADOW_OF(address);
	return NULL;
}

uint64_t arch_stack_low(uint64_t address)
{
	return align_down(address, STACK_SIZE);
}

static void map(struct arch_paging *tables, uint64_t address, paddr_t base, uint64_t size)
{
	if (mmu_map(tables, address, base, size, LEAF_FLAGS, 2, true) != 0)
		panic("no memory for the tables of the shadow");
}

/* Shadow for RAM. Ranges may share a page of it: what is below *done has one already. */
static void map_ram_shadow(struct arch_paging *tables, const struct memory_range *range,
                           uint64_t *done)
{
	uint64_t start = max_u64(align_down(range->start.raw, PAGE_REACH), *done);
	uint64_t end = align_up(range->start.raw + range->size, PAGE_REACH);
	uint64_t size = (end - start) / ASAN_GRANULE;
	unsigned int align = size >= LARGE_LEAF ? 9 : 0;
	paddr_t base;

	if (start >= end)
		return;
	if (page_alloc_run(size / PAGE_SIZE, align, &base) != 0)
		panic("no memory for the shadow");
	memset(phys_to_virt(base), 0, size);
	map(tables, SHADOW_OF(DIRECT_MAP_BASE + start), base, size);
	*done = end;
}

static void map_image_shadow(struct arch_paging *tables)
{
	uint64_t end = (uint64_t)(uintptr_t)image_end;
	uint64_t at = align_down((uint64_t)(uintptr_t)image_start, PAGE_REACH);

	for (; at < end; at += PAGE_REACH)
		map(tables, SHADOW_OF(KERNEL_BASE + at),
		    kernel_frame(SHADOW_OF(DIRECT_MAP_BASE + at)), PAGE_SIZE);
}

void shadow_init(struct arch_paging *tables, const struct boot_info *boot)
{
	uint64_t done = 0;

	for (size_t i = 0; i < boot->range_count; i++)
		if (boot->ranges[i].usable)
			map_ram_shadow(tables, &boot->ranges[i], &done);
	map_image_shadow(tables);
	if (mmu_reserve_top(tables, SHADOW_OF(STACKS_BASE), 0) != 0)
		panic("no memory for the tables of the shadow");
	ram_end = done;
}

int shadow_stack_alloc(uint64_t stack_low)
{
	paddr_t frame;
	int error = page_alloc_zeroed(&frame);

	if (error != 0)
		return error;
	error = kernel_map(SHADOW_OF(stack_low), frame, PAGE_SIZE, PTE_WRITABLE);
	if (error != 0)
		page_free(frame, 0);
	return error;
}

void shadow_stack_free(uint64_t stack_low)
{
	paddr_t frame = kernel_frame(SHADOW_OF(stack_low));

	kernel_unmap(SHADOW_OF(stack_low), PAGE_SIZE);
	page_free(frame, 0);
}

#endif
