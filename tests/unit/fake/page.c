// SPDX-License-Identifier: MIT
/* The first 64 MiB of RAM by frames, lowest first. Frames come out filled with a pattern and are
 * filled with another when they are freed, so that a use of either shows. */
#include <arch/mmio.h>
#include <cordon/errno.h>
#include <kernel/panic.h>
#include <string.h>
#include <tests/unit/fake/fake.h>

#define FRAMES (UINT64_C(64) << 20 >> PAGE_SHIFT)
#define FRESH  0xa5
#define FREED  0x5a

static bool used[FRAMES];
static uint64_t used_count;
static uint64_t fail_at;

void fake_page_fail(uint64_t count)
{
	fail_at = count;
}

uint64_t fake_pages_used(void)
{
	return used_count;
}

static bool all_free(uint64_t first, uint64_t count)
{
	for (uint64_t i = first; i < first + count; i++)
		if (used[i])
			return false;
	return true;
}

int page_alloc(unsigned int order, paddr_t *out)
{
	uint64_t count = UINT64_C(1) << order;

	ASSERT(order <= PAGE_ORDER_MAX);
	if (fail_at == 1)
		return -ENOMEM;
	if (fail_at)
		fail_at--;
	/* Aligned by physical address, which does not start at zero. */
	uint64_t base = FAKE_RAM_BASE >> PAGE_SHIFT;
	uint64_t first = align_up(base, count) - base;
	for (; first + count <= FRAMES; first += count) {
		if (!all_free(first, count))
			continue;
		memset(&used[first], true, count);
		used_count += count;
		*out = paddr(FAKE_RAM_BASE + (first << PAGE_SHIFT));
		memset(phys_to_virt(*out), FRESH, count << PAGE_SHIFT);
		return 0;
	}
	return -ENOMEM;
}

int page_alloc_zeroed(paddr_t *out)
{
	int result = page_alloc(0, out);

	if (result == 0)
		memset(phys_to_virt(*out), 0, PAGE_SIZE);
	return result;
}

void page_free(paddr_t base, unsigned int order)
{
	uint64_t count = UINT64_C(1) << order;
	uint64_t first = (base.raw - FAKE_RAM_BASE) >> PAGE_SHIFT;

	ASSERT(is_aligned(base.raw, count << PAGE_SHIFT));
	ASSERT(base.raw >= FAKE_RAM_BASE && first + count <= FRAMES);
	for (uint64_t i = first; i < first + count; i++) {
		ASSERT(used[i]);
		used[i] = false;
	}
	used_count -= count;
	memset(phys_to_virt(base), FREED, count << PAGE_SHIFT);
}

int page_alloc_run(uint64_t frames, unsigned int align_order, paddr_t *out)
{
	uint64_t step = UINT64_C(1) << align_order;
	uint64_t base = FAKE_RAM_BASE >> PAGE_SHIFT;

	if (fail_at == 1)
		return -ENOMEM;
	if (fail_at)
		fail_at--;
	for (uint64_t first = align_up(base, step) - base; first + frames <= FRAMES;
	     first += step) {
		if (!all_free(first, frames))
			continue;
		memset(&used[first], true, frames);
		used_count += frames;
		*out = paddr(FAKE_RAM_BASE + (first << PAGE_SHIFT));
		memset(phys_to_virt(*out), FRESH, frames << PAGE_SHIFT);
		return 0;
	}
	return -ENOMEM;
}

int page_alloc_run_part(uint64_t frames, unsigned int align_order, uint64_t *from, paddr_t *out)
{
	(void)from;
	return page_alloc_run(frames, align_order, out);
}

void page_free_run(paddr_t base, uint64_t frames)
{
	for (uint64_t i = 0; i < frames; i++)
		page_free(paddr(base.raw + (i << PAGE_SHIFT)), 0);
}

bool page_is_ram(paddr_t base, uint64_t size)
{
	return fake_is_ram(base, size);
}

static bool overlaps(paddr_t base, uint64_t size, uint64_t start, uint64_t end)
{
	return size != 0 && base.raw < end && base.raw + (size - 1) >= start;
}

bool page_overlaps_ram(paddr_t base, uint64_t size)
{
	return overlaps(base, size, FAKE_RAM_BASE, FAKE_RAM_END) ||
	       overlaps(base, size, FAKE_HIGH_BASE, FAKE_HIGH_END);
}

uint64_t page_free_count(void)
{
	return FRAMES - used_count;
}

uint64_t page_total_count(void)
{
	return FRAMES;
}

paddr_t page_ram_end(void)
{
	return paddr(FAKE_HIGH_END);
}
