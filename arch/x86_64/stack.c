/* SPDX-License-Identifier: MIT */
/*
 * Kernel stacks. Each has a slot twice its size, of which the lower half is never mapped: running
 * over the end of a stack is a double fault and not somebody else's data.
 */
#include <arch/context.h>
#include <cordon/errno.h>
#include <kernel/inject.h>
#include <kernel/page.h>
#include <kernel/panic.h>

#include "layout.h"
#include "mmu.h"
#include "paging.h"
#include "shadow.h"
#include "stack.h"

#define STACKS_MAX 16384
#define WORD_BITS  64

_Static_assert(STACK_SLOT_SIZE *STACKS_MAX <= TOP_ENTRY_SIZE, "the area is one top-level entry");

static uint64_t used[STACKS_MAX / WORD_BITS];

/* Stacks of threads that ended, still mapped: the next thread gets one without a change that every
 * CPU would have to hear of. */
#define KEPT_MAX 16
static uint64_t kept[KEPT_MAX];
static uint32_t kept_count;
static uint32_t first_with_room; /* no word below has a clear bit */
static struct spinlock lock = SPINLOCK_INIT(RANK_ADDRESSES, "kernel stacks");

static uint64_t slot_stack(uint64_t slot)
{
	return STACKS_BASE + slot * STACK_SLOT_SIZE + STACK_SIZE;
}

static int slot_take(uint64_t *slot)
{
	int error = -ENOMEM;

	spin_lock(&lock);
	for (uint32_t i = first_with_room; i < ARRAY_SIZE(used); i++) {
		first_with_room = i;
		if (~used[i] == 0)
			continue;
		int bit = __builtin_ctzll(~used[i]);

		used[i] |= UINT64_C(1) << bit;
		*slot = (uint64_t)i * WORD_BITS + (unsigned int)bit;
		error = 0;
		break;
	}
	spin_unlock(&lock);
	return error;
}

static void slot_give(uint64_t slot)
{
	uint32_t word = (uint32_t)(slot / WORD_BITS);

	spin_lock(&lock);
	ASSERT(used[word] & UINT64_C(1) << slot % WORD_BITS);
	used[word] &= ~(UINT64_C(1) << slot % WORD_BITS);
	if (word < first_with_room)
		first_with_room = word;
	spin_unlock(&lock);
}

static void free_frames(uint64_t low, uint64_t size)
{
	paddr_t frames[STACK_SIZE / PAGE_SIZE];
	uint64_t count = size / PAGE_SIZE;

	for (uint64_t i = 0; i < count; i++)
		frames[i] = kernel_frame(low + i * PAGE_SIZE);
	kernel_unmap(low, size);
	for (uint64_t i = 0; i < count; i++)
		page_free(frames[i], 0);
}

static bool kept_take(uint64_t *stack_low)
{
	bool found;

	spin_lock(&lock);
	found = kept_count > 0;
	if (found)
		*stack_low = kept[--kept_count];
	spin_unlock(&lock);
	return found;
}

static bool kept_add(uint64_t stack_low)
{
	bool room;

	spin_lock(&lock);
	room = kept_count < KEPT_MAX;
	if (room)
		kept[kept_count++] = stack_low;
	spin_unlock(&lock);
	return room;
}

uint64_t arch_stack_kept_frames(void)
{
	return (uint64_t)kept_count * (STACK_SIZE / PAGE_SIZE + SHADOW_STACK_FRAMES);
}

int arch_stack_alloc(uint64_t *stack_low)
{
	uint64_t slot, low, done;
	paddr_t frame;
	int error;

	if (inject_fails(CORDON_INJECT_SLOT))
		return -ENOMEM;
	if (kept_take(stack_low))
		return 0;
	error = slot_take(&slot);
	if (error != 0)
		return error;
	low = slot_stack(slot);
	for (done = 0; done < STACK_SIZE; done += PAGE_SIZE) {
		error = page_alloc(0, &frame);
		if (error != 0)
			goto undo;
		error = kernel_map(low + done, frame, PAGE_SIZE, PTE_WRITABLE);
		if (error != 0) {
			page_free(frame, 0);
			goto undo;
		}
	}
	error = shadow_stack_alloc(low);
	if (error != 0)
		goto undo;
	*stack_low = low;
	return 0;

undo:
	free_frames(low, done);
	slot_give(slot);
	return error;
}

void arch_stack_free(uint64_t stack_low)
{
	uint64_t slot = (stack_low - STACKS_BASE) / STACK_SLOT_SIZE;

	ASSERT(slot < STACKS_MAX && slot_stack(slot) == stack_low);
	if (kept_add(stack_low))
		return;
	free_frames(stack_low, STACK_SIZE);
	shadow_stack_free(stack_low);
	slot_give(slot);
}

bool stack_is_guard(uint64_t address)
{
	if (address >= (uint64_t)(uintptr_t)data_end &&
	    address < (uint64_t)(uintptr_t)boot_stack_low)
		return true;
	return address >= STACKS_BASE && address < STACKS_BASE + STACK_SLOT_SIZE * STACKS_MAX &&
	       (address - STACKS_BASE) % STACK_SLOT_SIZE < STACK_SIZE;
}

bool stack_is_mapped(uint64_t address)
{
	uint64_t slot = (address - STACKS_BASE) / STACK_SLOT_SIZE;

	if (address >= (uint64_t)(uintptr_t)boot_stack_low &&
	    address < (uint64_t)(uintptr_t)boot_stack_top)
		return true;
	return address >= STACKS_BASE && slot < STACKS_MAX && !stack_is_guard(address) &&
	       (used[slot / WORD_BITS] & UINT64_C(1) << slot % WORD_BITS);
}
