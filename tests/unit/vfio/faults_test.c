/* SPDX-License-Identifier: MIT */
#include <cordon/errno.h>
#include <criterion/criterion.h>
#include <drivers/vfio/faults.h>
#include <tests/unit/vfio/calls.h>

static struct pci_function *function, *twin, *other_twin;
static cordon_handle_t container, group;

static void start(void)
{
	function = world_function(3, &world_units[0]);
	twin = world_function(4, &world_units[0]);
	other_twin = world_function(5, &world_units[0]);
	world_join(other_twin, twin);
	twin->requester = other_twin->requester = rid(2, 0);
	world_behaviour(function)->flr = true;
	world_start();
	container = call_container_create();
	group = call_group_open(3);
	cr_assert_eq(sys_container_add_group(container, group), 0);
}

TestSuite(vfio_faults, .init = start);

static struct cordon_fault got[100];
static uint64_t lost;

/* Reads up to count faults; at most 100. */
static int64_t take(uint32_t count)
{
	int64_t result = sys_container_faults(container, (void *)(world_user + 8), count,
	                                      (void *)world_user);

	memcpy(&lost, world_user, sizeof(lost));
	if (result > 0)
		memcpy(got, world_user + 8, (size_t)result * sizeof(got[0]));
	return result;
}

static struct object *container_object(void)
{
	struct object *object;

	cr_assert_eq(handle_get(&task_current()->handles, container, CORDON_OBJECT_CONTAINER, 0,
	                        &object, NULL),
	             0);
	object_unref(object);
	return object;
}

Test(vfio_faults, a_fault_is_attributed_to_container_group_device_and_task)
{
	cr_assert_geq(call_device_open(group, function), 0);
	world_fault(function, 0x1000, 0);
	cr_assert_eq(take(10), 1);
	cr_assert_eq(lost, 0u);
	cr_assert_eq(got[0].sequence, 0u);
	cr_assert_eq(got[0].address, 0x1000u);
	cr_assert_eq(got[0].device, function->bdf);
	cr_assert_eq(got[0].group, 3u);
	cr_assert_eq(got[0].task, 100u);
	cr_assert_str_eq(got[0].task_name, "task0");
	cr_assert_eq(got[0].reason, CORDON_FAULT_NOT_PRESENT);
	cr_assert_eq(got[0].hardware_code, 6);
	cr_assert_eq(got[0].write, 1u);
	cr_assert_eq(got[0].time_ns, 12345u);
	cr_assert_eq(take(10), 0);
}

Test(vfio_faults, readable_is_raised_while_there_is_a_fault)
{
	struct object *object = container_object();

	cr_assert_eq(object->signals, 0u);
	world_fault(function, 0x1000, 0);
	world_fault(function, 0x2000, 0);
	cr_assert_eq(object->signals, CORDON_SIGNAL_READABLE);
	cr_assert_eq(take(1), 1);
	cr_assert_eq(object->signals, CORDON_SIGNAL_READABLE);
	cr_assert_eq(take(1), 1);
	cr_assert_eq(got[0].address, 0x2000u);
	cr_assert_eq(object->signals, 0u);
}

Test(vfio_faults, the_ring_keeps_the_last_and_counts_what_it_lost)
{
	for (uint64_t i = 0; i < VFIO_FAULTS_CONTAINER + 10; i++)
		world_fault(function, i * 0x1000, 0);
	cr_assert_eq(take(100), VFIO_FAULTS_CONTAINER);
	cr_assert_eq(lost, 10u);
	for (uint64_t i = 0; i < VFIO_FAULTS_CONTAINER; i++) {
		cr_assert_eq(got[i].sequence, i + 10);
		cr_assert_eq(got[i].address, (i + 10) * 0x1000);
	}
	cr_assert_eq(take(100), 0);
	cr_assert_eq(lost, 0u, "told once");
}

Test(vfio_faults, what_the_hardware_lost_may_have_been_anybodys)
{
	cordon_handle_t first = container;

	container = call_container_create();
	cr_assert_eq(sys_container_add_group(container, call_group_open(4)), 0);
	world_fault(function, 0x1000, 7);
	cr_assert_eq(take(10), 0);
	cr_assert_eq(lost, 7u);
	container = first;
	cr_assert_eq(take(10), 1);
	cr_assert_eq(lost, 7u);
	cr_assert_eq(got[0].sequence, 7u, "the gap shows it");
	cr_assert_eq(faults_lost(), 7u);
}

Test(vfio_faults, a_fault_of_a_shared_id_names_the_id)
{
	container = call_container_create();
	cr_assert_eq(sys_container_add_group(container, call_group_open(4)), 0);
	world_fault(twin, 0x1000, 0);
	cr_assert_eq(take(10), 1);
	cr_assert_eq(got[0].device, 0x0200u);
	cr_assert_eq(got[0].group, 4u);
}

Test(vfio_faults, a_fault_after_the_device_was_closed_is_still_its_tasks)
{
	cordon_handle_t device;
	struct object *container_was = container_object();

	world_run_as(1);
	container = world_handle(container_was, CORDON_RIGHTS_ALL);
	world_run_as(0);
	device = call_device_open(group, function);
	call_close(device);
	world_fault(function, 0x1000, 0);
	world_run_as(1);
	cr_assert_eq(take(10), 1);
	cr_assert_eq(got[0].task, 100u);
}

Test(vfio_faults, the_task_that_opened_the_device_last_answers_for_it)
{
	struct object *container_was = container_object(), *group_was;

	cr_assert_eq(handle_get(&task_current()->handles, group, CORDON_OBJECT_GROUP, 0, &group_was,
	                        NULL),
	             0);
	object_unref(group_was);
	world_run_as(1);
	container = world_handle(container_was, CORDON_RIGHTS_ALL);
	group = world_handle(group_was, CORDON_RIGHTS_ALL);
	cr_assert_geq(call_device_open(group, function), 0);
	world_fault(function, 0x1000, 0);
	cr_assert_eq(take(10), 1);
	cr_assert_eq(got[0].task, 101u);
	cr_assert_str_eq(got[0].task_name, "task1");
}

Test(vfio_faults, a_requester_that_nobody_holds_has_no_task)
{
	struct cordon_fault fault;

	world_fault(twin, 0x5000, 0);
	cr_assert(faults_system(0, &fault));
	cr_assert_eq(fault.task, 0u);
	cr_assert_eq(fault.group, 4u);
	cr_assert_eq(take(10), 0);
	world_end_task(0);
	world_fault(function, 0x6000, 0);
	cr_assert(faults_system(1, &fault));
	cr_assert_eq(fault.task, 0u);
	cr_assert_eq(fault.device, function->bdf);
}

Test(vfio_faults, the_system_keeps_its_last_256_oldest_first)
{
	struct cordon_fault fault;

	for (uint64_t i = 0; i < VFIO_FAULTS_SYSTEM + 44; i++)
		world_fault(function, i * 0x1000, 0);
	for (uint32_t i = 0; i < VFIO_FAULTS_SYSTEM; i++) {
		cr_assert(faults_system(i, &fault));
		cr_assert_eq(fault.sequence, i + 44u);
		cr_assert_eq(fault.address, (i + 44) * UINT64_C(0x1000));
	}
	cr_assert_not(faults_system(VFIO_FAULTS_SYSTEM, &fault));
	cr_assert_eq(faults_count(), VFIO_FAULTS_SYSTEM + 44u);
}

static unsigned int lines(void)
{
	unsigned int count = 0;

	for (const char *text = fake_log_text(); *text; text++)
		count += *text == '\n';
	return count;
}

Test(vfio_faults, the_log_names_the_task_and_is_limited)
{
	fake_clock_set(1000000000);
	fake_log_clear();
	world_fault(function, 0x1000, 0);
	cr_assert(strstr(fake_log_text(), "0000:00:03.0 of task 100 (task0): write at 0x1000"));
	for (int i = 0; i < 1000; i++)
		world_fault(function, 0x1000, 0);
	cr_assert_eq(lines(), (unsigned int)VFIO_FAULT_LINES);
	fake_clock_advance(1000000000);
	world_fault(function, 0x1000, 0);
	cr_assert(strstr(fake_log_text(), "993 more refused accesses were not printed"));
}

Test(vfio_faults, asking_polls_the_units)
{
	journal_clear();
	take(1);
	cr_assert(journal_has("poll"));
}

Test(vfio_faults, a_bad_address_loses_no_fault)
{
	world_fault(function, 0x1000, 0);
	cr_assert_eq(sys_container_faults(container, (void *)0x1000, 1, NULL), -EFAULT);
	cr_assert_eq(sys_container_faults(container, (void *)world_user, 0, NULL), 0);
	cr_assert_eq(take(1), 1);
}
