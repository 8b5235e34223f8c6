/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <signal.h>

#include <arch/mmio.h>
#include <cordon/errno.h>
#include <kernel/heap.h>
#include <kernel/memory.h>
#include <kernel/page.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <tests/unit/fake/fake.h>

#include <tests/random.h>

#define MIB  (UINT64_C(1) << 20)
#define MANY (3 * SCHED_POINT_EVERY)

static struct account *account;

static void machine(uint64_t frames)
{
	const struct memory_range ranges[] = {{paddr(MIB), 127 * MIB, true}};
	const struct cordon_budget budget = {.frames = frames};

	page_init(ranges, 1, NULL, 0);
	cr_assert_eq(account_create(&budget, &account), 0);
}

/* Checks the extents of an object and that its contents are zero; leaves a pattern. */
static void check_memory(struct memory *memory, uint64_t size)
{
	uint64_t offset = 0;

	cr_assert_eq(memory->size, size);
	for (uint32_t i = 0; i < memory->extent_count; i++) {
		const struct memory_extent *extent = &memory->extents[i];
		const uint8_t *bytes = phys_to_virt(extent->base);

		cr_assert_eq(extent->offset, offset);
		cr_assert_gt(extent->size, 0);
		cr_assert(is_aligned(extent->base.raw | extent->size, PAGE_SIZE));
		if (i > 0)
			cr_assert_neq(extent[-1].base.raw + extent[-1].size, extent->base.raw,
			              "two extents where one would do");
		for (uint64_t at = 0; at < extent->size; at++)
			if (bytes[at] != 0)
				cr_assert_fail("byte %lu is not zero", offset + at);
		offset += extent->size;
		memset(phys_to_virt(extent->base), 0xee, extent->size);
	}
	cr_assert_eq(offset, size);
}

static void end(void)
{
	account_unref(account); /* panics when anything is still charged */
	cr_assert_eq(heap_in_use(), 0);
	cr_assert_leq(page_total_count() - page_free_count(), 11, "one slab of each class");
}

Test(memory, ordinary_objects_have_large_blocks_where_they_can)
{
	struct memory *memory;
	uint64_t size = 5 * MIB + 3 * PAGE_SIZE;

	machine(100000);
	cr_assert_eq(memory_create(account, size, 0, &memory), 0);
	check_memory(memory, size);
	for (uint32_t i = 0; i < memory->extent_count; i++)
		if (memory->extents[i].offset < 4 * MIB)
			cr_assert_eq((memory->extents[i].base.raw ^ memory->extents[i].offset) &
			                     (SIZE_2M - 1),
			             0, "a 2 MiB leaf would fit");
	cr_assert_eq(account->used[CHARGE_FRAMES], size / PAGE_SIZE);
	cr_assert_eq(account->used[CHARGE_OBJECTS], 1);
	object_unref(&memory->object);
	cr_assert_eq(account->used[CHARGE_FRAMES], 0);
	end();
}

Test(memory, every_size_is_covered_exactly)
{
	struct random random = {9};

	machine(100000);
	for (int i = 0; i < 60; i++) {
		uint64_t size = (1 + random_below(&random, 2000)) * PAGE_SIZE;
		uint64_t before = page_free_count();
		struct memory *a;
		struct memory *b;

		cr_assert_eq(memory_create(account, size, 0, &a), 0);
		cr_assert_eq(memory_create(account, size, CORDON_MEMORY_CONTIGUOUS, &b), 0);
		cr_assert_eq(account->used[CHARGE_FRAMES], 2 * size / PAGE_SIZE);
		check_memory(a, size);
		check_memory(b, size);
		cr_assert_eq(b->extent_count, 1);
		/* Slabs of the heap may have come besides. */
		cr_assert_geq(page_free_count() + 2 * size / PAGE_SIZE + 3, before);
		object_unref(&a->object);
		object_unref(&b->object);
	}
	end();
}

Test(memory, huge_objects_are_aligned_throughout)
{
	struct memory *memory;

	machine(100000);
	cr_assert_eq(memory_create(account, 14 * MIB, CORDON_MEMORY_HUGE, &memory), 0);
	check_memory(memory, 14 * MIB);
	for (uint32_t i = 0; i < memory->extent_count; i++)
		cr_assert(
		        is_aligned(memory->extents[i].base.raw | memory->extents[i].size, SIZE_2M));
	object_unref(&memory->object);
	cr_assert_eq(memory_create(account, 14 * MIB, CORDON_MEMORY_HUGE | CORDON_MEMORY_CONTIGUOUS,
	                           &memory),
	             0);
	cr_assert_eq(memory->extent_count, 1);
	cr_assert(is_aligned(memory->extents[0].base.raw, SIZE_2M));
	object_unref(&memory->object);
	end();
}

Test(memory, scattered_objects_have_no_adjacent_neighbours)
{
	struct memory *memory;

	machine(100000);
	for (uint64_t frames = 1; frames < 600; frames = frames * 2 + 1) {
		cr_assert_eq(
		        memory_create(account, frames * PAGE_SIZE, CORDON_MEMORY_SCATTER, &memory),
		        0);
		cr_assert_eq(memory->extent_count, frames);
		for (uint32_t i = 1; i < frames; i++) {
			uint64_t last = memory->extents[i - 1].base.raw;
			uint64_t next = memory->extents[i].base.raw;

			cr_assert(next != last + PAGE_SIZE && last != next + PAGE_SIZE);
		}
		check_memory(memory, frames * PAGE_SIZE);
		object_unref(&memory->object);
	}
	end();
}

Test(memory, runs_agree_with_a_walk_over_the_extents)
{
	static const uint32_t flags[] = {0, CORDON_MEMORY_SCATTER};
	struct random random = {21};
	struct memory *hole[64];

	machine(100000);
	/* Holes of all sizes, so that ordinary objects have extents of all sizes, too. */
	for (size_t i = 0; i < 64; i++)
		cr_assert_eq(memory_create(account, (1 + i * 7 % 90) * PAGE_SIZE, 0, &hole[i]), 0);
	for (size_t i = 0; i < 64; i += 2)
		object_unref(&hole[i]->object);
	for (size_t f = 0; f < 2; f++) {
		struct memory *memory;
		uint64_t size = 1700 * PAGE_SIZE;

		cr_assert_eq(memory_create(account, size, flags[f], &memory), 0);
		for (int i = 0; i < 5000; i++) {
			uint64_t offset = random_below(&random, size);
			uint64_t max = 1 + random_below(&random, size);
			uint32_t at = 0;
			uint64_t within;
			uint64_t run;
			paddr_t base;

			while (offset - memory->extents[at].offset >= memory->extents[at].size)
				at++;
			within = offset - memory->extents[at].offset;
			run = memory_run(memory, offset, max, &base);
			cr_assert_eq(base.raw, memory->extents[at].base.raw + within);
			cr_assert_eq(run, min_u64(max, memory->extents[at].size - within));
		}
		object_unref(&memory->object);
	}
	for (size_t i = 1; i < 64; i += 2)
		object_unref(&hole[i]->object);
	end();
}

Test(memory, copies_cross_extents)
{
	static uint8_t bytes[6 * 4096];
	static uint8_t back[sizeof(bytes)];
	struct memory *memory;

	machine(100000);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 31 + i / 256);
	cr_assert_eq(memory_create(account, 8 * PAGE_SIZE, CORDON_MEMORY_SCATTER, &memory), 0);
	memory_write(memory, 4095, bytes, sizeof(bytes));
	memory_read(memory, 4095, back, sizeof(back));
	cr_assert_arr_eq(bytes, back, sizeof(bytes));
	memory_zero(memory, 5000, 9000);
	memory_read(memory, 4095, back, sizeof(back));
	memset(bytes + 5000 - 4095, 0, 9000);
	cr_assert_arr_eq(bytes, back, sizeof(bytes));
	object_unref(&memory->object);
	end();
}

Test(memory, refuses_wrong_arguments)
{
	struct memory *memory;

	machine(100000);
	cr_assert_eq(memory_create(account, 0, 0, &memory), -EINVAL);
	cr_assert_eq(memory_create(account, 4097, 0, &memory), -EINVAL);
	cr_assert_eq(memory_create(account, PAGE_SIZE, 8, &memory), -EINVAL);
	cr_assert_eq(memory_create(account, PAGE_SIZE, CORDON_MEMORY_HUGE, &memory), -EINVAL);
	cr_assert_eq(memory_create(account, PAGE_SIZE,
	                           CORDON_MEMORY_SCATTER | CORDON_MEMORY_CONTIGUOUS, &memory),
	             -EINVAL);
	cr_assert_eq(memory_create(account, SIZE_2M, CORDON_MEMORY_SCATTER | CORDON_MEMORY_HUGE,
	                           &memory),
	             -EINVAL);
	cr_assert_eq(account->used[CHARGE_OBJECTS], 0);
	end();
}

Test(memory, what_does_not_fit_leaves_nothing_behind)
{
	static const uint32_t flags[] = {0, CORDON_MEMORY_SCATTER, CORDON_MEMORY_CONTIGUOUS,
	                                 CORDON_MEMORY_HUGE};
	struct memory *memory;
	uint64_t before;

	machine(1000000);
	for (size_t i = 0; i < 4; i++) {
		before = page_free_count();
		cr_assert_eq(memory_create(account, 128 * MIB, flags[i], &memory), -ENOMEM);
		cr_assert_eq(memory_create(account, UINT64_MAX & ~(SIZE_2M - 1), flags[i], &memory),
		             -ENOMEM);
		cr_assert_geq(page_free_count() + 4, before, "but for slabs of the heap");
		cr_assert_eq(account->used[CHARGE_FRAMES], 0);
		cr_assert_eq(account->used[CHARGE_OBJECTS], 0);
	}
	end();
}

Test(memory, the_budget_is_kept_with_the_list_of_extents)
{
	struct memory *memory;

	uint64_t before;

	machine(100);
	before = account->used[CHARGE_KERNEL];
	cr_assert_eq(memory_create(account, 101 * PAGE_SIZE, 0, &memory), -ENOMEM);
	account->limit[CHARGE_KERNEL] = before + PAGE_SIZE;
	cr_assert_eq(memory_create(account, 100 * PAGE_SIZE, CORDON_MEMORY_SCATTER, &memory),
	             -ENOMEM, "100 extents take a frame, too");
	cr_assert_eq(account->used[CHARGE_FRAMES], 0);
	cr_assert_eq(account->used[CHARGE_KERNEL], before);
	account->limit[CHARGE_KERNEL] += heap_cost(sizeof(struct memory));
	cr_assert_eq(memory_create(account, 100 * PAGE_SIZE, CORDON_MEMORY_SCATTER, &memory), 0);
	cr_assert_eq(account->used[CHARGE_KERNEL], account->limit[CHARGE_KERNEL]);
	object_unref(&memory->object);
	cr_assert_eq(account->used[CHARGE_KERNEL], before);
	end();
}

Test(memory, zeroing_much_lets_others_run)
{
	struct memory *memory;

	machine(100000);
	cr_assert_eq(memory_create(account, SIZE_2M, 0, &memory), 0);
	cr_assert_eq(fake_sched_points, 0);
	object_unref(&memory->object);
	cr_assert_eq(memory_create(account, 32 * MIB, 0, &memory), 0);
	cr_assert_eq(fake_sched_points, 15);
	object_unref(&memory->object);
	cr_assert_eq(memory_create(account, 16 * MIB, CORDON_MEMORY_SCATTER, &memory), 0);
	cr_assert_geq(fake_sched_points, 22);
	object_unref(&memory->object);
	end();
}

Test(memory, S10_making_many_pieces_and_giving_them_back_lets_others_run)
{
	struct memory *memory;

	machine(100000);
	cr_assert_eq(
	        memory_create_uncleared(account, MANY * PAGE_SIZE, CORDON_MEMORY_SCATTER, &memory),
	        0);
	cr_assert_eq(fake_sched_points, MANY / SCHED_POINT_EVERY);

	/* A reference, as of a mapping, is left when the handle goes, and given up in its time. */
	fake_sched_points = 0;
	object_ref(&memory->object);
	object_handle_added(&memory->object);
	object_handle_removed(&memory->object);
	object_unref(&memory->object);
	cr_assert_eq(fake_sched_points, 0, "a lock may be held");
	memory_release_slowly(memory);
	cr_assert_eq(fake_sched_points, MANY / SCHED_POINT_EVERY - 1);
	object_unref(&memory->object);

	/* The last handle is the last reference, mostly. */
	cr_assert_eq(
	        memory_create_uncleared(account, MANY * PAGE_SIZE, CORDON_MEMORY_SCATTER, &memory),
	        0);
	object_handle_added(&memory->object);
	object_unref(&memory->object);
	fake_sched_points = 0;
	object_handle_removed(&memory->object);
	cr_assert_eq(fake_sched_points, MANY / SCHED_POINT_EVERY - 1);
	cr_assert_eq(account->used[CHARGE_FRAMES], 0);
	end();
}

Test(memory, S10_a_run_that_is_not_there_is_looked_for_while_others_run)
{
	struct memory *memory;
	paddr_t taken;

	machine(100000);
	cr_assert_eq(memory_create(account, PAGE_SIZE, 0, &memory), 0);
	while (page_alloc(1, &taken) == 0)
		;
	cr_assert_eq(
	        memory_create_uncleared(account, 2 * PAGE_SIZE, CORDON_MEMORY_CONTIGUOUS, &memory),
	        -ENOMEM);
	cr_assert_geq(fake_sched_points, 3);
}

Test(memory, S10_a_copy_of_much_lets_others_run)
{
	struct memory *to, *from;

	machine(100000);
	cr_assert_eq(memory_create(account, 8 * MIB, CORDON_MEMORY_SCATTER, &from), 0);
	cr_assert_eq(memory_create(account, 16 * MIB, 0, &to), 0);
	for (uint64_t at = 0; at < 8 * MIB; at += 1000)
		memory_write(from, at, &at, sizeof(at));
	fake_sched_points = 0;
	memory_copy(to, 5 * MIB + 3, from, 0, 8 * MIB);
	cr_assert_eq(fake_sched_points, 3);
	for (uint64_t at = 0; at < 8 * MIB; at += 1000) {
		uint64_t found;

		memory_read(to, 5 * MIB + 3 + at, &found, sizeof(found));
		cr_assert_eq(found, at);
	}
	object_unref(&to->object);
	object_unref(&from->object);
	end();
}

Test(memory, rights_follow_the_kind)
{
	struct memory *image;
	struct memory *device;

	machine(100);
	cr_assert_eq(memory_create_static(paddr(MIB), PAGE_SIZE, &image), 0);
	cr_assert_eq(memory_create_device(paddr(UINT64_C(0xe0000000)), PAGE_SIZE, &device), 0);
	cr_assert_eq(image->object.ops->rights & CORDON_RIGHT_WRITE, 0);
	cr_assert_eq(device->object.ops->rights & CORDON_RIGHT_EXEC, 0);
	object_unref(&image->object);
	object_unref(&device->object);
	end();
}
