/* SPDX-License-Identifier: MIT */
/* A device in use: opening, config space, registers, BAR mappings. */
#include <cordon/errno.h>
#include <criterion/criterion.h>
#include <kernel/heap.h>
#include <kernel/sched.h>
#include <tests/unit/vfio/device_bed.h>

TestSuite(vfio_device, .init = device_start);

/* --- opening --------------------------------------------------------------------------------- */

Test(vfio_device, a_device_comes_quiet_and_reset)
{
	cordon_handle_t device;

	config_put(express, PCI_COMMAND, 0x0107);
	device = call_device_open(group, express);
	cr_assert_geq(device, 0);
	cr_assert_eq(command_of(express), PCI_COMMAND_INTX_OFF);
	cr_assert(journal_ordered("quiesce-18", "reset-18"));
	cr_assert_eq(call_config_read(device, PCI_COMMAND, 2), 0u);
	cr_assert_eq(pci_read16(express, EXPRESS + 8), 0x2010, "tags, phantoms, no-snoop off");
}

Test(vfio_device, no_snoop_stays_where_the_domain_is_coherent_anyway)
{
	world_coherent = true;
	cr_assert_geq(call_device_open(group, express), 0);
	cr_assert_eq(pci_read16(express, EXPRESS + 8), 0x2810);
}

Test(vfio_device, a_device_opens_once)
{
	cordon_handle_t device = call_device_open(group, express);

	cr_assert_geq(device, 0);
	cr_assert_eq(call_device_open(group, express), -EBUSY);
	cr_assert_eq(sys_container_remove_group(container, group), -EBUSY);
	call_close(device);
	cr_assert_geq(call_device_open(group, express), 0);
}

Test(vfio_device, wrong_openings_have_their_errors)
{
	struct pci_function stranger = {.bdf = CORDON_BDF(0, 0, 9, 0)};

	cr_assert_eq(call_device_open(group, plain), -ENODEV, "it is of another group");
	cr_assert_eq(call_device_open(group, &stranger), -ENODEV);
	cr_assert_eq(sys_group_device(container, express->bdf, (void *)world_user), -EBADF);
	cr_assert_eq(sys_group_device(group, express->bdf, (void *)(uintptr_t)world_user_constant),
	             -EFAULT);
	cr_assert_eq(sys_container_remove_group(container, group), 0);
	cr_assert_eq(call_device_open(group, express), -EINVAL, "it is in no container");
	cr_assert_eq(object_count(CORDON_OBJECT_DEVICE), 0u);
}

Test(vfio_device, opening_that_finds_no_memory_leaves_no_trace)
{
	int64_t result = -ENOMEM;

	for (uint64_t failing = 1; result < 0; failing++) {
		size_t before = heap_in_use();

		fake_heap_fail(failing);
		result = call_device_open(group, express);
		fake_heap_fail(0);
		if (result < 0)
			cr_assert_eq(heap_in_use(), before);
	}
}

Test(vfio_device, what_a_device_is_can_be_asked)
{
	cordon_handle_t device = call_device_open(group, express);
	struct cordon_device_info info = call_device_info(device);
	struct cordon_irq_info irq;
	static const uint32_t counts[CORDON_IRQ_COUNT] = {1, 0, 8, 1, 1};

	cr_assert_eq(info.flags, CORDON_DEVICE_FLAG_PCI | CORDON_DEVICE_FLAG_RESET);
	cr_assert_eq(info.bdf, express->bdf);
	cr_assert_eq(info.regions, CORDON_REGION_COUNT);
	cr_assert_eq(info.irqs, CORDON_IRQ_COUNT);
	cr_assert_eq(info.desc.flags, CORDON_DEVICE_FLR | CORDON_DEVICE_OPEN);
	for (uint32_t i = 0; i < CORDON_IRQ_COUNT; i++) {
		cr_assert_eq(sys_device_irq_info(device, i, (void *)world_user), 0);
		memcpy(&irq, world_user, sizeof(irq));
		cr_assert_eq(irq.count, counts[i], "index %u", i);
	}
	cr_assert_eq(sys_device_irq_info(device, CORDON_IRQ_COUNT, (void *)world_user), -EINVAL);
}

/* --- config space ---------------------------------------------------------------------------- */

Test(vfio_device, the_command_register_does_what_it_says)
{
	cordon_handle_t device = call_device_open(group, express);

	cr_assert_eq(call_config_write(device, PCI_COMMAND, 0x0007, 2), 2);
	cr_assert_eq(command_of(express), PCI_COMMAND_INTX_OFF | 7);
	cr_assert_eq(call_config_write(device, PCI_COMMAND, 0x0002, 2), 2);
	cr_assert_eq(command_of(express), PCI_COMMAND_INTX_OFF | PCI_COMMAND_MEMORY);
	cr_assert_eq(call_config_read(device, PCI_COMMAND, 2), 2u, "INTx is off behind its back");
	cr_assert_eq(call_config_write(device, PCI_COMMAND, 0x0400, 2), 2);
	cr_assert_eq(call_config_read(device, PCI_COMMAND, 2), 0x0400u);
}

Test(vfio_device, accesses_of_any_alignment_and_length_are_cut_into_registers)
{
	cordon_handle_t device = call_device_open(group, express);
	uint8_t bytes[4096], whole[4096];
	int64_t result;

	for (uint32_t i = 0; i < 4096; i++)
		if (i < 4 || i >= 0x100)
			pci_write8(express, i, (uint8_t)(i * 7));
	result = sys_device_region_read(device, CORDON_REGION_CONFIG, 0, world_user, 4096);
	cr_assert_eq(result, 4096);
	memcpy(whole, world_user, 4096);
	cr_assert_eq(whole[0x234], (uint8_t)(0x234 * 7));
	for (uint32_t offset = 0; offset < 64; offset++) {
		for (uint32_t size = 1; size < 20; size++) {
			result = sys_device_region_read(device, CORDON_REGION_CONFIG, offset,
			                                world_user, size);
			cr_assert_eq(result, size);
			memcpy(bytes, world_user, size);
			cr_assert_arr_eq(bytes, whole + offset, size);
		}
	}
}

Test(vfio_device, a_write_across_registers_reaches_only_what_is_writable)
{
	cordon_handle_t device = call_device_open(group, express);
	static const uint8_t ones[64] = {[0 ... 63] = 0xff};
	uint16_t status;

	pci_write16(express, 0x06, 0xf910);
	status = pci_read16(express, 0x06);
	cr_assert_eq(sys_device_region_write(device, CORDON_REGION_CONFIG, 0,
	                                     user_put(ones, sizeof(ones)), 64),
	             64);
	cr_assert_eq(pci_read16(express, 0x06), status, "error bits are cleared by ones");
	cr_assert_eq(pci_read32(express, 0x00), 0u);
	cr_assert_eq(pci_read32(express, 0x10), 0u, "BARs are virtual");
	cr_assert_eq(call_config_read(device, 0x10, 4), 0xffffc000u);
}

Test(vfio_device, regions_end_where_they_end)
{
	cordon_handle_t device = call_device_open(group, express);
	const uint32_t config = CORDON_REGION_CONFIG;

	call_config_write(device, PCI_COMMAND, 7, 2);
	cr_assert_eq(sys_device_region_read(device, config, 4095, world_user, 1), 1);
	cr_assert_eq(sys_device_region_read(device, config, 4095, world_user, 2), -ERANGE);
	cr_assert_eq(sys_device_region_read(device, config, 4096, world_user, 1), -ERANGE);
	cr_assert_eq(sys_device_region_read(device, config, UINT64_MAX, world_user, 2), -ERANGE);
	cr_assert_eq(sys_device_region_read(device, config, 4096, world_user, 0), 0);
	cr_assert_eq(sys_device_region_read(device, 0, 0x3ffc, world_user, 8), -ERANGE);
	cr_assert_eq(sys_device_region_read(device, 1, 0x1c, world_user, 8), -ERANGE);
	cr_assert_eq(sys_device_region_read(device, 2, 0, world_user, 4), -EINVAL);
	cr_assert_eq(sys_device_region_read(device, CORDON_REGION_ROM, 0, world_user, 4), -EINVAL);
	cr_assert_eq(sys_device_region_read(device, 8, 0, world_user, 4), -EINVAL);
	cr_assert_eq(sys_device_region_write(device, UINT32_MAX, 0, world_user, 4), -EINVAL);
	cr_assert_eq(sys_device_region_info(device, CORDON_REGION_COUNT, (void *)world_user),
	             -EINVAL);
}

Test(vfio_device, rights_are_asked_for)
{
	cordon_handle_t device = call_device_open(group, express);
	struct cordon_region_map map = {.size = PAGE, .prot = CORDON_PROT_READ};
	struct object *object;
	cordon_handle_t reader, writer, mapper;

	cr_assert_eq(handle_get(&task_current()->handles, device, CORDON_OBJECT_DEVICE, 0, &object,
	                        NULL),
	             0);
	reader = world_handle(object, CORDON_RIGHT_READ);
	writer = world_handle(object, CORDON_RIGHT_WRITE);
	mapper = world_handle(object, CORDON_RIGHT_MAP | CORDON_RIGHT_READ);
	object_unref(object);
	cr_assert_eq(call_config_write(reader, PCI_COMMAND, 2, 2), -EACCES);
	cr_assert_eq(sys_device_reset(reader), -EACCES);
	cr_assert_eq(sys_device_region_read(writer, 0, 0, world_user, 4), -EACCES);
	cr_assert_eq(sys_device_info(writer, (void *)world_user), -EACCES);
	cr_assert_eq(sys_device_region_map(reader, 0, user_put(&map, sizeof(map))), -EACCES);
	cr_assert_eq(call_config_write(device, PCI_COMMAND, 2, 2), 2);
	cr_assert_eq(sys_device_region_map(mapper, 0, user_put(&map, sizeof(map))), 0);
	map.prot |= CORDON_PROT_WRITE;
	cr_assert_eq(sys_device_region_map(mapper, 0, user_put(&map, sizeof(map))), -EACCES);
}

/* --- registers ------------------------------------------------------------------------------- */

Test(vfio_device, registers_are_accessed_by_call_in_their_natural_width)
{
	cordon_handle_t device = call_device_open(group, express);
	uint64_t value = UINT64_C(0x1122334455667788);

	cr_assert_eq(sys_device_region_read(device, 0, 0, world_user, 4), -EIO, "decoding is off");
	cr_assert_eq(sys_device_region_write(device, 0, 0, world_user, 4), -EIO);
	cr_assert_eq(sys_device_region_read(device, 1, 0, world_user, 4), -EIO);
	call_config_write(device, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	accesses = 0;
	cr_assert_eq(sys_device_region_write(device, 0, 0x100, user_put(&value, 8), 8), 8);
	cr_assert_eq(accesses, 1u);
	cr_assert_eq(registers[0x20], value);
	cr_assert_eq(sys_device_region_read(device, 0, 0x101, world_user, 7), 7);
	cr_assert_eq(accesses, 4u, "1, 2 and 4 bytes");
	cr_assert_eq(memcmp(world_user, (uint8_t *)&value + 1, 7), 0);
}

/* What happens in the second pause of a long access. */
static cordon_handle_t device_of_others;

static void others_close_it(void)
{
	if (fake_sched_points == 2)
		call_close(device_of_others);
}

static void others_switch_it_off(void)
{
	if (fake_sched_points == 2)
		call_config_write(device_of_others, PCI_COMMAND, 0, 2);
}

static void others_end_the_task(void)
{
	if (fake_sched_points == 2)
		task_current()->ending = true;
}

static int64_t read_much(cordon_handle_t device)
{
	return sys_device_region_read(device, 0, 0, world_user, sizeof(world_user));
}

static int64_t write_much(cordon_handle_t device)
{
	return sys_device_region_write(device, 0, 0, world_user, sizeof(world_user));
}

/* Each call does one access of 8 bytes after the other; in the second pause something happens,
 * after which no register is touched any more. */
static void expect_a_stop(int64_t (*access_much)(cordon_handle_t), void (*others)(void))
{
	const uint32_t until = 2 * SCHED_POINT_EVERY;
	cordon_handle_t device = call_device_open(group, express);

	device_of_others = device;
	call_config_write(device, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	fake_sched_points = 0;
	accesses = 0;
	fake_others_run = others;
	cr_assert_eq(access_much(device), until * 8);
	cr_assert_eq(accesses, until);
	fake_others_run = NULL;
	task_current()->ending = false;
	call_close(device);
}

Test(vfio_device, S10_a_long_access_lets_others_run_and_stops_with_its_task)
{
	cordon_handle_t device = call_device_open(group, express);

	call_config_write(device, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	cr_assert_eq(read_much(device), sizeof(world_user));
	cr_assert_eq(write_much(device), sizeof(world_user));
	cr_assert_eq(fake_sched_points, 2 * sizeof(world_user) / 8 / SCHED_POINT_EVERY);
	call_close(device);
	expect_a_stop(read_much, others_end_the_task);
	expect_a_stop(write_much, others_end_the_task);
}

Test(vfio_device, s8_a_long_access_stops_when_the_device_is_closed_or_switched_off_meanwhile)
{
	expect_a_stop(read_much, others_close_it);
	expect_a_stop(write_much, others_close_it);
	expect_a_stop(read_much, others_switch_it_off);
	expect_a_stop(write_much, others_switch_it_off);
}

Test(vfio_device, the_msix_table_reads_as_ones_and_keeps_its_values)
{
	cordon_handle_t device = call_device_open(group, express);
	const uint64_t value = 0x1234;

	call_config_write(device, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	registers[0x2000 / 8] = 0xfee00000;
	registers[0x3000 / 8] = 5;
	accesses = 0;
	cr_assert_eq(sys_device_region_read(device, 0, 0x2000, world_user, 4), 4);
	cr_assert_eq(memcmp(world_user, "\xff\xff\xff\xff", 4), 0);
	cr_assert_eq(sys_device_region_write(device, 0, 0x2000, user_put(&value, 8), 8), 8);
	cr_assert_eq(sys_device_region_write(device, 0, 0x207c, user_put(&value, 8), 4), 4);
	cr_assert_eq(sys_device_region_write(device, 0, 0x3000, user_put(&value, 8), 8), 8);
	cr_assert_eq(accesses, 0u, "the hardware saw nothing");
	cr_assert_eq(sys_device_region_read(device, 0, 0x3000, world_user, 8), 8);
	cr_assert_eq(world_user[0], 5);
	cr_assert_eq(sys_device_region_write(device, 0, 0x2080, user_put(&value, 8), 8), 8);
	cr_assert_eq(registers[0x2080 / 8], value, "behind the 8 entries");
}

Test(vfio_device, bad_addresses_reach_no_register)
{
	cordon_handle_t device = call_device_open(group, express);

	call_config_write(device, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	accesses = 0;
	cr_assert_eq(sys_device_region_read(device, 0, 0, (void *)0x1000, 4), -EFAULT);
	cr_assert_eq(
	        sys_device_region_read(device, 0, 0, (void *)(uintptr_t)world_user_constant, 4),
	        -EFAULT);
	cr_assert_eq(sys_device_region_write(device, 0, 0, (void *)0x1000, 4), -EFAULT);
	cr_assert_eq(accesses, 0u);
	cr_assert_eq(sys_device_region_read(device, 0, 0, world_user + sizeof(world_user) - 12, 16),
	             8, "the accesses that fitted are told");
}

/* --- mapping a BAR --------------------------------------------------------------------------- */

Test(vfio_device, a_bar_is_mapped_without_the_pages_of_the_msix_structures)
{
	cordon_handle_t device = call_device_open(group, express);
	struct cordon_region_info info;

	cr_assert_eq(sys_device_region_info(device, 0, (void *)world_user), 0);
	memcpy(&info, world_user, sizeof(info));
	cr_assert_eq(info.size, 0x4000u);
	cr_assert_eq(info.flags, CORDON_REGION_READ | CORDON_REGION_WRITE | CORDON_REGION_MMAP);
	cr_assert_eq(info.area_count, 1u);
	cr_assert_eq(info.areas[0].offset, 0u);
	cr_assert_eq(info.areas[0].size, 0x2000u);

	cr_assert_eq(map_bar(device, 0, PAGE), -EIO, "decoding is off");
	call_config_write(device, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	cr_assert_eq(map_bar(device, 0, 0x2000), 0);
	cr_assert_eq(map_bar(device, PAGE, PAGE), 0);
	cr_assert_eq(map_bar(device, 0x2000, PAGE), -EACCES);
	cr_assert_eq(map_bar(device, PAGE, 0x2000), -EACCES);
	cr_assert_eq(map_bar(device, 0x3000, PAGE), -EACCES);
	cr_assert_eq(map_bar(device, 0x4000, PAGE), -EACCES);
	cr_assert_eq(map_bar(device, 0, UINT64_MAX & ~(PAGE - 1)), -EACCES);
	cr_assert_eq(map_bar(device, UINT64_MAX & ~(PAGE - 1), PAGE), -EACCES);
}

Test(vfio_device, wrong_arguments_of_a_bar_mapping_have_their_errors)
{
	cordon_handle_t device = call_device_open(group, express);
	const struct cordon_region_map wrong[] = {
	        {.size = 0, .prot = 1},
	        {.size = 100, .prot = 1},
	        {.offset = 100, .size = PAGE, .prot = 1},
	        {.size = PAGE, .prot = 0},
	        {.size = PAGE, .prot = CORDON_PROT_READ | CORDON_PROT_EXEC},
	        {.size = PAGE, .prot = 1, .flags = 2},
	};
	struct cordon_region_map map = {.size = PAGE, .prot = CORDON_PROT_READ};

	call_config_write(device, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		cr_assert_eq(sys_device_region_map(device, 0, user_put(&wrong[i], sizeof(map))),
		             -EINVAL, "case %zu", i);
	for (uint32_t region = 2; region < 9; region++)
		cr_assert_eq(sys_device_region_map(device, region, user_put(&map, sizeof(map))),
		             -EINVAL, "region %u", region);
	cr_assert_eq(sys_device_region_map(device, 1, user_put(&map, sizeof(map))), -EACCES,
	             "ports are not mapped");
	cr_assert_eq(sys_device_region_map(device, 0, (void *)(uintptr_t)world_user_constant),
	             -EFAULT);
	cr_assert_eq(world_bar_mappings(), 0u);
}

Test(vfio_device, without_memory_decoding_mappings_have_no_pages)
{
	cordon_handle_t device = call_device_open(group, express);

	call_config_write(device, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	cr_assert_eq(map_bar(device, 0, PAGE), 0);
	cr_assert_eq(world_bar_mappings(), 1u);
	call_config_write(device, PCI_COMMAND, 0, 2);
	cr_assert_eq(world_bar_mappings(), 0u);
	call_config_write(device, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	cr_assert_eq(world_bar_mappings(), 1u);
}

Test(vfio_device, S3_masters_no_bus_behind_a_unit_that_stopped_answering)
{
	cordon_handle_t device = call_device_open(group, express);

	call_config_write(device, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
	cr_assert(command_of(express) & PCI_COMMAND_MASTER);
	call_config_write(device, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	world_units[0].dead = true;
	call_config_write(device, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
	cr_assert_not(command_of(express) & PCI_COMMAND_MASTER);
	world_units[0].dead = false;
}
