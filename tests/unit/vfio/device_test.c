/* SPDX-License-Identifier: MIT */
#include <cordon/errno.h>
#include <criterion/criterion.h>
#include <kernel/heap.h>
#include <tests/unit/vfio/calls.h>

#define IOVA UINT64_C(0x40000000)
#define PAGE CORDON_PAGE_SIZE

#define EXPRESS 0x80 /* where the capability of the express function is */

static struct pci_function *express, *plain, *twin, *other_twin;
static cordon_handle_t container, group, plain_group, twin_group;

/* Registers of the express function's BAR. */
static uint64_t registers[0x4000 / 8];
static unsigned int accesses;

static uint64_t register_read(void *context, uint64_t offset, unsigned int width)
{
	uint64_t value = 0;

	(void)context;
	accesses++;
	memcpy(&value, (uint8_t *)registers + offset, width);
	return value;
}

static void register_write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	(void)context;
	accesses++;
	memcpy((uint8_t *)registers + offset, &value, width);
}

static const struct fake_device registers_device = {register_read, register_write, NULL};

static void config_put(struct pci_function *function, uint32_t offset, uint32_t value)
{
	pci_write32(function, offset, value);
}

static void start(void)
{
	express = world_function(3, &world_units[0]);
	plain = world_function(4, &world_units[0]);
	twin = world_function(5, &world_units[0]);
	other_twin = world_function(6, &world_units[0]);
	world_join(other_twin, twin);
	twin->requester = other_twin->requester = rid(2, 0);

	world_behaviour(express)->flr = true;
	express->express_type = PCI_EXPRESS_ENDPOINT;
	express->caps.express = EXPRESS;
	express->caps.msix = 0x60;
	config_put(express, EXPRESS, 0x00020010);
	config_put(express, EXPRESS + 8, 0x2b10); /* no-snoop, tags and phantoms as after a reset */
	config_put(express, 0x60, 0x0007 << 16 | 0x11);
	config_put(express, 0x64, 0x2000);
	config_put(express, 0x68, 0x3000);
	express->bars[1] = (struct pci_bar){.kind = PCI_BAR_IO, .base = 0xc000, .size = 0x20};
	fake_mmio_add(paddr(express->bars[0].base), 0x4000, &registers_device);
	world_start();
	container = call_container_create();
	group = call_group_open(3);
	plain_group = call_group_open(4);
	twin_group = call_group_open(5);
	cr_assert_eq(sys_container_add_group(container, group), 0);
	cr_assert_eq(sys_container_add_group(container, plain_group), 0);
	cr_assert_eq(sys_container_add_group(container, twin_group), 0);
	journal_clear();
}

TestSuite(vfio_device, .init = start);

static uint16_t command_of(const struct pci_function *function)
{
	return pci_read16(function, PCI_COMMAND);
}

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

static int64_t map_bar(cordon_handle_t device, uint64_t offset, uint64_t size)
{
	struct cordon_region_map map = {
	        .offset = offset,
	        .size = size,
	        .prot = CORDON_PROT_READ | CORDON_PROT_WRITE,
	};

	return sys_device_region_map(device, 0, user_put(&map, sizeof(map)));
}

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
