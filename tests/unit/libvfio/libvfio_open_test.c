/* SPDX-License-Identifier: MIT */
/* Opening a device: every step fails once, and nothing is left of the steps before it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include <vfio/device.h>

#include "fake_kernel.h"

static struct vfio_device device;

static struct vfio_open_params edu_params(void)
{
	struct vfio_open_params params = {
	        .match = vfio_match_id(0x1234, 0x11e8),
	        .dma_size = 8192,
	};

	return params;
}

static void check_failure(int result, int step, int error)
{
	cr_assert_eq(result, error, "step %d: %d instead of %d: %s", step, result, error,
	             device.error.text);
	cr_assert_eq(device.error.step, step, "step %d instead of %d: %s", device.error.step, step,
	             device.error.text);
	cr_assert_eq(device.error.error, error);
	cr_assert(fake_is_clean(), "step %d: something is left", step);
	cr_assert(!fake_is_master(), "step %d: the device may still master the bus", step);
	cr_assert_eq(device.done, 0);
}

TestSuite(libvfio_open, .init = fake_reset, .fini = fake_reset);

Test(libvfio_open, opens_the_device_that_matches)
{
	struct vfio_open_params params = edu_params();

	cr_assert_eq(vfio_device_open(&params, &device), 0, "%s", device.error.text);
	cr_assert_eq(device.bdf, FAKE_EDU);
	cr_assert_eq(device.group_number, 5);
	cr_assert_eq(device.group, FAKE_GROUP_B);
	cr_assert_eq(device.irqs[CORDON_IRQ_MSIX].count, 65);
	cr_assert_eq(device.bars[0].area_count, 2);
	cr_assert_eq(device.bars[2].area_count, 0);
	cr_assert(fake_is_master());
	cr_assert_eq(fake.map_count, 1);
	cr_assert_eq(fake.maps[0].iova, (uint64_t)(uintptr_t)device.pool->address);
	cr_assert_eq(vfio_device_close(&device), 0);
	cr_assert(fake_is_clean());
	cr_assert(!fake_is_master());
}

Test(libvfio_open, never_takes_a_bridge)
{
	struct vfio_open_params params = {.group = FAKE_GROUP_A};

	cr_assert_eq(vfio_device_open(&params, &device), 0);
	cr_assert_eq(device.bdf, FAKE_NVME);
	vfio_device_close(&device);
}

Test(libvfio_open, undoes_in_reverse_order)
{
	struct vfio_open_params params = edu_params();
	cordon_handle_t container_handle, group_handle, device_handle, memory_handle;
	int master_off, bars, closed, dma, memory, group, container;
	int64_t bar, pool; /* addresses, to tell the unmappings apart */

	params.authority = FAKE_AUTHORITY;
	cr_assert_eq(vfio_device_open(&params, &device), 0);
	bar = (int64_t)(uintptr_t)device.bars[0].areas[0].address;
	pool = (int64_t)(uintptr_t)device.pool->address;
	container_handle = device.container;
	group_handle = device.group;
	device_handle = device.device;
	memory_handle = device.pool->memory;

	cr_assert_eq(vfio_device_close(&device), 0);
	master_off = fake_last_call("cordon_device_region_write", VFIO_PCI_COMMAND);
	bars = fake_last_call("cordon_memory_unmap", bar);
	closed = fake_last_call("cordon_handle_close", device_handle);
	dma = fake_last_call("cordon_container_unmap", -1);
	cr_assert_gt(fake_last_call("cordon_memory_unmap", pool), dma);
	memory = fake_last_call("cordon_handle_close", memory_handle);
	group = fake_last_call("cordon_handle_close", group_handle);
	container = fake_last_call("cordon_handle_close", container_handle);
	cr_assert_gt(bars, master_off);
	cr_assert_gt(closed, bars);
	cr_assert_gt(dma, closed);
	cr_assert_gt(memory, dma);
	cr_assert_gt(fake_last_call("cordon_container_remove_group", -1), memory);
	cr_assert_gt(group, fake_last_call("cordon_container_remove_group", -1));
	cr_assert_gt(container, group);
	cr_assert(fake_is_clean());
}

Test(libvfio_open, each_step_fails_with_its_own_error)
{
	static const struct {
		int step;
		const char *call;
		int error;
	} cases[] = {
	        {VFIO_STEP_CONTAINER, "cordon_container_create", -ENODEV},
	        {VFIO_STEP_FIND_GROUP, "cordon_group_function", -EACCES},
	        {VFIO_STEP_OPEN_GROUP, "cordon_handle_info", -EBADF},
	        {VFIO_STEP_VIABLE, "cordon_group_status", -EACCES},
	        {VFIO_STEP_ADD_GROUP, "cordon_container_add_group", -EBUSY},
	        {VFIO_STEP_MAP_MEMORY, "cordon_memory_create", -EMFILE},
	        {VFIO_STEP_MAP_MEMORY, "cordon_memory_map", -ENOMEM},
	        {VFIO_STEP_MAP_MEMORY, "cordon_container_info", -EACCES},
	        {VFIO_STEP_MAP_MEMORY, "cordon_container_map", -ENOSPC},
	        {VFIO_STEP_GET_DEVICE, "cordon_group_device", -EBUSY},
	        {VFIO_STEP_GET_DEVICE, "cordon_device_info", -EIO},
	        {VFIO_STEP_MAP_BARS, "cordon_device_region_info", -EINVAL},
	        {VFIO_STEP_MAP_BARS, "cordon_device_region_map", -EACCES},
	        {VFIO_STEP_INTERRUPTS, "cordon_device_irq_info", -EINVAL},
	        {VFIO_STEP_BUS_MASTER, "cordon_device_region_write", -EACCES},
	};
	struct vfio_open_params params = edu_params();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake_reset();
		/* So that the first write is the one of bus mastering. */
		fake.config[VFIO_PCI_COMMAND] |= VFIO_PCI_COMMAND_IO;
		fake.fail_name = cases[i].call;
		fake.fail_result = cases[i].error;
		check_failure(vfio_device_open(&params, &device), cases[i].step, cases[i].error);
		cr_assert_eq(device.error.unavailable, 0, "%s", cases[i].call);
	}
}

Test(libvfio_open, opening_the_group_by_number_fails_with_its_own_error)
{
	struct vfio_open_params params = edu_params();

	params.authority = FAKE_AUTHORITY;
	fake.fail_name = "cordon_group_open";
	fake.fail_result = -EBUSY;
	check_failure(vfio_device_open(&params, &device), VFIO_STEP_OPEN_GROUP, -EBUSY);
	cr_assert_not_null(strstr(device.error.text, "step 3 (open the group): group 5"));
}

/* Whatever call of whatever step fails, nothing is left. */
Test(libvfio_open, every_single_call_may_fail)
{
	struct vfio_open_params params = edu_params();
	unsigned int calls;

	params.authority = FAKE_AUTHORITY;
	cr_assert_eq(vfio_device_open(&params, &device), 0);
	calls = fake.calls;
	cr_assert_gt(calls, 20);
	for (unsigned int n = 1; n <= calls; n++) {
		fake_reset();
		fake.fail_at = n;
		fake.fail_result = -EIO;
		cr_assert_eq(vfio_device_open(&params, &device), -EIO, "call %u (%s)", n,
		             fake.log[n - 1].name);
		cr_assert_neq(device.error.step, VFIO_STEP_NONE);
		cr_assert(fake_is_clean(), "call %u (%s): something is left", n,
		          fake.log[n - 1].name);
		cr_assert(!fake_is_master(), "call %u (%s)", n, fake.log[n - 1].name);
	}
}

Test(libvfio_open, a_device_that_is_not_there_is_to_be_skipped)
{
	struct vfio_open_params params = {.match = vfio_match_id(0x8086, 0x10d3)};

	check_failure(vfio_device_open(&params, &device), VFIO_STEP_FIND_GROUP, -ENODEV);
	cr_assert_eq(device.error.unavailable, 1);
	cr_assert_str_eq(device.error.text, "step 2 (find the group): no group of this task has "
	                                    "device 8086:10d3");
}

Test(libvfio_open, a_task_without_groups_skips)
{
	struct vfio_open_params params = edu_params();

	fake.no_groups = true;
	check_failure(vfio_device_open(&params, &device), VFIO_STEP_FIND_GROUP, -ENODEV);
	cr_assert_eq(device.error.unavailable, 1);
}

Test(libvfio_open, a_device_that_is_not_handed_out_is_to_be_skipped)
{
	struct vfio_open_params params = edu_params();

	fake.fail_name = "cordon_group_device";
	fake.fail_result = -ENODEV;
	check_failure(vfio_device_open(&params, &device), VFIO_STEP_GET_DEVICE, -ENODEV);
	cr_assert_eq(device.error.unavailable, 1);
}

Test(libvfio_open, a_group_that_is_not_viable_says_what_is_in_the_way)
{
	struct vfio_open_params params = edu_params();

	fake.group_flags = 0;
	check_failure(vfio_device_open(&params, &device), VFIO_STEP_VIABLE, -EPERM);
	cr_assert_eq(device.error.unavailable, 0);
	cr_assert_str_eq(device.error.text, "step 4 (group viable): group 5 is not viable: "
	                                    "0000:00:09.0: the kernel uses it");
}

Test(libvfio_open, a_bus_master_bit_that_does_not_stick_is_an_error)
{
	struct vfio_open_params params = edu_params();

	fake.stuck_master = true;
	check_failure(vfio_device_open(&params, &device), VFIO_STEP_BUS_MASTER, -EIO);
}

Test(libvfio_open, handles_that_are_of_another_kind_are_refused)
{
	struct vfio_open_params params = edu_params();

	params.container = FAKE_GROUP_A;
	check_failure(vfio_device_open(&params, &device), VFIO_STEP_CONTAINER, -EBADF);
	params = edu_params();
	params.group = FAKE_CONTAINER;
	check_failure(vfio_device_open(&params, &device), VFIO_STEP_FIND_GROUP, -EBADF);
}

Test(libvfio_open, a_group_handle_needs_its_rights)
{
	struct vfio_open_params params = edu_params();

	fake.group_rights = CORDON_RIGHT_READ | CORDON_RIGHT_TRANSFER;
	check_failure(vfio_device_open(&params, &device), VFIO_STEP_OPEN_GROUP, -EACCES);
}

Test(libvfio_open, turns_on_the_decoders_of_its_bars)
{
	struct vfio_open_params params = edu_params();

	fake.config[VFIO_PCI_COMMAND] = 0;
	cr_assert_eq(vfio_device_open(&params, &device), 0, "%s", device.error.text);
	cr_assert_eq(fake.config[VFIO_PCI_COMMAND],
	             VFIO_PCI_COMMAND_IO | VFIO_PCI_COMMAND_MEMORY | VFIO_PCI_COMMAND_MASTER);
	vfio_device_close(&device);
}

Test(libvfio_open, what_was_given_is_left_to_its_owner)
{
	struct vfio_open_params params = edu_params();
	struct vfio_dma_pool pool;

	cr_assert_eq(vfio_dma_pool_create(FAKE_CONTAINER, 4096, 0, 0, &pool), 0);
	params.container = FAKE_CONTAINER;
	params.pool = &pool;
	fake.group_flags = CORDON_GROUP_VIABLE | CORDON_GROUP_CONTAINER;
	cr_assert_eq(vfio_device_open(&params, &device), 0, "%s", device.error.text);
	cr_assert_eq(device.pool, &pool);
	cr_assert_eq(fake.groups_added, 0, "the group is in the container already");
	cr_assert_eq(vfio_device_close(&device), 0);
	cr_assert_eq(fake.map_count, 1, "the pool stays mapped");
	cr_assert_eq(fake_last_call("cordon_handle_close", FAKE_CONTAINER), -1);
	cr_assert_eq(fake_last_call("cordon_handle_close", FAKE_GROUP_B), -1);
	cr_assert_eq(vfio_dma_pool_destroy(&pool), 0);
	cr_assert(fake_is_clean());
}

Test(libvfio_open, a_pool_of_another_container_is_refused)
{
	struct vfio_open_params params = edu_params();
	struct vfio_dma_pool pool = {.container = 99, .size = 4096};

	params.container = FAKE_CONTAINER;
	params.pool = &pool;
	check_failure(vfio_device_open(&params, &device), VFIO_STEP_MAP_MEMORY, -EXDEV);
	params.container = 0;
	check_failure(vfio_device_open(&params, &device), VFIO_STEP_CONTAINER, -EINVAL);
}

Test(libvfio_open, closing_twice_does_nothing)
{
	struct vfio_open_params params = edu_params();
	unsigned int calls;

	cr_assert_eq(vfio_device_open(&params, &device), 0);
	cr_assert_eq(vfio_device_close(&device), 0);
	calls = fake.calls;
	cr_assert_eq(vfio_device_close(&device), 0);
	cr_assert_eq(fake.calls, calls);
}

Test(libvfio_open, closing_goes_on_after_an_error_and_tells_the_first)
{
	struct vfio_open_params params = edu_params();

	cr_assert_eq(vfio_device_open(&params, &device), 0);
	fake.fail_name = "cordon_container_unmap";
	fake.fail_result = -EIO;
	cr_assert_eq(vfio_device_close(&device), -EIO);
	cr_assert_eq(fake.containers, 0);
	cr_assert_eq(fake.devices, 0);
	cr_assert_eq(fake.memories, 0);
}

Test(libvfio_open, a_bar_pointer_never_leaves_its_area)
{
	struct vfio_open_params params = edu_params();

	cr_assert_eq(vfio_device_open(&params, &device), 0);
	cr_assert_not_null(vfio_bar_pointer(&device, 0, 0, 4096));
	cr_assert_eq((char *)vfio_bar_pointer(&device, 0, 4092, 4) -
	                     (char *)vfio_bar_pointer(&device, 0, 0, 4),
	             4092);
	cr_assert_not_null(vfio_bar_pointer(&device, 0, 0x3000, 4096));
	cr_assert_null(vfio_bar_pointer(&device, 0, 4093, 4));
	cr_assert_null(vfio_bar_pointer(&device, 0, 0, 4097));
	cr_assert_null(vfio_bar_pointer(&device, 0, 0x2000, 4), "the MSI-X table");
	cr_assert_null(vfio_bar_pointer(&device, 0, 0x4000, 4));
	cr_assert_null(vfio_bar_pointer(&device, 0, UINT64_MAX, 2));
	cr_assert_null(vfio_bar_pointer(&device, 0, 0, 0));
	cr_assert_null(vfio_bar_pointer(&device, 2, 0, 4), "I/O ports");
	cr_assert_null(vfio_bar_pointer(&device, 6, 0, 4));
	vfio_device_close(&device);
}

static void put_capability(uint32_t at, uint8_t id, uint8_t next)
{
	fake.config[at] = id;
	fake.config[at + 1] = next;
}

Test(libvfio_open, walks_the_capability_list)
{
	struct vfio_open_params params = edu_params();
	uint32_t at = 0;

	cr_assert_eq(vfio_device_open(&params, &device), 0);
	cr_assert_eq(vfio_find_capability(&device, VFIO_PCI_CAP_MSI, &at), -ENOENT);
	fake.config[VFIO_PCI_STATUS] = VFIO_PCI_STATUS_CAPABILITIES;
	fake.config[VFIO_PCI_CAPABILITIES] = 0x40;
	put_capability(0x40, VFIO_PCI_CAP_POWER, 0x53); /* low bits are reserved */
	put_capability(0x50, VFIO_PCI_CAP_MSIX, 0);
	cr_assert_eq(vfio_find_capability(&device, VFIO_PCI_CAP_MSIX, &at), 0);
	cr_assert_eq(at, 0x50);
	cr_assert_eq(vfio_find_capability(&device, VFIO_PCI_CAP_EXPRESS, &at), -ENOENT);
	put_capability(0x50, VFIO_PCI_CAP_MSIX, 0x40);
	cr_assert_eq(vfio_find_capability(&device, VFIO_PCI_CAP_EXPRESS, &at), -EIO, "a circle");
	put_capability(0x50, VFIO_PCI_CAP_MSIX, 0x04);
	cr_assert_eq(vfio_find_capability(&device, VFIO_PCI_CAP_EXPRESS, &at), -EIO,
	             "into the header");
	vfio_device_close(&device);
}

Test(libvfio_open, finds_a_capability_that_is_there_several_times)
{
	struct vfio_open_params params = edu_params();
	static const uint32_t places[] = {0x80, 0x40, 0x90};
	uint32_t at = 0;

	cr_assert_eq(vfio_device_open(&params, &device), 0);
	fake.config[VFIO_PCI_STATUS] = VFIO_PCI_STATUS_CAPABILITIES;
	fake.config[VFIO_PCI_CAPABILITIES] = 0x80;
	put_capability(0x80, VFIO_PCI_CAP_VENDOR, 0x60);
	put_capability(0x60, VFIO_PCI_CAP_MSIX, 0x40);
	put_capability(0x40, VFIO_PCI_CAP_VENDOR, 0x90);
	put_capability(0x90, VFIO_PCI_CAP_VENDOR, 0);
	for (size_t i = 0; i < 3; i++) {
		cr_assert_eq(vfio_find_next_capability(&device, VFIO_PCI_CAP_VENDOR, &at), 0);
		cr_assert_eq(at, places[i]);
	}
	cr_assert_eq(vfio_find_next_capability(&device, VFIO_PCI_CAP_VENDOR, &at), -ENOENT);
	cr_assert_eq(at, 0x90, "it stays");
	put_capability(0x90, VFIO_PCI_CAP_VENDOR, 0x80);
	at = 0;
	cr_assert_eq(vfio_find_next_capability(&device, VFIO_PCI_CAP_VENDOR, &at), -EIO,
	             "a circle is no endless list");
	vfio_device_close(&device);
}

Test(libvfio_open, reaches_ports_by_call)
{
	struct vfio_open_params params = edu_params();
	uint32_t value = 0;
	uint16_t half = 0;
	uint8_t byte = 0;

	cr_assert_eq(vfio_device_open(&params, &device), 0);
	cr_assert_eq(vfio_bar_write32(&device, 2, 4, 0x12345678), 0);
	cr_assert_eq(vfio_bar_write16(&device, 2, 8, 0xabcd), 0);
	cr_assert_eq(vfio_bar_write8(&device, 2, 10, 0xef), 0);
	cr_assert_eq(vfio_bar_read32(&device, 2, 4, &value), 0);
	cr_assert_eq(vfio_bar_read16(&device, 2, 8, &half), 0);
	cr_assert_eq(vfio_bar_read8(&device, 2, 10, &byte), 0);
	cr_assert(value == 0x12345678 && half == 0xabcd && byte == 0xef);
	cr_assert_eq(vfio_bar_read32(&device, 2, 6, &value), -EINVAL);
	cr_assert_eq(vfio_bar_write16(&device, 2, 1, 0), -EINVAL);
	cr_assert_eq(vfio_bar_read8(&device, 6, 0, &byte), -EINVAL);
	cr_assert_eq(vfio_bar_read32(&device, 2, 32, &value), -ERANGE);
	vfio_device_close(&device);
}

Test(libvfio_open, walks_the_extended_capability_list)
{
	struct vfio_open_params params = edu_params();
	uint32_t header = 0x1c0u << 20 | 1u << 16 | 0x0001;
	uint32_t last = 1u << 16 | 0x0003;
	uint32_t at = 0;

	cr_assert_eq(vfio_device_open(&params, &device), 0);
	memcpy(fake.config + 0x100, &header, 4);
	memcpy(fake.config + 0x1c0, &last, 4);
	cr_assert_eq(vfio_find_extended_capability(&device, 3, &at), -ENOENT, "not express");
	fake.config[VFIO_PCI_STATUS] = VFIO_PCI_STATUS_CAPABILITIES;
	fake.config[VFIO_PCI_CAPABILITIES] = 0x40;
	put_capability(0x40, VFIO_PCI_CAP_EXPRESS, 0);
	cr_assert_eq(vfio_find_extended_capability(&device, 3, &at), 0);
	cr_assert_eq(at, 0x1c0);
	cr_assert_eq(vfio_find_extended_capability(&device, 9, &at), -ENOENT);
	last = 0x100u << 20 | 1u << 16 | 0x0003;
	memcpy(fake.config + 0x1c0, &last, 4);
	cr_assert_eq(vfio_find_extended_capability(&device, 9, &at), -EIO, "a circle");
	vfio_device_close(&device);
}

Test(libvfio_open, a_fault_in_words_fits_its_text)
{
	struct cordon_fault fault = {
	        .address = UINT64_MAX - 1,
	        .device = FAKE_EDU,
	        .reason = CORDON_FAULT_NOT_PRESENT,
	        .write = 1,
	        .task = 4,
	};
	char text[VFIO_FAULT_TEXT];

	memset(fault.task_name, 'x', sizeof(fault.task_name)); /* no terminating zero */
	cr_assert_str_eq(vfio_fault_text(&fault, text),
	                 "write of 0xfffffffffffffffe by 0000:00:05.0 refused: not mapped "
	                 "(task xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx)");
	fault.address = CORDON_FAULT_NO_ADDRESS;
	cr_assert_str_eq(vfio_fault_text(&fault, text), "write by 0000:00:05.0 refused: not mapped "
	                                                "(task xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx)");
}
