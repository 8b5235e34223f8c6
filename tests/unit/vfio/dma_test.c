/* SPDX-License-Identifier: MIT */
#include <cordon/errno.h>
#include <criterion/criterion.h>
#include <drivers/vfio/mapping.h>
#include <kernel/heap.h>
#include <tests/random.h>
#include <tests/unit/vfio/dma_bed.h>

static void start(void)
{
	dma_start(64, 4);
}

TestSuite(vfio_dma, .init = start);

Test(vfio_dma, a_mapping_reaches_its_memory_and_nothing_around_it)
{
	cr_assert_eq(call_map(container, memory, 2 * PAGE, IOVA, 10 * PAGE, RW), 0);
	for (uint64_t page = 0; page < 10; page++) {
		assert_reaches(IOVA + page * PAGE + 8, CORDON_DMA_READ, frame(page + 2) + 8);
		assert_reaches(IOVA + page * PAGE, CORDON_DMA_WRITE, frame(page + 2));
	}
	assert_refused(IOVA - 1, CORDON_DMA_READ);
	assert_refused(IOVA + 10 * PAGE, CORDON_DMA_READ);
	cr_assert_eq(call_container_info(container).mappings, 1u);
	cr_assert_eq(call_container_info(container).mapped_bytes, 10 * PAGE);
}

Test(vfio_dma, a_direction_that_was_not_asked_for_is_refused)
{
	cr_assert_eq(call_map(container, memory, 0, IOVA, PAGE, CORDON_DMA_READ), 0);
	cr_assert_eq(call_map(container, memory, 0, IOVA + PAGE, PAGE, CORDON_DMA_WRITE), 0);
	assert_reaches(IOVA, CORDON_DMA_READ, frame(0));
	assert_refused(IOVA, CORDON_DMA_WRITE);
	assert_reaches(IOVA + PAGE, CORDON_DMA_WRITE, frame(0));
	assert_refused(IOVA + PAGE, CORDON_DMA_READ);
}

Test(vfio_dma, every_wrong_argument_of_map_has_its_error_and_changes_nothing)
{
	const struct {
		uint64_t offset, iova, size;
		uint32_t flags;
		int error;
	} wrong[] = {
	        {0, IOVA, 0, RW, -EINVAL},
	        {0, IOVA + 1, PAGE, RW, -EINVAL},
	        {1, IOVA, PAGE, RW, -EINVAL},
	        {0, IOVA, PAGE + 1, RW, -EINVAL},
	        {0, IOVA, PAGE / 2, RW, -EINVAL},
	        {0, IOVA, PAGE, 0, -EINVAL},
	        {0, IOVA, PAGE, 4, -EINVAL},
	        {0, IOVA, PAGE, RW | 0x80000000, -EINVAL},
	        {0, UINT64_MAX - PAGE + 1, 2 * PAGE, RW, -EOVERFLOW},
	        {UINT64_MAX - PAGE + 1, IOVA, 2 * PAGE, RW, -EOVERFLOW},
	        {0, 2 * PAGE, UINT64_MAX - PAGE + 1, RW, -EOVERFLOW},
	        {64 * PAGE, IOVA, PAGE, RW, -ERANGE},
	        {63 * PAGE, IOVA, 2 * PAGE, RW, -ERANGE},
	        {0, IOVA, 65 * PAGE, RW, -ERANGE},
	        {0, 0xfedff000, 2 * PAGE, RW, -EINVAL},
	        {0, 0xfee00000, PAGE, RW, -EINVAL},
	        {0, 0xfeeff000, PAGE, RW, -EINVAL},
	        {0, 0xfeeff000, 2 * PAGE, RW, -EINVAL},
	        {0, UINT64_C(1) << 39, PAGE, RW, -EINVAL},
	        {0, (UINT64_C(1) << 39) - PAGE, 2 * PAGE, RW, -EINVAL},
	        {0, UINT64_MAX - PAGE + 1, PAGE, RW, -EINVAL},
	        {0, IOVA + 16 * PAGE, PAGE, RW, -EEXIST},
	        {0, IOVA + 15 * PAGE, 2 * PAGE, RW, -EEXIST},
	        {0, IOVA + 19 * PAGE, 2 * PAGE, RW, -EEXIST},
	        {0, IOVA, 64 * PAGE, RW, -EEXIST},
	};
	uint64_t charged;

	cr_assert_eq(call_map(container, memory, 0, IOVA + 16 * PAGE, 4 * PAGE, RW), 0);
	charged = task_current()->account->used[CHARGE_MAPPINGS];
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		cr_assert_eq(call_map(container, memory, wrong[i].offset, wrong[i].iova,
		                      wrong[i].size, wrong[i].flags),
		             wrong[i].error, "case %zu", i);
		cr_assert_eq(call_container_info(container).mappings, 1u, "case %zu", i);
		cr_assert_eq(task_current()->account->used[CHARGE_MAPPINGS], charged);
		cr_assert_eq(object->dma_mappings, 1u, "case %zu", i);
	}
	cr_assert_eq(object->object.references, 2u, "the handle's and the mapping's");
}

Test(vfio_dma, a_handle_must_have_the_rights_of_the_directions)
{
	const struct {
		uint32_t rights, flags;
		int error;
	} cases[] = {
	        {CORDON_RIGHT_READ | CORDON_RIGHT_WRITE, RW, -EACCES},
	        {CORDON_RIGHT_MAP | CORDON_RIGHT_READ, RW, -EACCES},
	        {CORDON_RIGHT_MAP | CORDON_RIGHT_READ, CORDON_DMA_WRITE, -EACCES},
	        {CORDON_RIGHT_MAP | CORDON_RIGHT_WRITE, CORDON_DMA_READ, -EACCES},
	        {CORDON_RIGHT_MAP | CORDON_RIGHT_READ, CORDON_DMA_READ, 0},
	        {CORDON_RIGHT_MAP | CORDON_RIGHT_WRITE, CORDON_DMA_WRITE, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cordon_handle_t weak = world_handle(&object->object, cases[i].rights);

		cr_assert_eq(call_map(container, weak, 0, IOVA + i * PAGE, PAGE, cases[i].flags),
		             cases[i].error, "case %zu", i);
		call_close(weak);
	}
}

Test(vfio_dma, wrong_handles_are_bad_and_a_container_needs_write)
{
	struct object *same;

	cr_assert_eq(call_map(999, memory, 0, IOVA, PAGE, RW), -EBADF);
	cr_assert_eq(call_map(memory, memory, 0, IOVA, PAGE, RW), -EBADF);
	cr_assert_eq(call_map(container, container, 0, IOVA, PAGE, RW), -EBADF);
	cr_assert_eq(call_map(container, -2, 0, IOVA, PAGE, RW), -EBADF);
	cr_assert_eq(call_unmap(memory, IOVA, PAGE), -EBADF);
	cr_assert_eq(handle_get(&task_current()->handles, container, CORDON_OBJECT_CONTAINER, 0,
	                        &same, NULL),
	             0);
	cordon_handle_t weak = world_handle(same, CORDON_RIGHT_READ);

	object_unref(same);
	cr_assert_eq(call_map(weak, memory, 0, IOVA, PAGE, RW), -EACCES);
	cr_assert_eq(call_unmap(weak, IOVA, PAGE), -EACCES);
	cr_assert_eq(sys_container_batch(weak, (void *)world_user, 1), -EACCES);
	cr_assert_eq(sys_container_add_group(weak, group), -EACCES);
	cr_assert_eq(sys_container_remove_group(weak, group), -EACCES);
}

Test(vfio_dma, bad_addresses_of_arguments_are_faults_and_nothing_is_done)
{
	void *bad = (void *)0x1000;
	void *constant = (void *)(uintptr_t)world_user_constant;

	cr_assert_eq(sys_container_map(container, bad), -EFAULT);
	cr_assert_eq(call_map(container, memory, 0, IOVA, PAGE, RW), 0);
	cr_assert_eq(sys_container_unmap(container, IOVA, PAGE, constant), -EFAULT);
	cr_assert_eq(call_container_info(container).mappings, 1u, "it is still there");
	cr_assert_eq(sys_container_info(container, constant), -EFAULT);
	cr_assert_eq(sys_container_batch(container, bad, 1), -EFAULT);
	cr_assert_eq(sys_container_batch(container, constant, 1), -EFAULT);
	cr_assert_eq(sys_container_faults(container, constant, 1, NULL), -EFAULT);
	cr_assert_eq(sys_container_faults(container, (void *)world_user, 1, constant), -EFAULT);
	cr_assert_eq(sys_container_create(constant), -EFAULT);
	cr_assert_eq(object_count(CORDON_OBJECT_CONTAINER), 1u);
	cr_assert_eq(sys_container_unmap(container, IOVA, PAGE, NULL), 0, "unmapped may be null");
}

Test(vfio_dma, a_container_without_a_group_maps_nothing)
{
	cordon_handle_t empty = call_container_create();

	cr_assert_eq(call_map(empty, memory, 0, IOVA, PAGE, RW), -EINVAL);
	cr_assert_eq(call_unmap(empty, IOVA, PAGE), 0);
	cr_assert_eq(call_container_info(empty).range_count, 0u);
	cr_assert_eq(object->dma_mappings, 0u);
}

Test(vfio_dma, memory_of_devices_and_of_the_image_is_no_target)
{
	struct memory *bar, *image = world_memory(RAM + 0x1000000, PAGE, PAGE);
	cordon_handle_t handle;

	cr_assert_eq(memory_create_device(paddr(0xe0000000), PAGE, &bar), 0);
	handle = world_handle(&bar->object, CORDON_RIGHTS_ALL);
	cr_assert_eq(call_map(container, handle, 0, IOVA, PAGE, RW), -EINVAL);
	world_place(0x100000, bar, 0, PAGE, CORDON_PROT_READ | CORDON_PROT_WRITE);
	cr_assert_eq(call_map(container, CORDON_HANDLE_NONE, 0x100000, IOVA, PAGE, RW), -EFAULT);
	cr_assert_eq(bar->dma_mappings, 0u);

	image->kind = MEMORY_STATIC;
	handle = world_handle(&image->object, CORDON_RIGHTS_ALL);
	cr_assert_eq(call_map(container, handle, 0, IOVA, PAGE, RW), -EINVAL);
	cr_assert_eq(call_map(container, handle, 0, IOVA, PAGE, CORDON_DMA_READ), 0);
	object_unref(&bar->object);
	object_unref(&image->object);
}

Test(vfio_dma, an_address_range_of_several_regions_is_one_mapping_that_outlives_them)
{
	struct memory *other = world_memory(RAM + 0x1000000, 8 * PAGE, 8 * PAGE);
	const uint32_t prot = CORDON_PROT_READ | CORDON_PROT_WRITE;

	world_place(0x100000, object, 8 * PAGE, 4 * PAGE, prot);
	world_place(0x104000, object, 12 * PAGE, 4 * PAGE, prot); /* goes on in the same object */
	world_place(0x108000, other, 0, 2 * PAGE, prot);
	world_place(0x10a000, object, 0, 2 * PAGE, prot);
	object_unref(&other->object);
	cr_assert_eq(call_map(container, CORDON_HANDLE_NONE, 0x101000, IOVA, 11 * PAGE, RW), 0);
	for (uint64_t address = 0x100000; address <= 0x10a000; address += 0x4000)
		world_place(address == 0x10c000 ? 0x10a000 : address, NULL, 0, 0, 0);
	world_place(0x10a000, NULL, 0, 0, 0);

	for (uint64_t page = 0; page < 7; page++)
		assert_reaches(IOVA + page * PAGE, RW, frame(9 + page));
	assert_reaches(IOVA + 7 * PAGE, RW, RAM + 0x1000000);
	assert_reaches(IOVA + 8 * PAGE, RW, RAM + 0x1001000);
	assert_reaches(IOVA + 9 * PAGE, RW, frame(0));
	assert_reaches(IOVA + 10 * PAGE, RW, frame(1));
	cr_assert_eq(call_container_info(container).mappings, 1u);
	cr_assert_eq(task_current()->account->used[CHARGE_MAPPINGS], 3u, "three pieces");

	cr_assert_eq(call_unmap(container, IOVA, 7 * PAGE), -EINVAL, "it is one mapping");
	cr_assert_eq(call_unmap(container, IOVA, 11 * PAGE), (int64_t)(11 * PAGE));
	cr_assert_eq(world_memories(), 1u, "the other object is gone with its mapping");
	cr_assert_eq(task_current()->account->used[CHARGE_MAPPINGS], 0u);
}

Test(vfio_dma, a_range_with_a_hole_or_without_the_rights_is_a_fault)
{
	world_place(0x100000, object, 0, 2 * PAGE, CORDON_PROT_READ | CORDON_PROT_WRITE);
	world_place(0x103000, object, 4 * PAGE, PAGE, CORDON_PROT_READ);
	cr_assert_eq(call_map(container, CORDON_HANDLE_NONE, 0x100000, IOVA, 3 * PAGE, RW),
	             -EFAULT);
	cr_assert_eq(call_map(container, CORDON_HANDLE_NONE, 0xff000, IOVA, PAGE, RW), -EFAULT);
	cr_assert_eq(call_map(container, CORDON_HANDLE_NONE, 0x103000, IOVA, PAGE, RW), -EFAULT);
	cr_assert_eq(
	        call_map(container, CORDON_HANDLE_NONE, 0x103000, IOVA, PAGE, CORDON_DMA_WRITE),
	        -EFAULT);
	cr_assert_eq(call_map(container, CORDON_HANDLE_NONE, 0x103000, IOVA, PAGE, CORDON_DMA_READ),
	             0);
	cr_assert_eq(object->dma_mappings, 1u);
}

Test(vfio_dma, unmap_takes_whole_mappings_and_tells_their_size)
{
	for (uint64_t i = 0; i < 4; i++)
		cr_assert_eq(call_map(container, memory, 0, IOVA + i * 0x10000, 4 * PAGE, RW), 0);
	cr_assert_eq(call_unmap(container, IOVA, PAGE), -EINVAL);
	cr_assert_eq(call_unmap(container, IOVA + PAGE, 3 * PAGE), -EINVAL);
	cr_assert_eq(call_unmap(container, IOVA + PAGE, PAGE), -EINVAL);
	cr_assert_eq(call_unmap(container, IOVA, 0x10000 + PAGE), -EINVAL);
	cr_assert_eq(call_unmap(container, IOVA + 2 * PAGE, 0x20000), -EINVAL);
	cr_assert_eq(call_container_info(container).mappings, 4u);
	cr_assert_eq(call_unmap(container, IOVA - 0x10000, 0x10000), 0, "nothing there");
	cr_assert_eq(call_unmap(container, IOVA + 4 * PAGE, 0xc000), 0, "between two");
	cr_assert_eq(call_unmap(container, IOVA + 8 * PAGE, 0x10000), (int64_t)(4 * PAGE));
	cr_assert_eq(call_unmap(container, IOVA, 0x30000), (int64_t)(8 * PAGE));
	assert_refused(IOVA, CORDON_DMA_READ);
	assert_reaches(IOVA + 0x30000, RW, frame(0));
}

Test(vfio_dma, wrong_arguments_of_unmap_have_their_errors)
{
	cr_assert_eq(call_unmap(container, IOVA, 0), -EINVAL);
	cr_assert_eq(call_unmap(container, IOVA + 1, PAGE), -EINVAL);
	cr_assert_eq(call_unmap(container, IOVA, PAGE + 1), -EINVAL);
	cr_assert_eq(call_unmap(container, UINT64_MAX - PAGE + 1, 2 * PAGE), -EOVERFLOW);
	cr_assert_eq(call_unmap(container, PAGE, UINT64_MAX), -EINVAL, "only 0 with all");
	cr_assert_eq(call_unmap(container, UINT64_MAX - PAGE + 1, PAGE), 0);
}

Test(vfio_dma, zero_and_all_ones_unmap_everything)
{
	cr_assert_eq(call_map(container, memory, 0, 0, PAGE, RW), 0);
	cr_assert_eq(call_map(container, memory, 0, (UINT64_C(1) << 39) - PAGE, PAGE, RW), 0);
	cr_assert_eq(call_unmap(container, 0, UINT64_MAX), (int64_t)(2 * PAGE));
	cr_assert_eq(call_container_info(container).mappings, 0u);
}

Test(vfio_dma, memory_is_given_back_only_after_the_flush_of_its_unmap)
{
	cr_assert_eq(call_map(container, memory, 0, IOVA, 8 * PAGE, RW), 0);
	call_close(memory);
	cr_assert_eq(world_memories(), 1u, "the mapping holds it");
	journal_clear();
	cr_assert_eq(call_unmap(container, IOVA, 8 * PAGE), (int64_t)(8 * PAGE));
	cr_assert_str_eq(journal_text(), "unmap flush free-memory ");
}

Test(vfio_dma, one_unmap_of_many_mappings_is_one_flush)
{
	for (uint64_t i = 0; i < 50; i++)
		cr_assert_eq(call_map(container, memory, i * PAGE, IOVA + i * PAGE, PAGE, RW), 0);
	world_flushes = 0;
	cr_assert_eq(call_unmap(container, IOVA, 50 * PAGE), (int64_t)(50 * PAGE));
	cr_assert_eq(world_flushes, 1u);
}

Test(vfio_dma, the_budget_limits_mappings_and_is_given_back)
{
	struct account *account = task_current()->account;

	account->limit[CHARGE_MAPPINGS] = 3;
	for (uint64_t i = 0; i < 3; i++)
		cr_assert_eq(call_map(container, memory, 0, IOVA + i * PAGE, PAGE, RW), 0);
	cr_assert_eq(call_map(container, memory, 0, IOVA + 3 * PAGE, PAGE, RW), -ENOSPC);
	cr_assert_eq(call_container_info(container).mappings_max, 3u);
	cr_assert_eq(object->dma_mappings, 3u);
	cr_assert_eq(call_unmap(container, IOVA, PAGE), (int64_t)PAGE);
	cr_assert_eq(call_map(container, memory, 0, IOVA + 3 * PAGE, PAGE, RW), 0);
	call_unmap(container, 0, UINT64_MAX);
	cr_assert_eq(account->used[CHARGE_MAPPINGS], 0u);
}

Test(vfio_dma, a_map_that_fails_at_any_run_leaves_nothing)
{
	for (unsigned int run = 1; run <= 16; run++) {
		world_failures.map = run;
		cr_assert_eq(call_map(container, memory, 0, IOVA, 64 * PAGE, RW), -ENOMEM);
		for (uint64_t page = 0; page < 64; page++)
			assert_refused(IOVA + page * PAGE, CORDON_DMA_READ);
		cr_assert_eq(object->dma_mappings, 0u);
		cr_assert_eq(object->object.references, 1u);
		cr_assert_eq(call_container_info(container).mapped_bytes, 0u);
		cr_assert_eq(task_current()->account->used[CHARGE_MAPPINGS], 0u);
	}
	cr_assert_eq(call_map(container, memory, 0, IOVA, 64 * PAGE, RW), 0);
}

Test(vfio_dma, a_map_that_finds_no_memory_for_itself_leaves_nothing)
{
	int64_t result = -1;
	unsigned int failures;

	for (uint64_t i = 0; i < 6; i++)
		world_place(0x100000 + i * PAGE, object, (i * 5 % 6) * PAGE, PAGE,
		            CORDON_PROT_READ | CORDON_PROT_WRITE);
	for (failures = 0; result; failures++) {
		fake_heap_fail(failures + 1);
		result = call_map(container, CORDON_HANDLE_NONE, 0x100000, IOVA, 6 * PAGE, RW);
		fake_heap_fail(0);
		cr_assert(result == 0 || result == -ENOMEM);
		cr_assert_eq(task_current()->account->used[CHARGE_MAPPINGS],
		             result ? 0u : object->dma_mappings);
	}
	cr_assert_gt(failures, 2u, "array of pieces and node");
}

Test(vfio_dma, an_unmap_that_is_not_confirmed_keeps_the_frames_for_ever)
{
	cr_assert_eq(call_map(container, memory, 0, IOVA, 4 * PAGE, RW), 0);
	call_close(memory);
	world_failures.flush = 1;
	cr_assert_eq(call_unmap(container, IOVA, 4 * PAGE), -EIO);
	cr_assert_eq(world_memories(), 1u);
	cr_assert_eq(mapping_quarantined_bytes(), 4 * PAGE);
	world_end_task(0);
	cr_assert_eq(world_memories(), 1u, "also after everything else is gone");
	cr_assert_eq(object_count(CORDON_OBJECT_CONTAINER), 0u);
}

Test(vfio_dma, mappings_left_in_a_container_of_a_dead_unit_go_into_quarantine_too)
{
	cr_assert_eq(call_map(container, memory, 0, IOVA, 4 * PAGE, RW), 0);
	world_failures.detach = 1;
	world_end_task(0);
	cr_assert_eq(world_memories(), 1u);
	cr_assert_eq(mapping_quarantined_bytes(), 4 * PAGE);
}

/* --- against a model ------------------------------------------------------------------------- */

#define MODEL_PAGES 48

static struct {
	uint32_t mapping; /* which mapping the page belongs to; 0: none */
	uint64_t page;    /* of the object */
} model[MODEL_PAGES];

static struct random numbers = {7};

static int64_t model_map(uint32_t first, uint32_t pages, uint64_t source, uint32_t name)
{
	for (uint32_t i = 0; i < pages; i++)
		if (model[first + i].mapping)
			return -EEXIST;
	for (uint32_t i = 0; i < pages; i++) {
		model[first + i].mapping = name;
		model[first + i].page = source + i;
	}
	return 0;
}

/* Whether a page and the one before it belong to one mapping. */
static bool model_joined(uint32_t page)
{
	return page > 0 && page < MODEL_PAGES && model[page].mapping &&
	       model[page - 1].mapping == model[page].mapping;
}

static int64_t model_unmap(uint32_t first, uint32_t pages)
{
	int64_t bytes = 0;
	uint32_t end = first + pages;

	if (model_joined(first) || model_joined(end))
		return -EINVAL;
	for (uint32_t i = first; i < end; i++) {
		bytes += model[i].mapping ? (int64_t)PAGE : 0;
		model[i].mapping = 0;
	}
	return bytes;
}

Test(vfio_dma, random_maps_and_unmaps_agree_with_a_model_page_by_page)
{
	for (uint32_t round = 1; round <= 20000; round++) {
		uint32_t first = (uint32_t)random_below(&numbers, MODEL_PAGES);
		uint32_t pages = 1 +
		                 (uint32_t)random_below(&numbers, min_u64(MODEL_PAGES - first, 8));
		uint64_t physical;

		if (random_below(&numbers, 2)) {
			uint64_t source = random_below(&numbers, 64 - pages);

			cr_assert_eq(call_map(container, memory, source * PAGE, IOVA + first * PAGE,
			                      pages * PAGE, RW),
			             model_map(first, pages, source, round));
		} else {
			cr_assert_eq(call_unmap(container, IOVA + first * PAGE, pages * PAGE),
			             model_unmap(first, pages));
		}
		for (uint32_t i = 0; i < MODEL_PAGES; i++) {
			bool there = world_translate(function, IOVA + i * PAGE, RW, &physical);

			cr_assert_eq(there, model[i].mapping != 0);
			cr_assert(!there || physical == frame(model[i].page));
		}
		journal_clear();
	}
	call_unmap(container, 0, UINT64_MAX);
	cr_assert_eq(object->object.references, 1u);
	cr_assert_eq(object->dma_mappings, 0u);
	cr_assert_eq(task_current()->account->used[CHARGE_MAPPINGS], 0u);
}

/* --- two tasks, one container ------------------------------------------------------------------
 */

static cordon_handle_t hand_over(cordon_handle_t handle, enum cordon_object_type type)
{
	struct object *found;

	cr_assert_eq(handle_get(&world_tasks[0].handles, handle, type, 0, &found, NULL), 0);
	handle = world_handle(found, CORDON_RIGHTS_ALL);
	object_unref(found);
	return handle;
}

/* The other task runs, has handles to the container and its group, and memory of its own. */
static void share(void)
{
	world_run_as(1);
	container = hand_over(container, CORDON_OBJECT_CONTAINER);
	group = hand_over(group, CORDON_OBJECT_GROUP);
	object = world_memory(RAM + (UINT64_C(1) << 28), 64 * PAGE, 4 * PAGE);
	memory = world_handle(&object->object, CORDON_RIGHTS_ALL);
	object_unref(&object->object);
}

Test(vfio_dma, S10_who_maps_in_a_shared_container_pays)
{
	struct account *creator = world_tasks[0].account, *other = world_tasks[1].account;
	cordon_handle_t creators_handle = container;
	uint64_t creators, others;

	share();
	creators = creator->used[CHARGE_KERNEL];
	others = other->used[CHARGE_KERNEL];
	for (uint64_t i = 0; i < 20; i++)
		cr_assert_eq(call_map(container, memory, 0, IOVA + i * 16 * PAGE, 16 * PAGE, RW),
		             0);
	cr_expect_eq(creator->used[CHARGE_KERNEL], creators);
	cr_expect_eq(creator->used[CHARGE_MAPPINGS], 0);
	cr_expect_eq(other->used[CHARGE_MAPPINGS], 20);
	cr_expect_gt(other->used[CHARGE_KERNEL], others);
	other->limit[CHARGE_MAPPINGS] = 20;
	cr_expect_eq(call_container_info(container).mappings_max, 20);
	cr_expect_eq(call_map(container, memory, 0, 0, PAGE, RW), -ENOSPC);
	world_run_as(0);
	cr_expect_eq(call_unmap(creators_handle, 0, UINT64_MAX), (int64_t)(320 * PAGE));
	cr_expect_eq(other->used[CHARGE_MAPPINGS], 0, "whoever unmaps it");
	cr_expect_eq(other->used[CHARGE_KERNEL], others, "nothing is kept for the next map");
}

Test(vfio_dma, S10_a_survivor_goes_on_at_its_own_expense)
{
	struct account *creator = world_tasks[0].account, *other = world_tasks[1].account;
	uint64_t left;

	cr_assert_eq(call_map(container, memory, 0, IOVA, PAGE, RW), 0);
	share();
	world_end_task(0);
	account_close(creator); /* as task_finish does */
	left = creator->used[CHARGE_MAPPINGS];
	for (uint64_t i = 1; i < 30; i++)
		cr_assert_eq(call_map(container, memory, 0, IOVA + i * PAGE, PAGE, RW), 0);
	cr_expect_eq(other->used[CHARGE_MAPPINGS], 29);
	cr_expect_eq(creator->used[CHARGE_MAPPINGS], left);
	cr_expect_eq(call_unmap(container, IOVA, 30 * PAGE), (int64_t)(30 * PAGE));
	cr_expect_eq(other->used[CHARGE_MAPPINGS], 0);
	cr_expect_eq(account_used(creator, CHARGE_MAPPINGS), 0);
}

Test(vfio_dma, everything_is_given_back_when_the_task_ends)
{
	size_t before;

	world_end_task(0);
	before = heap_in_use();
	world_run_as(1);
	container = call_container_create();
	group = call_group_open(3);
	cr_assert_eq(sys_container_add_group(container, group), 0);
	object = world_memory(RAM, 64 * PAGE, PAGE);
	memory = world_handle(&object->object, CORDON_RIGHTS_ALL);
	object_unref(&object->object);
	for (uint64_t i = 0; i < 30; i++)
		cr_assert_eq(call_map(container, memory, 0, IOVA + i * 64 * PAGE, 64 * PAGE, RW),
		             0);
	journal_clear();
	world_end_task(1);
	cr_assert_eq(world_memories(), 0u);
	cr_assert_eq(world_domains(), 0u);
	cr_assert_leq(heap_in_use(), before);
	cr_assert(journal_ordered("detach-18", "unmap"));
	cr_assert(journal_ordered("flush", "free-memory"));
	cr_assert(journal_ordered("free-memory", "terminated"));
}
