/* SPDX-License-Identifier: MIT */
#include <cordon/errno.h>
#include <criterion/criterion.h>
#include <drivers/vfio/vfio.h>
#include <kernel/heap.h>
#include <tests/unit/vfio/calls.h>

#define IOVA UINT64_C(0x40000000)
#define PAGE CORDON_PAGE_SIZE

/*
 * Group 3: one function. Group 4: two functions behind a conventional bridge, with its requester
 * id, and the bridge. Group 6: one function of another unit. Group 7: refused. Group 8: uncovered.
 * Group 10: two functions with requester ids of their own.
 */
static struct pci_function *single, *twin, *other_twin, *bridge, *foreign, *refused, *uncovered;
static struct pci_function *wide, *other_wide;

static void start(void)
{
	single = world_function(3, &world_units[0]);
	twin = world_function(4, &world_units[0]);
	other_twin = world_function(5, &world_units[0]);
	foreign = world_function(6, &world_units[1]);
	refused = world_function(7, &world_units[0]);
	uncovered = world_function(8, NULL);
	bridge = world_function(9, &world_units[0]);
	wide = world_function(10, &world_units[0]);
	other_wide = world_function(11, &world_units[0]);
	world_join(other_wide, wide);
	world_join(other_twin, twin);
	world_join(bridge, twin);
	bridge->header_type = 1;
	bridge->refused = "a bridge";
	twin->requester = rid(2, 0);
	other_twin->requester = rid(2, 0);
	refused->refused = "it bypasses the IOMMU";
	for (struct pci_function *function = single; function <= other_wide; function++)
		world_behaviour(function)->flr = true;
	world_start();
}

TestSuite(vfio_group, .init = start);

static void join(cordon_handle_t container, cordon_handle_t group)
{
	cr_assert_eq(sys_container_add_group(container, group), 0);
}

/* --- opening --------------------------------------------------------------------------------- */

Test(vfio_group, a_group_is_open_once_at_a_time)
{
	cordon_handle_t group = call_group_open(3);

	cr_assert_geq(group, 0);
	cr_assert_eq(call_group_open(3), -EBUSY);
	world_run_as(1);
	cr_assert_eq(call_group_open(3), -EBUSY);
	cr_assert_geq(call_group_open(4), 0, "another one is not affected");
	world_run_as(0);
	cr_assert_eq(call_close(group), 0);
	world_run_as(1);
	cr_assert_geq(call_group_open(3), 0);
}

Test(vfio_group, opening_needs_authority_an_iommu_and_a_number_that_exists)
{
	struct object *authority;
	cordon_handle_t weak;

	cr_assert_eq(authority_create(&authority), 0);
	weak = world_handle(authority, CORDON_RIGHT_INSPECT);
	object_unref(authority);
	cr_assert_eq(sys_group_open(weak, 3, (void *)world_user), -EACCES);
	cr_assert_eq(sys_group_open(77, 3, (void *)world_user), -EBADF);
	cr_assert_eq(sys_group_open(call_container_create(), 3, (void *)world_user), -EBADF);
	cr_assert_eq(call_group_open(5), -ENOENT);
	world_iommu_usable = false;
	cr_assert_eq(call_group_open(3), -ENODEV);
	cr_assert_eq(call_container_create(), -ENODEV);
}

Test(vfio_group, the_authority_can_be_had_more_than_once_and_goes_with_its_handles)
{
	struct object *authority;

	for (int i = 0; i < 3; i++) {
		cr_assert_eq(authority_create(&authority), 0);
		call_close(world_handle(authority, CORDON_RIGHTS_ALL));
		object_unref(authority);
	}
	cr_assert_eq(object_count(CORDON_OBJECT_AUTHORITY), 0u);
}

Test(vfio_group, a_group_stays_open_while_one_of_its_devices_is)
{
	cordon_handle_t container = call_container_create();
	cordon_handle_t group = call_group_open(3);
	cordon_handle_t device;

	join(container, group);
	device = call_device_open(group, single);
	cr_assert_geq(device, 0);
	call_close(group);
	cr_assert_eq(call_group_open(3), -EBUSY);
	cr_assert(world_attached(single));
	call_close(device);
	cr_assert_not(world_attached(single));
	cr_assert_geq(call_group_open(3), 0);
}

/* --- what blocks a group --------------------------------------------------------------------- */

Test(vfio_group, the_status_names_the_device_in_the_way_and_why)
{
	struct cordon_group_status status = call_group_status(call_group_open(7));

	cr_assert_eq(status.number, 7u);
	cr_assert_eq(status.flags, 0u);
	cr_assert_eq(status.blocker, refused->bdf);
	cr_assert_str_eq(status.reason, "0000:00:07.0: it bypasses the IOMMU");
	status = call_group_status(call_group_open(8));
	cr_assert_eq(status.blocker, uncovered->bdf);
	cr_assert_str_eq(status.reason, "0000:00:08.0: no IOMMU covers it");
}

Test(vfio_group, a_group_with_a_bridge_is_viable)
{
	struct cordon_group_status status = call_group_status(call_group_open(4));

	cr_assert_eq(status.flags, CORDON_GROUP_VIABLE);
	cr_assert_eq(status.blocker, CORDON_BDF_NONE);
	cr_assert_eq(status.device_count, 3u);
	cr_assert_str_eq(status.reason, "together");
}

Test(vfio_group, a_group_that_is_not_viable_joins_nothing)
{
	cordon_handle_t container = call_container_create();

	cr_assert_eq(sys_container_add_group(container, call_group_open(7)), -EBUSY);
	cr_assert_eq(sys_container_add_group(container, call_group_open(8)), -EBUSY);
	cr_assert_eq(world_domains(), 0u);
}

Test(vfio_group, functions_are_told_one_by_one)
{
	cordon_handle_t group = call_group_open(4);
	struct cordon_device_desc desc;

	cr_assert_eq(sys_group_function(group, 0, (void *)world_user), 0);
	memcpy(&desc, world_user, sizeof(desc));
	cr_assert_eq(desc.bdf, twin->bdf);
	cr_assert_eq(desc.vendor, 0x1234);
	cr_assert_eq(desc.flags, CORDON_DEVICE_FLR);
	cr_assert_eq(desc.group, 4u);
	cr_assert_eq(sys_group_function(group, 2, (void *)world_user), 0);
	memcpy(&desc, world_user, sizeof(desc));
	cr_assert_eq(desc.flags, CORDON_DEVICE_BRIDGE | CORDON_DEVICE_FLR);
	cr_assert_eq(sys_group_function(group, 3, (void *)world_user), -ENOENT);
	cr_assert_eq(sys_group_function(group, UINT32_MAX, (void *)world_user), -ENOENT);
}

/* --- joining a container --------------------------------------------------------------------- */

Test(vfio_group, every_requester_id_is_attached_once_and_a_bridges_own_is_not)
{
	cordon_handle_t container = call_container_create();
	cordon_handle_t group = call_group_open(4);

	journal_clear();
	join(container, group);
	cr_assert_str_eq(journal_text(), "create attach-200 ");
	cr_assert_not(world_attached(bridge));
	cr_assert(call_group_status(group).flags & CORDON_GROUP_CONTAINER);
}

Test(vfio_group, a_group_is_in_one_container_only)
{
	cordon_handle_t first = call_container_create(), second = call_container_create();
	cordon_handle_t group = call_group_open(3);

	join(first, group);
	cr_assert_eq(sys_container_add_group(second, group), -EBUSY);
	cr_assert_eq(sys_container_add_group(first, group), -EBUSY);
	cr_assert_eq(sys_container_remove_group(second, group), -EINVAL);
	cr_assert_eq(sys_container_remove_group(first, group), 0);
	cr_assert_eq(sys_container_remove_group(first, group), -EINVAL);
	join(second, group);
}

Test(vfio_group, groups_of_different_units_do_not_share_a_container)
{
	cordon_handle_t container = call_container_create();
	cordon_handle_t group = call_group_open(6);

	join(container, call_group_open(3));
	cr_assert_eq(sys_container_add_group(container, group), -EXDEV);
	cr_assert_not(world_attached(foreign));
	join(call_container_create(), group);
}

Test(vfio_group, two_groups_of_one_container_see_the_same_memory)
{
	cordon_handle_t container = call_container_create();
	struct memory *memory = world_memory(0x10000000, 4 * PAGE, 4 * PAGE);
	cordon_handle_t handle = world_handle(&memory->object, CORDON_RIGHTS_ALL);
	cordon_handle_t second = call_group_open(4);
	uint64_t physical;

	object_unref(&memory->object);
	join(container, call_group_open(3));
	cr_assert_eq(call_map(container, handle, 0, IOVA, PAGE, RW), 0);
	join(container, second);
	cr_assert(world_translate(single, IOVA, RW, &physical));
	cr_assert(world_translate(twin, IOVA, RW, &physical));
	cr_assert_eq(call_container_info(container).groups, 2u);
	cr_assert_eq(sys_container_remove_group(container, second), 0);
	cr_assert_not(world_translate(twin, IOVA, RW, &physical));
	cr_assert(world_translate(single, IOVA, RW, &physical), "mappings stay with the first");
}

Test(vfio_group, with_the_last_group_all_mappings_go)
{
	cordon_handle_t container = call_container_create();
	cordon_handle_t group = call_group_open(3);
	struct memory *memory = world_memory(0x10000000, 4 * PAGE, 4 * PAGE);
	cordon_handle_t handle = world_handle(&memory->object, CORDON_RIGHTS_ALL);

	object_unref(&memory->object);
	join(container, group);
	cr_assert_eq(call_map(container, handle, 0, IOVA, PAGE, RW), 0);
	journal_clear();
	cr_assert_eq(sys_container_remove_group(container, group), 0);
	cr_assert(journal_ordered("detach-18", "unmap"));
	cr_assert(journal_ordered("flush", "destroy"));
	cr_assert_eq(memory->dma_mappings, 0u);
	cr_assert_eq(call_container_info(container).mappings, 0u);
	cr_assert_eq(call_container_info(container).address_bits, 0u);
	cr_assert_eq(task_current()->account->used[CHARGE_MAPPINGS], 0u);
	join(container, group);
	cr_assert_eq(call_map(container, handle, 0, IOVA, PAGE, RW), 0, "it can be used again");
}

Test(vfio_group, a_mapping_outside_the_windows_that_a_group_leaves_keeps_it_out)
{
	cordon_handle_t container = call_container_create();
	cordon_handle_t group = call_group_open(4);
	struct memory *memory = world_memory(0x10000000, 4 * PAGE, 4 * PAGE);
	cordon_handle_t handle = world_handle(&memory->object, CORDON_RIGHTS_ALL);

	object_unref(&memory->object);
	join(container, call_group_open(3));
	cr_assert_eq(call_map(container, handle, 0, 0xfef00000, PAGE, RW), 0);
	world_high_start = 0xff000000;
	cr_assert_eq(sys_container_add_group(container, group), -EINVAL);
	cr_assert_not(world_attached(twin));
	cr_assert_eq(call_unmap(container, 0xfef00000, PAGE), (int64_t)PAGE);
	join(container, group);
	cr_assert_eq(call_map(container, handle, 0, 0xfef00000, PAGE, RW), -EINVAL);
}

Test(vfio_group, joining_that_fails_anywhere_leaves_nothing_attached)
{
	cordon_handle_t container = call_container_create();
	cordon_handle_t group = call_group_open(10);

	world_failures.create = 1;
	cr_assert_eq(sys_container_add_group(container, group), -ENOMEM);
	for (unsigned int step = 1; step <= 2; step++) {
		world_failures.attach = step;
		cr_assert_eq(sys_container_add_group(container, group), -ENOMEM);
		cr_assert_not(world_attached(wide));
		cr_assert_not(world_attached(other_wide));
		cr_assert_eq(world_domains(), 0u);
		cr_assert_not(call_group_status(group).flags & CORDON_GROUP_CONTAINER);
	}
	journal_clear();
	join(container, group);
	cr_assert_str_eq(journal_text(), "create attach-50 attach-58 ");
}

Test(vfio_group, nothing_joins_a_container_whose_unit_is_dead)
{
	cordon_handle_t container = call_container_create();
	cordon_handle_t group = call_group_open(3);

	join(container, group);
	world_failures.detach = 1;
	cr_assert_eq(sys_container_remove_group(container, group), 0);
	cr_assert_eq(sys_container_add_group(container, group), -ENODEV);
}

/* --- who may use it -------------------------------------------------------------------------- */

static struct object *object_of(cordon_handle_t handle)
{
	struct object *object;

	cr_assert_eq(
	        handle_get(&task_current()->handles, handle, CORDON_OBJECT_NONE, 0, &object, NULL),
	        0);
	object_unref(object);
	return object;
}

Test(vfio_group, a_container_is_bound_to_the_first_task_that_uses_it)
{
	cordon_handle_t container = call_container_create();
	cordon_handle_t group = call_group_open(4);
	struct object *group_object = object_of(group), *container_object = object_of(container);
	cordon_handle_t device;

	join(container, group);
	cr_assert_not(call_group_status(group).flags & CORDON_GROUP_LOCKED);
	device = call_device_open(group, twin);
	cr_assert_geq(device, 0);
	cr_assert(call_group_status(group).flags & CORDON_GROUP_LOCKED);

	world_run_as(1);
	group = world_handle(group_object, CORDON_RIGHTS_ALL);
	cr_assert_eq(call_device_open(group, other_twin), -EPERM);
	world_handle(container_object, CORDON_RIGHT_READ);
	cr_assert_geq(call_device_open(group, other_twin), 0, "it holds the container as well");
}

Test(vfio_group, a_task_that_only_got_the_group_may_use_a_container_that_nobody_uses)
{
	cordon_handle_t container = call_container_create();
	cordon_handle_t group = call_group_open(3);
	struct object *group_object = object_of(group);

	join(container, group);
	world_run_as(1);
	cr_assert_geq(call_device_open(world_handle(group_object, CORDON_RIGHTS_ALL), single), 0);
}

Test(vfio_group, a_container_that_no_task_can_use_lets_its_groups_go)
{
	cordon_handle_t container = call_container_create();
	cordon_handle_t group = call_group_open(3);
	struct object *group_object = object_of(group);
	cordon_handle_t device, parents_group;

	/* As a parent that keeps its handle of the group while it starts one task after another. */
	world_run_as(1);
	parents_group = world_handle(group_object, CORDON_RIGHTS_ALL);
	world_run_as(0);
	join(container, call_group_open(4));
	cr_assert_eq(sys_container_add_group(container, group), 0);
	device = call_device_open(group, single);
	call_close(container);
	cr_assert(world_attached(single), "a device is open");
	call_close(device);
	cr_assert_not(world_attached(single));
	cr_assert_not(world_attached(twin));
	cr_assert_eq(world_domains(), 0u);
	cr_assert_eq(object_count(CORDON_OBJECT_CONTAINER), 0u);
	world_run_as(1);
	cr_assert_eq(call_group_status(parents_group).flags, CORDON_GROUP_VIABLE,
	             "and it can join again");
}

Test(vfio_group, a_survivor_that_holds_the_container_keeps_its_mappings)
{
	cordon_handle_t container = call_container_create();
	cordon_handle_t group = call_group_open(3);
	struct object *container_object = object_of(container), *group_object = object_of(group);
	struct memory *memory = world_memory(0x10000000, PAGE, PAGE);
	cordon_handle_t handle = world_handle(&memory->object, CORDON_RIGHTS_ALL);
	cordon_handle_t survivors_group;
	uint64_t physical;

	object_unref(&memory->object);
	join(container, group);
	cr_assert_eq(call_map(container, handle, 0, IOVA, PAGE, RW), 0);
	world_run_as(1);
	container = world_handle(container_object, CORDON_RIGHTS_ALL);
	survivors_group = world_handle(group_object, CORDON_RIGHTS_ALL);
	cr_assert_geq(call_device_open(survivors_group, single), 0);
	world_end_task(0);
	cr_assert(world_translate(single, IOVA, RW, &physical));
	cr_assert_eq(call_unmap(container, IOVA, PAGE), (int64_t)PAGE);
	cr_assert_eq(world_memories(), 0u);
}

/* --- budgets and reports --------------------------------------------------------------------- */

Test(vfio_group, sessions_and_containers_are_charged_and_given_back)
{
	struct account *account = task_current()->account;
	uint64_t before = account->used[CHARGE_OBJECTS];

	account->limit[CHARGE_OBJECTS] = before + 2;
	cr_assert_geq(call_container_create(), 0);
	cr_assert_geq(call_group_open(3), 0);
	cr_assert_eq(call_container_create(), -ENOMEM);
	cr_assert_eq(call_group_open(4), -ENOMEM);
	world_end_task(0);
	cr_assert_eq(account->used[CHARGE_OBJECTS], before);
}

Test(vfio_group, the_holder_of_the_authority_sees_groups_devices_and_mappings)
{
	cordon_handle_t container = call_container_create();
	cordon_handle_t group = call_group_open(4);
	struct memory *memory = world_memory(0x10000000, 4 * PAGE, PAGE);
	struct cordon_group_desc desc;
	struct cordon_device_desc device;
	struct cordon_mapping_desc mapping, beyond;
	struct cordon_container_desc told;
	struct cordon_iommu_desc iommu;
	size_t size = sizeof(desc);

	world_place(0x100000, memory, 0, 2 * PAGE, CORDON_PROT_READ);
	world_place(0x102000, memory, 0, PAGE, CORDON_PROT_READ);
	join(container, group);
	cr_assert_eq(
	        call_map(container, CORDON_HANDLE_NONE, 0x100000, IOVA, 3 * PAGE, CORDON_DMA_READ),
	        0);

	cr_assert_eq(vfio_info(CORDON_SYSTEM_GROUPS, 1, &desc, &size), 0);
	cr_assert_eq(size, sizeof(desc));
	cr_assert_eq(desc.status.number, 4u);
	cr_assert_eq(desc.holder, 100u);
	cr_assert_str_eq(desc.holder_name, "task0");
	cr_assert_eq(vfio_info(CORDON_SYSTEM_GROUPS, 6, &desc, &size), -ENOENT);

	size = sizeof(device);
	cr_assert_eq(vfio_info(CORDON_SYSTEM_DEVICES, 2, &device, &size), 0);
	cr_assert_eq(device.bdf, other_twin->bdf);
	cr_assert_eq(vfio_info(CORDON_SYSTEM_DEVICES, 9, &device, &size), -ENOENT);

	size = sizeof(mapping);
	cr_assert_eq(vfio_info(CORDON_SYSTEM_MAPPINGS, 0, &mapping, &size), 0);
	cr_assert_eq(mapping.iova, IOVA);
	cr_assert_eq(mapping.size, 2 * PAGE);
	cr_assert_eq(mapping.memory, memory->object.id);
	cr_assert_eq(vfio_info(CORDON_SYSTEM_MAPPINGS, 1, &mapping, &size), 0);
	cr_assert_eq(mapping.iova, IOVA + 2 * PAGE);
	cr_assert_eq(mapping.offset, 0u);
	cr_assert_eq(mapping.holder, 100u);
	cr_assert_eq(mapping.flags, CORDON_DMA_READ);
	cr_assert_eq(vfio_info(CORDON_SYSTEM_MAPPINGS, 2, &beyond, &size), -ENOENT);

	size = sizeof(told);
	cr_assert_eq(vfio_info(CORDON_SYSTEM_CONTAINERS, 0, &told, &size), 0);
	cr_assert_eq(told.container, mapping.container);
	cr_assert_eq(told.holder, 100u);
	cr_assert_str_eq(told.holder_name, "task0");
	cr_assert_eq(told.groups, 1u);
	cr_assert_eq(told.devices, 0u);
	cr_assert_eq(told.mapped_bytes, 3 * PAGE);
	cr_assert_eq(vfio_info(CORDON_SYSTEM_CONTAINERS, 1, &told, &size), -ENOENT);

	size = sizeof(iommu);
	cr_assert_eq(vfio_info(CORDON_SYSTEM_IOMMU, 0, &iommu, &size), 0);
	cr_assert_eq(vfio_info(CORDON_SYSTEM_IOMMU, 1, &iommu, &size), -ENOENT);
	size = sizeof(iommu) - 1;
	cr_assert_eq(vfio_info(CORDON_SYSTEM_IOMMU, 0, &iommu, &size), -EMSGSIZE);
	cr_assert_eq(vfio_info(CORDON_SYSTEM_TASKS, 0, &iommu, &size), -EINVAL);
	object_unref(&memory->object);
}

Test(vfio_group, joining_finds_no_memory_at_any_step_without_a_trace)
{
	size_t before;
	int64_t result = -1;

	world_end_task(0);
	world_run_as(1);
	call_close(call_container_create()); /* the handle table has its room now */
	before = heap_in_use();
	for (uint64_t failing = 1; result < 0; failing++) {
		cordon_handle_t container, group = -1;

		fake_heap_fail(failing);
		container = call_container_create();
		if (container >= 0)
			group = call_group_open(3);
		result = group < 0 ? group : sys_container_add_group(container, group);
		fake_heap_fail(0);
		if (group >= 0)
			call_close(group);
		if (container >= 0)
			call_close(container);
		cr_assert_eq(heap_in_use(), before);
		cr_assert_lt(failing, 20u);
	}
}
