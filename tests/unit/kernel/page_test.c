/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <signal.h>

#include <arch/mmio.h>
#include <arch/percpu.h>
#include <cordon/errno.h>
#include <kernel/lock_stats.h>
#include <kernel/page.h>
#include <kernel/string.h>
#include <tests/unit/fake/fake.h>

#include <tests/random.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static struct memory_range range(uint64_t start, uint64_t end, bool usable)
{
	return (struct memory_range){paddr(start), end - start, usable};
}

/* 64 MiB with a kernel at 2 MiB, a boot module that ends inside a page, and low memory. */
static void small_machine(void)
{
	const struct memory_range ranges[] = {
	        range(0, 0x9fc00, true),
	        range(0x9fc00, MIB, false),
	        range(MIB, 64 * MIB, true),
	};
	const struct memory_range reserved[] = {
	        range(2 * MIB, 5 * MIB, true),
	        range(10 * MIB + 100, 10 * MIB + 5000, true),
	};

	page_init(ranges, 3, reserved, 2);
}

/* Both sides of the device hole, several GiB. */
static void large_machine(void)
{
	const struct memory_range ranges[] = {
	        range(MIB, 2 * GIB, true),
	        range(2 * GIB, 4 * GIB, false),
	        range(4 * GIB, 8 * GIB, true),
	};

	page_init(ranges, 3, NULL, 0);
}

static uint64_t take_all(uint8_t *seen, uint64_t frames)
{
	uint64_t count = 0;
	paddr_t base;

	while (page_alloc(0, &base) == 0) {
		cr_assert_lt(base.raw >> PAGE_SHIFT, frames);
		cr_assert(is_aligned(base.raw, PAGE_SIZE));
		cr_assert_eq(seen[base.raw >> PAGE_SHIFT], 0, "given out twice");
		seen[base.raw >> PAGE_SHIFT] = 1;
		count++;
	}
	return count;
}

Test(page, gives_out_every_usable_frame_once_and_no_other)
{
	static uint8_t seen[16384];
	uint64_t count;

	small_machine();
	count = take_all(seen, 16384);
	cr_assert_eq(count, page_total_count());
	cr_assert_eq(page_free_count(), 0);
	/* 63 MiB less the kernel, two frames of the module, and 16 KiB of states. */
	cr_assert_eq(count, 63 * 256 - 3 * 256 - 2 - 4);
	for (uint64_t frame = 0; frame < 256; frame++)
		cr_assert_eq(seen[frame], 0, "below 1 MiB");
	for (uint64_t frame = 2 * 256; frame < 5 * 256; frame++)
		cr_assert_eq(seen[frame], 0, "reserved");
	cr_assert_eq(seen[10 * 256], 0);
	cr_assert_eq(seen[10 * 256 + 1], 0, "the module's last byte");
	cr_assert_eq(seen[10 * 256 + 2], 1);
}

Test(page, joins_what_is_freed_into_the_largest_blocks_again)
{
	static uint8_t seen[16384];
	struct random random = {7};
	uint64_t left;
	paddr_t base;

	small_machine();
	cr_assert_eq(page_alloc(13, &base), 0, "32 MiB at 32 MiB");
	cr_assert_eq(base.raw, 32 * MIB);
	page_free(base, 13);
	left = take_all(seen, 16384);
	while (left > 0) {
		uint64_t frame = random_below(&random, 16384);

		while (!seen[frame])
			frame = (frame + 1) % 16384;
		seen[frame] = 0;
		page_free(paddr(frame << PAGE_SHIFT), 0);
		left--;
	}
	cr_assert_eq(page_free_count(), page_total_count());
	cr_assert_eq(page_alloc(13, &base), 0, "nothing stays in pieces");
	cr_assert_eq(page_alloc(13, &base), -ENOMEM);
}

struct block {
	paddr_t base;
	uint64_t frames;
	uint64_t pattern;
};

static void block_fill(const struct block *block)
{
	for (uint64_t i = 0; i < block->frames; i++) {
		uint64_t *words = phys_to_virt(paddr(block->base.raw + i * PAGE_SIZE));

		words[0] = block->pattern + i;
		words[1] = ~(block->pattern + i);
	}
}

static void block_check(const struct block *block)
{
	for (uint64_t i = 0; i < block->frames; i++) {
		const uint64_t *words = phys_to_virt(paddr(block->base.raw + i * PAGE_SIZE));

		cr_assert_eq(words[0], block->pattern + i, "another block overlaps");
		cr_assert_eq(words[1], ~(block->pattern + i));
	}
}

static int block_get(struct random *random, struct block *block)
{
	uint64_t kind = random_below(random, 4);
	unsigned int order;
	int err;

	if (kind == 0) {
		unsigned int align = (unsigned int)random_below(random, 6);

		block->frames = 1 + random_below(random, 700);
		err = page_alloc_run(block->frames, align, &block->base);
		if (err == 0)
			cr_assert(is_aligned(block->base.raw, PAGE_SIZE << align));
		return err;
	}
	order = kind == 1 ? (unsigned int)random_below(random, 11) : 0;
	block->frames = UINT64_C(1) << order;
	err = page_alloc(order, &block->base);
	if (err == 0) {
		cr_assert(is_aligned(block->base.raw, block->frames << PAGE_SHIFT));
		cr_assert_eq(page_order(block->base), order);
	}
	return err;
}

Test(page, blocks_never_overlap_under_random_operations)
{
	static struct block blocks[600];
	struct random random = {3};
	uint64_t used = 0;
	uint64_t refused = 0;

	small_machine();
	for (uint64_t round = 0; round < 60000; round++) {
		struct block *block = &blocks[random_below(&random, 600)];

		if (block->frames > 0) {
			block_check(block);
			page_free_run(block->base, block->frames);
			used -= block->frames;
			block->frames = 0;
		} else if (block_get(&random, block) == 0) {
			block->pattern = random_next(&random);
			block_fill(block);
			used += block->frames;
		} else {
			block->frames = 0;
			refused++;
		}
		cr_assert_eq(page_free_count(), page_total_count() - used);
	}
	cr_assert_gt(refused, 0, "the test never came to the limit");
	for (size_t i = 0; i < 600; i++) {
		if (blocks[i].frames == 0)
			continue;
		block_check(&blocks[i]);
		page_free_run(blocks[i].base, blocks[i].frames);
	}
	cr_assert_eq(page_free_count(), page_total_count());
}

/* How often the lock that all CPUs share was taken. */
static uint64_t lock_taken(void)
{
	struct cordon_counter counter;

	for (uint32_t i = 0; i < lock_stats_count(); i++) {
		lock_stats_at(i, &counter);
		if (strcmp(counter.name, "lock.pages.taken") == 0)
			return counter.value;
	}
	cr_assert_fail("no counter");
	return 0;
}

Test(page, who_takes_and_frees_small_blocks_again_and_again_takes_no_lock)
{
	uint64_t before = 0;
	paddr_t base;

	small_machine();
	for (int round = 0; round < 100; round++) {
		if (round == 1)
			before = lock_taken();
		for (unsigned int order = 0; order <= 4; order++) {
			cr_assert_eq(page_alloc(order, &base), 0);
			page_free(base, order);
		}
	}
	cr_assert_eq(lock_taken(), before);
}

Test(page, small_blocks_that_a_cpu_keeps_count_as_free_and_are_its_own)
{
	uint64_t free_before;
	paddr_t ours, theirs, again;

	small_machine();
	free_before = page_free_count();
	cr_assert_eq(page_alloc(3, &ours), 0);
	cr_assert_eq(page_free_count(), free_before - 8);
	page_free(ours, 3);
	cr_assert_eq(page_free_count(), free_before);
	fake_percpu.number = 1;
	cr_assert_eq(page_alloc(3, &theirs), 0);
	cr_assert_neq(theirs.raw, ours.raw);
	fake_percpu.number = 0;
	cr_assert_eq(page_alloc(3, &again), 0);
	cr_assert_eq(again.raw, ours.raw);
}

Test(page, single_frames_come_from_small_blocks_when_there_are_no_others)
{
	uint64_t free_frames;
	paddr_t block, base;

	small_machine();
	cr_assert_eq(page_alloc(4, &block), 0);
	while (page_alloc(0, &base) == 0)
		;
	cr_assert_eq(page_free_count(), 0);
	page_free(block, 4);
	for (free_frames = 0; page_alloc(0, &base) == 0; free_frames++)
		;
	cr_assert_eq(free_frames, 16);
}

Test(page, finds_a_run_across_blocks_and_gives_the_rest_back)
{
	paddr_t base;
	paddr_t other;

	small_machine();
	/* 54 MiB from 10 MiB on lie in one piece, but no block is that large. */
	cr_assert_eq(page_alloc(14, &base), -ENOMEM);
	cr_assert_eq(page_alloc_run(53 * 256, 0, &base), 0);
	cr_assert_eq(page_free_count(), page_total_count() - 53 * 256);
	cr_assert_eq(page_alloc_run(53 * 256, 0, &other), -ENOMEM);
	page_free_run(base, 53 * 256);
	cr_assert_eq(page_alloc_run(52 * 256, 9, &base), 0);
	cr_assert_eq(base.raw, 12 * MIB, "aligned to 2 MiB");
	page_free_run(base, 52 * 256);
	cr_assert_eq(page_alloc_run(54 * 256, 0, &base), -ENOMEM);
	cr_assert_eq(page_free_count(), page_total_count());
	cr_assert_eq(page_alloc(13, &base), 0, "joined again");
}

/* Else who asks for what there is not keeps the lock, which all CPUs need, for a look at all RAM.
 */
Test(page, S10_a_search_for_a_run_keeps_the_lock_for_a_part_of_it_only)
{
	uint64_t from = 0, count = 0;
	paddr_t base, place;
	int err;

	small_machine();
	while (page_alloc(0, &base) == 0)
		;
	while ((err = page_alloc_run_part(2, 0, &from, &base)) == -EAGAIN)
		count++;
	cr_assert_eq(err, -ENOMEM);
	cr_assert_geq(count, 3);
	cr_assert_leq(from, 64 * 256);

	/* With an alignment only what is aligned is looked at. */
	from = 0;
	cr_assert_eq(page_alloc_run_part(512, 9, &from, &base), -ENOMEM);

	/* What becomes free before the search is there is found. */
	from = 0;
	cr_assert_eq(page_alloc_run_part(2, 0, &from, &base), -EAGAIN);
	place = paddr(62 * MIB);
	page_free_run(place, 64); /* more than a CPU would keep */
	while ((err = page_alloc_run_part(2, 0, &from, &base)) == -EAGAIN)
		;
	cr_assert_eq(err, 0);
	cr_assert_eq(base.raw, place.raw);
}

Test(page, has_blocks_of_one_gib_and_none_larger)
{
	paddr_t base;

	large_machine();
	for (int i = 0; i < 5; i++) {
		cr_assert_eq(page_alloc(PAGE_ORDER_MAX, &base), 0);
		cr_assert(is_aligned(base.raw, GIB));
		cr_assert(fake_is_ram(base, GIB));
	}
	cr_assert_eq(page_alloc(PAGE_ORDER_MAX, &base), -ENOMEM);
}

Test(page, a_run_may_be_longer_than_the_largest_block)
{
	paddr_t base;

	large_machine();
	cr_assert_eq(page_alloc_run(3 * 262144 + 5, 9, &base), 0);
	cr_assert_eq(base.raw, 4 * GIB);
	page_free_run(base, 3 * 262144 + 5);
	cr_assert_eq(page_free_count(), page_total_count());
}

Test(page, knows_what_is_ram)
{
	small_machine();
	cr_assert(page_is_ram(paddr(MIB), 63 * MIB), "the kernel and the states are RAM too");
	cr_assert(page_is_ram(paddr(0), 0x9fc00));
	cr_assert_not(page_is_ram(paddr(0), 0x9fc01));
	cr_assert_not(page_is_ram(paddr(MIB), 63 * MIB + 1));
	cr_assert_not(page_is_ram(paddr(64 * MIB), 1));
	cr_assert_not(page_is_ram(paddr(MIB), UINT64_MAX));
	cr_assert(page_overlaps_ram(paddr(0), UINT64_MAX));
	cr_assert(page_overlaps_ram(paddr(64 * MIB - 1), 2));
	cr_assert_not(page_overlaps_ram(paddr(64 * MIB), UINT64_MAX));
	cr_assert_not(page_overlaps_ram(paddr(0x9fc00), MIB - 0x9fc00));
	cr_assert_not(page_overlaps_ram(paddr(MIB), 0));
	cr_assert_eq(page_ram_end().raw, 64 * MIB);
}

Test(page, a_zeroed_frame_is_zero)
{
	paddr_t base;

	small_machine();
	cr_assert_eq(page_alloc(0, &base), 0);
	memset(phys_to_virt(base), 0xff, PAGE_SIZE);
	page_free(base, 0);
	cr_assert_eq(page_alloc_zeroed(&base), 0);
	for (size_t i = 0; i < PAGE_SIZE; i++)
		cr_assert_eq(((uint8_t *)phys_to_virt(base))[i], 0);
}

Test(page, a_second_free_panics, .signal = SIGABRT)
{
	paddr_t base;

	small_machine();
	cr_assert_eq(page_alloc(0, &base), 0);
	page_free(base, 0);
	page_free(base, 0);
}

Test(page, a_second_free_of_a_block_panics, .signal = SIGABRT)
{
	paddr_t base;

	small_machine();
	cr_assert_eq(page_alloc(6, &base), 0);
	page_free(base, 6);
	page_free(base, 6);
}

Test(page, freeing_a_block_with_a_free_frame_in_it_panics, .signal = SIGABRT)
{
	paddr_t base;

	small_machine();
	cr_assert_eq(page_alloc(6, &base), 0);
	page_free(paddr(base.raw + 63 * PAGE_SIZE), 0);
	page_free(base, 6);
}

Test(page, freeing_a_reserved_frame_panics, .signal = SIGABRT)
{
	small_machine();
	page_free(paddr(3 * MIB), 0);
}

Test(page, freeing_what_is_no_ram_panics, .signal = SIGABRT)
{
	small_machine();
	page_free(paddr(64 * MIB), 0);
}

Test(page, a_machine_without_memory_panics, .signal = SIGABRT)
{
	const struct memory_range ranges[] = {range(0, MIB, true)};

	page_init(ranges, 1, NULL, 0);
}
