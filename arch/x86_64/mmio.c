/* SPDX-License-Identifier: MIT */
/* The window of the kernel's address space where device registers and firmware tables appear. */
#include <arch/mmio.h>
#include <kernel/heap.h>
#include <kernel/inject.h>
#include <kernel/list.h>
#include <kernel/panic.h>

#include "layout.h"
#include "mmu.h"
#include "paging.h"

/* One mapping, with its guard page behind it. */
struct window {
	struct list link; /* in windows, sorted by start */
	uint64_t start;
	uint64_t size; /* without the guard page */
};

static struct list windows = LIST_INIT(windows);
static struct spinlock lock = SPINLOCK_INIT(RANK_ADDRESSES, "mmio windows");

/*
 * Finds the first gap that a window fits in, and inserts it there. Large mappings get the same
 * offset from a 2 MiB border as their physical address, so that large leaves fit: the 256 MiB
 * of a configuration space need no page full of entries for each 2 MiB.
 */
static bool place_locked(struct window *window, uint64_t base)
{
	uint64_t skew = window->size >= SIZE_2M ? base & (SIZE_2M - 1) : 0;
	uint64_t alignment = window->size >= SIZE_2M ? SIZE_2M : PAGE_SIZE;
	uint64_t at = MMIO_BASE + skew;
	struct window *other;

	ASSERT(spin_held(&lock));
	if (inject_fails(CORDON_INJECT_SLOT))
		return false;
	list_for_each(other, &windows, link)
	{
		if (at + window->size + PAGE_SIZE <= other->start)
			break;
		at = align_up(other->start + other->size + PAGE_SIZE, alignment) + skew;
	}
	if (at + window->size + PAGE_SIZE > MMIO_BASE + MMIO_SIZE)
		return false;
	window->start = at;
	list_append(&other->link, &window->link);
	return true;
}

static void *map(paddr_t base, uint64_t size, uint64_t flags)
{
	uint64_t start = align_down(base.raw, PAGE_SIZE);
	struct window *window;
	bool placed;

	if (size == 0 || size > MMIO_SIZE || base.raw + size < base.raw ||
	    base.raw + size > PTE_ADDRESS)
		return NULL;
	window = heap_alloc(sizeof(*window));
	if (window == NULL)
		return NULL;
	window->size = align_up(base.raw + size, PAGE_SIZE) - start;
	spin_lock(&lock);
	placed = place_locked(window, start);
	spin_unlock(&lock);
	if (!placed)
		goto fail;
	if (kernel_map(window->start, paddr(start), window->size, flags) != 0)
		goto fail_placed;
	return (void *)(uintptr_t)(window->start + (base.raw - start));

fail_placed:
	spin_lock(&lock);
	list_remove(&window->link);
	spin_unlock(&lock);
fail:
	heap_free(window);
	return NULL;
}

void *mmio_map(paddr_t base, uint64_t size)
{
	return map(base, size, PTE_WRITABLE | PTE_UNCACHED);
}

void *mmio_map_cached(paddr_t base, uint64_t size)
{
	return map(base, size, PTE_WRITABLE);
}

void mmio_unmap(void *mapping, uint64_t size)
{
	uint64_t start = align_down((uint64_t)(uintptr_t)mapping, PAGE_SIZE);
	uint64_t end = align_up((uint64_t)(uintptr_t)mapping + size, PAGE_SIZE);
	struct window *window;

	spin_lock(&lock);
	list_for_each(window, &windows, link)
	{
		if (window->start == start)
			break;
	}
	ASSERT(&window->link != &windows && window->size == end - start);
	spin_unlock(&lock);

	/* Its place is free only once nothing remembers what was there. */
	kernel_unmap(window->start, window->size);
	spin_lock(&lock);
	list_remove(&window->link);
	spin_unlock(&lock);
	heap_free(window);
}
