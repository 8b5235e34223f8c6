/* SPDX-License-Identifier: MIT */
/* A device given back: reset, the order of taking it back (S8), quarantine. */
#include <cordon/errno.h>
#include <criterion/criterion.h>
#include <kernel/heap.h>
#include <tests/unit/vfio/device_bed.h>

TestSuite(vfio_device, .init = device_start);

/* --- reset ----------------------------------------------------------------------------------- */

Test(vfio_device, a_reset_gives_the_device_back_as_it_was_but_for_bus_mastering)
{
	cordon_handle_t device = call_device_open(group, express);

	call_config_write(device, PCI_COMMAND, 0x0046, 2);
	cr_assert_eq(map_bar(device, 0, PAGE), 0);
	journal_clear();
	config_put(express, EXPRESS + 8, 0x2b10);
	cr_assert_eq(sys_device_reset(device), 0);
	cr_assert_str_eq(journal_text(), "revoke master-off quiesce-18 reset-18 restore ");
	cr_assert_eq(command_of(express), PCI_COMMAND_INTX_OFF | 0x0042);
	cr_assert_eq(call_config_read(device, PCI_COMMAND, 2), 0x0042u);
	cr_assert_eq(pci_read16(express, EXPRESS + 8), 0x2010, "what a reset switched on is off");
}

Test(vfio_device, the_flr_bit_resets_too)
{
	cordon_handle_t device = call_device_open(group, express);

	journal_clear();
	cr_assert_eq(call_config_write(device, EXPRESS + 8, 0x8000, 2), 2);
	cr_assert(journal_has("reset-18"));
}

Test(vfio_device, a_reset_that_is_not_there_or_not_confirmed_says_so)
{
	cordon_handle_t device = call_device_open(plain_group, plain);

	cr_assert_eq(sys_device_reset(device), -ENOTTY);
	device = call_device_open(group, express);
	call_config_write(device, PCI_COMMAND, 6, 2);
	world_behaviour(express)->reset_fails = true;
	cr_assert_eq(sys_device_reset(device), -EIO);
	cr_assert_eq(call_config_read(device, PCI_COMMAND, 2), 0u);
	cr_assert_eq(command_of(express) & 7, 0);
	world_behaviour(express)->reset_fails = false;
	cr_assert_eq(sys_device_reset(device), 0, "once more may help");
}

/* --- S8: taking it back ---------------------------------------------------------------------- */

Test(vfio_device, s8_a_device_is_taken_back_in_order)
{
	cordon_handle_t device = call_device_open(group, express);

	call_config_write(device, PCI_COMMAND, 6, 2);
	cr_assert_eq(map_bar(device, 0, PAGE), 0);
	journal_clear();
	call_close(device);
	cr_assert_str_eq(journal_text(), "revoke master-off quiesce-18 detach-18 poll reset-18 ");
	cr_assert_eq(command_of(express), PCI_COMMAND_INTX_OFF);
	cr_assert_eq(world_bar_mappings(), 0u, "also after the next one opens it");
	cr_assert_geq(call_device_open(group, express), 0);
	cr_assert_eq(world_bar_mappings(), 0u);
	cr_assert(world_attached(express));
}

Test(vfio_device, s8_a_task_that_ends_with_everything_open_gives_frames_back_last)
{
	struct memory *memory = world_memory(0x10000000, 8 * PAGE, 2 * PAGE);
	cordon_handle_t handle = world_handle(&memory->object, CORDON_RIGHTS_ALL);
	cordon_handle_t device = call_device_open(group, express);

	object_unref(&memory->object);
	cr_assert_eq(call_map(container, handle, 0, IOVA, 8 * PAGE, RW), 0);
	call_config_write(device, PCI_COMMAND, 6, 2);
	cr_assert_eq(map_bar(device, 0, PAGE), 0);
	journal_clear();
	world_end_task(0);
	static const char *const order[] = {"revoke",   "master-off", "quiesce-18", "detach-18",
	                                    "reset-18", "unmap",      "flush",      "free-memory",
	                                    "free-bar", "terminated"};
	for (size_t i = 1; i < ARRAY_SIZE(order); i++)
		cr_assert(journal_ordered(order[i - 1], order[i]), "%s before %s in: %s",
		          order[i - 1], order[i], journal_text());
	cr_assert(journal_ordered("flush", "destroy"));
	cr_assert_eq(world_memories(), 0u);
	cr_assert_eq(world_domains(), 0u);
	for (unsigned int type = CORDON_OBJECT_CONTAINER; type <= CORDON_OBJECT_DEVICE; type++)
		cr_assert_eq(object_count((enum cordon_object_type)type), 0u);
	cr_assert_eq(world_tasks[0].account->used[CHARGE_OBJECTS], 0u);
	cr_assert_eq(world_tasks[0].account->used[CHARGE_MAPPINGS], 0u);
}

/* The order in which handles go must not matter: all orders of four. */
Test(vfio_device, s8_holds_in_every_order_of_closing)
{
	for (unsigned int order = 0; order < 24; order++) {
		struct memory *memory = world_memory(0x10000000, 8 * PAGE, 2 * PAGE);
		cordon_handle_t handles[4];
		unsigned int rest = order;

		call_close(group);
		handles[0] = call_container_create();
		group = handles[1] = call_group_open(3);
		cr_assert_eq(sys_container_add_group(handles[0], handles[1]), 0);
		handles[2] = call_device_open(handles[1], express);
		cr_assert_geq(handles[2], 0);
		handles[3] = world_handle(&memory->object, CORDON_RIGHTS_ALL);
		object_unref(&memory->object);
		cr_assert_eq(call_map(handles[0], handles[3], 0, IOVA, 8 * PAGE, RW), 0);
		call_config_write(handles[2], PCI_COMMAND, 6, 2);
		journal_clear();
		for (unsigned int left = 4; left > 0; left--) {
			unsigned int pick = rest % left;

			rest /= left;
			call_close(handles[pick]);
			handles[pick] = handles[left - 1];
		}
		cr_assert(journal_ordered("master-off", "detach-18"), "%s", journal_text());
		cr_assert(journal_ordered("detach-18", "reset-18"), "%s", journal_text());
		cr_assert(journal_ordered("detach-18", "unmap"), "%s", journal_text());
		cr_assert(journal_ordered("flush", "free-memory"), "%s", journal_text());
		cr_assert_eq(world_memories(), 0u);
	}
}

Test(vfio_device, a_second_handle_keeps_the_device)
{
	cordon_handle_t device = call_device_open(group, express);
	struct object *object;
	cordon_handle_t copy;

	cr_assert_eq(handle_get(&task_current()->handles, device, CORDON_OBJECT_DEVICE, 0, &object,
	                        NULL),
	             0);
	copy = world_handle(object, CORDON_RIGHTS_ALL);
	object_unref(object);
	call_config_write(device, PCI_COMMAND, 6, 2);
	call_close(device);
	cr_assert_eq(command_of(express) & 7, 6);
	call_close(copy);
	cr_assert_eq(command_of(express) & 7, 0);
}

Test(vfio_device, a_requester_id_stays_while_another_device_with_it_is_open)
{
	cordon_handle_t first, second;

	cr_assert_eq(call_trust(twin_group, twin->bdf), 0);
	cr_assert_eq(call_trust(twin_group, other_twin->bdf), 0);
	first = call_device_open(twin_group, twin);
	second = call_device_open(twin_group, other_twin);
	call_close(first);
	cr_assert(world_attached(other_twin));
	call_close(second);
	cr_assert_not(world_attached(other_twin));
	cr_assert_geq(call_device_open(twin_group, twin), 0);
	cr_assert(world_attached(twin));
}

/* --- quarantine ------------------------------------------------------------------------------ */

Test(vfio_device, a_device_that_no_reset_reaches_is_used_once)
{
	cordon_handle_t device = call_device_open(plain_group, plain);
	struct cordon_device_desc desc;

	cr_assert_geq(device, 0);
	call_close(device);
	cr_assert_eq(call_device_open(plain_group, plain), -EBUSY);
	cr_assert_eq(sys_group_function(plain_group, 0, (void *)world_user), 0);
	memcpy(&desc, world_user, sizeof(desc));
	cr_assert_eq(desc.flags, CORDON_DEVICE_QUARANTINE);
	cr_assert_str_eq(call_group_status(plain_group).reason,
	                 "0000:00:04.0 is in quarantine: it was used, and no reset reaches it");
	cr_assert(call_group_status(plain_group).flags & CORDON_GROUP_VIABLE);
	cr_assert_not(world_attached(plain));

	/* Nor after everything was closed. */
	world_end_task(0);
	world_run_as(1);
	container = call_container_create();
	plain_group = call_group_open(4);
	cr_assert_eq(sys_container_add_group(container, plain_group), 0);
	cr_assert_not(world_attached(plain), "its requester stays blocked");
	cr_assert_eq(call_device_open(plain_group, plain), -EBUSY);
}

Test(vfio_device, unless_the_manifest_trusts_it)
{
	cordon_handle_t device;

	cr_assert_eq(call_trust(plain_group, plain->bdf), 0);
	cr_assert_eq(call_trust(plain_group, express->bdf), -ENODEV);
	for (int i = 0; i < 3; i++) {
		device = call_device_open(plain_group, plain);
		cr_assert_geq(device, 0);
		cr_assert_eq(call_device_info(device).flags,
		             CORDON_DEVICE_FLAG_PCI | CORDON_DEVICE_FLAG_RESET_TRUSTED);
		call_close(device);
	}
}

Test(vfio_device, trust_does_not_help_a_reset_that_fails)
{
	cordon_handle_t device = call_device_open(group, express);

	cr_assert_eq(call_trust(group, express->bdf), 0);
	world_behaviour(express)->reset_fails = true;
	call_close(device);
	cr_assert_eq(call_device_open(group, express), -EBUSY);
	cr_assert_not(call_group_status(group).flags & CORDON_GROUP_VIABLE);
	cr_assert_eq(call_group_status(group).blocker, express->bdf);
	cr_assert_eq(sys_container_remove_group(container, group), 0);
	cr_assert_eq(sys_container_add_group(container, group), -EBUSY);
}

Test(vfio_device, a_device_whose_transactions_do_not_end_stays_blocked)
{
	cordon_handle_t device = call_device_open(group, express);

	world_behaviour(express)->stays_pending = true;
	journal_clear();
	call_close(device);
	cr_assert(journal_ordered("detach-18", "reset-18"));
	cr_assert_not(world_attached(express));
	cr_assert_eq(call_device_open(group, express), -EBUSY);
}

Test(vfio_device, a_device_that_does_not_come_quiet_is_not_opened)
{
	world_behaviour(express)->stays_pending = true;
	cr_assert_eq(call_device_open(group, express), -EIO);
	world_behaviour(express)->stays_pending = false;
	cr_assert_eq(call_device_open(group, express), -EBUSY);
	cr_assert_eq(object_count(CORDON_OBJECT_DEVICE), 0u);
}

Test(vfio_device, a_twin_of_a_quarantined_device_shares_its_blocked_id)
{
	cordon_handle_t device = call_device_open(twin_group, twin);

	call_close(device);
	cr_assert_eq(call_device_open(twin_group, other_twin), -EBUSY);
	cr_assert_not(world_attached(other_twin));
}

Test(vfio_device, attaching_again_may_fail_and_is_told)
{
	cordon_handle_t device = call_device_open(group, express);

	call_close(device);
	world_failures.attach = 1;
	cr_assert_eq(call_device_open(group, express), -ENOMEM);
	cr_assert_eq(object_count(CORDON_OBJECT_DEVICE), 0u);
	cr_assert_geq(call_device_open(group, express), 0);
}
