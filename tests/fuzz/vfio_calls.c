/* SPDX-License-Identifier: MIT */
/*
 * System calls on containers, groups and devices, over the world of the VFIO tests: three tasks,
 * five functions, two units. The input is a sequence of calls with arguments, of failures and of
 * the deaths of tasks. The world panics by itself when memory is given back that a device can
 * reach; the checks here are about bus mastering, protected registers, finished unmaps and, at the
 * end, leaks (S2, S3, S7, S8, S10).
 */
#include <arch/percpu.h>
#include <cordon/errno.h>
#include <drivers/vfio/container.h>
#include <drivers/vfio/device.h>
#include <drivers/vfio/group.h>
#include <kernel/heap.h>
#include <tests/fuzz/fuzz.h>
#include <tests/unit/vfio/calls.h>

#define FUNCTIONS   5
#define SLOTS       24
#define STEPS_MAX   96
#define CONFIG_SIZE 4096
#define EXPRESS     0x80
#define MSIX        0x60
#define PLACE       UINT64_C(0x10000000)

static struct pci_function *functions[FUNCTIONS];
static uint8_t config_at_start[FUNCTIONS][CONFIG_SIZE];
static uint64_t next_frame;
static bool disturbed; /* a unit did not confirm something: what it held stays in quarantine */

/* Handles that were given out; closed ones stay. */
static struct {
	cordon_handle_t handle;
	unsigned int task;
} slots[SLOTS];
static unsigned int slot_count, running, places;

/* --- the world ------------------------------------------------------------------------------- */

static uint64_t register_read(void *context, uint64_t offset, unsigned int width)
{
	(void)context;
	return offset ^ width;
}

static void register_write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	(void)context, (void)offset, (void)width, (void)value;
}

static const struct fake_device registers = {register_read, register_write, NULL};

static void put32(struct pci_function *function, uint32_t offset, uint32_t value)
{
	pci_write32(function, offset, value);
}

static void start(void)
{
	static bool started;

	if (started)
		return;
	started = true;
	for (unsigned int i = 0; i < FUNCTIONS; i++) {
		functions[i] = world_function((uint8_t)(3 + i), &world_units[i == 4]);
		world_behaviour(functions[i])->flr = i != 2 && i != 3;
		fake_mmio_add(paddr(functions[i]->bars[0].base), 0x4000, &registers);
	}
	world_join(functions[3], functions[2]);
	functions[2]->requester = functions[3]->requester = rid(2, 0);
	functions[0]->express_type = PCI_EXPRESS_ENDPOINT;
	functions[0]->caps.express = EXPRESS;
	functions[0]->caps.msix = MSIX;
	put32(functions[0], EXPRESS, 0x00020010);
	put32(functions[0], EXPRESS + 8, 0x2010);
	put32(functions[0], MSIX, 0x0007 << 16 | 0x11);
	put32(functions[0], MSIX + 4, 0x2000);
	put32(functions[0], MSIX + 8, 0x3000);
	functions[0]->bars[1] = (struct pci_bar){.kind = PCI_BAR_IO, .base = 0xc000, .size = 0x20};
	fake_port_add(0xc000, 0x20, &registers);
	world_start();
	for (unsigned int i = 0; i < FUNCTIONS; i++)
		memcpy(config_at_start[i], (void *)functions[i]->config, CONFIG_SIZE);
}

/* As after a boot, but for what the last input left in quarantine. */
static void begin(void)
{
	struct group *group;

	start();
	world_revive();
	for (uint32_t i = 0; (group = group_at(i)) != NULL; i++) {
		for (uint32_t f = 0; f < group->function_count; f++) {
			group->functions[f].quarantine = NULL;
			group->functions[f].stuck = false;
			group->functions[f].reset_trusted = false;
		}
	}
	for (unsigned int i = 0; i < FUNCTIONS; i++) {
		memcpy((void *)functions[i]->config, config_at_start[i], CONFIG_SIZE);
		world_behaviour(functions[i])->reset_fails = false;
		world_behaviour(functions[i])->stays_pending = false;
	}
	journal_clear();
	next_frame = 0x10000000;
	slot_count = running = places = 0;
	disturbed = false;
	world_run_as(0);
}

static void end_task(unsigned int index)
{
	static const struct cordon_budget budget;
	struct task *task = &world_tasks[index];

	world_end_task(index);
	/* What is in quarantine stays charged. */
	if (disturbed) {
		account_unref(task->account);
		FUZZ_CHECK(account_create(&budget, &task->account) == 0);
	}
	FUZZ_CHECK(handle_table_init(&task->handles, task->account) == 0);
	places = 0;
}

/* --- checks ---------------------------------------------------------------------------------- */

static struct group *group_holding(const struct pci_function *function)
{
	struct group *group;

	for (uint32_t i = 0; (group = group_at(i)) != NULL; i++)
		if (group_function_find(group, function->bdf))
			return group;
	abort();
}

static void check_function(unsigned int index)
{
	struct pci_function *pci = functions[index];
	struct group *group = group_holding(pci);
	const struct function *function = group_function_find(group, pci->bdf);
	const uint8_t *now = (const uint8_t *)pci->config, *then = config_at_start[index];

	/* A device masters the bus only in the hands of a task, inside a domain. */
	if (pci_read16(pci, PCI_COMMAND) & PCI_COMMAND_MASTER)
		FUZZ_CHECK(function->device && group->container && world_attached(pci));
	if (world_attached(pci))
		FUZZ_CHECK(group->container);
	/* BARs, ROM, pointers and MSI-X are the kernel's. */
	FUZZ_CHECK(memcmp(now + 0x10, then + 0x10, 0x30) == 0);
	FUZZ_CHECK(memcmp(now + MSIX, then + MSIX, 0x10) == 0);
	FUZZ_CHECK(memcmp(now + 0x100, then + 0x100, CONFIG_SIZE - 0x100) == 0);
}

static void check(void)
{
	for (unsigned int i = 0; i < FUNCTIONS; i++)
		check_function(i);
	FUZZ_CHECK(percpu()->lock_depth == 0 && percpu()->obligations == 0);
}

/* After an unmap returned, no device of the container reaches the range. */
static void check_unmapped(cordon_handle_t handle, uint64_t first, uint64_t size)
{
	struct object *object;
	uint64_t physical;

	if (size > 64 * PAGE_SIZE ||
	    handle_get(&task_current()->handles, handle, CORDON_OBJECT_CONTAINER, 0, &object, NULL))
		return;
	for (unsigned int i = 0; i < FUNCTIONS; i++) {
		if (group_holding(functions[i])->container != container_from(object))
			continue;
		for (uint64_t done = 0; done < size; done += PAGE_SIZE)
			FUZZ_CHECK(!world_translate(functions[i], first + done, 0, &physical));
	}
	object_unref(object);
}

static void check_end(size_t heap, unsigned int memories)
{
	for (unsigned int i = 0; i < WORLD_TASKS; i++)
		end_task(i);
	world_failures = (struct world_failures){0};
	check();
	for (unsigned int i = 0; i < FUNCTIONS; i++) {
		FUZZ_CHECK(!(pci_read16(functions[i], PCI_COMMAND) & PCI_COMMAND_MASTER));
		FUZZ_CHECK(!world_attached(functions[i]));
	}
	FUZZ_CHECK(world_bar_mappings() == 0);
	if (disturbed || world_units[0].dead || world_units[1].dead)
		return;
	FUZZ_CHECK(world_domains() == 0 && world_memories() == memories);
	for (unsigned int i = 0; i < WORLD_TASKS; i++)
		for (unsigned int kind = 0; kind < CHARGE_KINDS; kind++)
			FUZZ_CHECK(world_tasks[i].account->used[kind] ==
			           (kind == CHARGE_KERNEL ? ACCOUNT_OWN_MEMORY : 0));
	FUZZ_CHECK(heap_in_use() == heap);
}

/* --- arguments ------------------------------------------------------------------------------- */

/* Mostly a handle of the running task; sometimes another's, a closed one, or any number. */
static cordon_handle_t take_handle(struct fuzz_input *input)
{
	uint8_t which = fuzz_byte(input);

	if (which >= 0xf0 || slot_count == 0)
		return (cordon_handle_t)(which - 0xf8);
	return slots[which % slot_count].handle;
}

static void keep(int64_t handle)
{
	unsigned int slot = slot_count < SLOTS ? slot_count++ : (unsigned int)handle % SLOTS;

	FUZZ_CHECK(handle >= -4095);
	if (handle < 0 && slot_count)
		return;
	slots[slot].handle = (cordon_handle_t)handle;
	slots[slot].task = running;
}

/* The same for a call that puts the handle somewhere. */
static void keep_at(int64_t result, const void *place)
{
	cordon_handle_t handle;

	if (result == 0)
		memcpy(&handle, place, sizeof(handle));
	keep(result ? result : handle);
}

/* Where a structure of a call lies: good, not there, not writable, or only half there. */
static void *take_place(struct fuzz_input *input, const void *from, size_t size)
{
	uint8_t how = fuzz_byte(input);

	if (from)
		memcpy(world_user, from, size);
	if (how < 0xe0)
		return world_user;
	if (how < 0xe8)
		return NULL;
	if (how < 0xf0)
		return (void *)(uintptr_t)world_user_constant;
	return world_user + sizeof(world_user) - (how & 7);
}

/* Pages close together; with the top bit set, anything. */
static uint64_t take_address(struct fuzz_input *input)
{
	uint8_t how = fuzz_byte(input);

	if (how == 0xff)
		return fuzz_number(input, 8);
	if (how & 0x80)
		return UINT64_C(0xfedf8000) + (how & 0x1f) * PAGE_SIZE;
	return UINT64_C(0x40000000) + (how & 0x1f) * PAGE_SIZE + (how & 0x20 ? 0x10 : 0);
}

static uint64_t take_size(struct fuzz_input *input)
{
	uint8_t how = fuzz_byte(input);

	if (how == 0xff)
		return fuzz_number(input, 8);
	return (how & 0x0f) * PAGE_SIZE + (how & 0x80 ? 0x800 : 0);
}

static struct cordon_dma_map take_map(struct fuzz_input *input)
{
	struct cordon_dma_map map = {.flags = RW};
	uint8_t how = fuzz_byte(input);

	if (how & 0x40)
		map.flags = how & 7;
	map.memory = how & 0x80 ? CORDON_HANDLE_NONE : take_handle(input);
	map.offset = fuzz_byte(input) % 16 * PAGE_SIZE + (how & 0x20 ? 8 : 0);
	if (map.memory == CORDON_HANDLE_NONE)
		map.offset += PLACE;
	map.iova = take_address(input);
	map.size = take_size(input);
	return map;
}

static cordon_bdf_t take_bdf(struct fuzz_input *input)
{
	return functions[fuzz_byte(input) % FUNCTIONS]->bdf;
}

/* --- steps ----------------------------------------------------------------------------------- */

static struct memory *new_memory(struct fuzz_input *input)
{
	uint64_t size = (1 + fuzz_byte(input) % 12u) * PAGE_SIZE;
	uint64_t run = (1 + fuzz_byte(input) % 4u) * PAGE_SIZE;
	struct memory *memory = world_memory(next_frame, size, run);

	next_frame += 2 * size + PAGE_SIZE;
	return memory;
}

static void step_memory(struct fuzz_input *input)
{
	struct memory *memory = new_memory(input);
	uint8_t how = fuzz_byte(input);

	keep(world_handle(&memory->object, how & 1 ? how : CORDON_RIGHTS_ALL));
	object_unref(&memory->object);
}

static void step_place(struct fuzz_input *input)
{
	struct memory *memory;

	if (places >= 32)
		return;
	places++;
	memory = new_memory(input);
	world_place(PLACE + fuzz_byte(input) % 16 * PAGE_SIZE, memory, 0, memory->size,
	            fuzz_byte(input) & 1 ? CORDON_PROT_READ : CORDON_PROT_READ | CORDON_PROT_WRITE);
	object_unref(&memory->object);
}

static void step_unmap(struct fuzz_input *input)
{
	cordon_handle_t handle = take_handle(input);
	uint64_t first = take_address(input), size = take_size(input);
	uint64_t *out = take_place(input, NULL, 0);
	int64_t result = sys_container_unmap(handle, first, size, out);

	FUZZ_CHECK(result <= 0 && result >= -4095);
	if (result == 0)
		check_unmapped(handle, first, size);
}

static void step_batch(struct fuzz_input *input)
{
	cordon_handle_t handle = take_handle(input);
	uint32_t count = fuzz_byte(input) % 6;
	struct cordon_dma_op ops[6] = {0};
	int64_t result;

	for (uint32_t i = 0; i < count; i++) {
		ops[i].op = fuzz_byte(input) % 3;
		ops[i].map = take_map(input);
	}
	result = sys_container_batch(handle, take_place(input, ops, sizeof(ops)), count);
	FUZZ_CHECK(result >= -4095 && result <= count);
}

static void step_region(struct fuzz_input *input, bool write)
{
	cordon_handle_t handle = take_handle(input);
	uint8_t how = fuzz_byte(input);
	uint32_t region = how & 0x80 ? how : how % CORDON_REGION_COUNT;
	uint64_t offset = fuzz_number(input, 2), size = fuzz_byte(input) % 24u;
	uint64_t bytes[3];
	void *place;
	int64_t result;

	if (how & 0x40) {
		region = CORDON_REGION_CONFIG;
		offset %= 0x100;
	}
	for (unsigned int i = 0; i < 3; i++)
		bytes[i] = fuzz_number(input, 4) * UINT64_C(0x100000001);
	place = take_place(input, bytes, sizeof(bytes));
	if (write)
		result = sys_device_region_write(handle, region, offset, place, size);
	else
		result = sys_device_region_read(handle, region, offset, place, size);
	FUZZ_CHECK(result >= -4095 && result <= (int64_t)size);
}

static void step_region_map(struct fuzz_input *input)
{
	struct cordon_region_map map = {0};
	cordon_handle_t handle = take_handle(input);
	uint8_t how = fuzz_byte(input);

	if (places >= 32)
		return;
	places++;
	map.offset = (how & 7) * PAGE_SIZE;
	map.size = (how >> 3 & 7) * PAGE_SIZE;
	map.prot = 1 + fuzz_byte(input) % 4u;
	sys_device_region_map(handle, how & 0x80 ? fuzz_byte(input) : 0,
	                      take_place(input, &map, sizeof(map)));
}

static void step_inform(struct fuzz_input *input)
{
	cordon_handle_t handle = take_handle(input);
	uint32_t index = fuzz_byte(input);
	void *place = take_place(input, NULL, 0);
	int64_t result;

	switch (fuzz_byte(input) % 7) {
	case 0:
		result = sys_container_info(handle, place);
		break;
	case 1:
		result = sys_group_status(handle, place);
		break;
	case 2:
		result = sys_group_function(handle, index, place);
		break;
	case 3:
		result = sys_device_info(handle, place);
		break;
	case 4:
		result = sys_device_region_info(handle, index, place);
		break;
	case 5:
		result = sys_device_irq_info(handle, index, place);
		break;
	default:
		result = sys_container_faults(handle, place, index, index & 1 ? place : NULL);
		break;
	}
	FUZZ_CHECK(result >= -4095 && result <= UINT8_MAX);
}

/* Gives another task a handle of the running one, as a spawn does. */
static void step_share(struct fuzz_input *input)
{
	cordon_handle_t handle = take_handle(input);
	unsigned int task = fuzz_byte(input) % WORLD_TASKS, before = running;
	struct object *object;
	uint32_t rights;

	if (handle_get(&task_current()->handles, handle, CORDON_OBJECT_NONE, 0, &object, &rights))
		return;
	world_run_as(running = task);
	keep(world_handle(object, rights));
	object_unref(object);
	world_run_as(running = before);
}

static void step_disturb(struct fuzz_input *input)
{
	uint8_t how = fuzz_byte(input);
	unsigned int count = 1u + (how >> 4 & 3);
	struct world_behaviour *behaviour = world_behaviour(
	        functions[fuzz_byte(input) % FUNCTIONS]);

	switch (how % 8) {
	case 0:
		world_failures.create = count;
		break;
	case 1:
		world_failures.attach = count;
		break;
	case 2:
		world_failures.map = count;
		break;
	case 3:
		world_failures.flush = count;
		disturbed = true;
		break;
	case 4:
		world_failures.detach = count;
		disturbed = true;
		break;
	case 5:
		behaviour->reset_fails = !behaviour->reset_fails;
		break;
	case 6:
		behaviour->stays_pending = !behaviour->stays_pending;
		break;
	case 7:
		world_fault(functions[count], take_address(input), how & 0x40 ? 3 : 0);
		break;
	}
}

static void step(struct fuzz_input *input)
{
	struct cordon_dma_map map;
	cordon_handle_t handle;
	void *place;
	uint8_t how = fuzz_byte(input);

	/* Sometimes memory runs out in the middle of a call. */
	if (how >= 0xe0)
		fake_heap_fail(1 + (how & 3));
	switch (how % 24) {
	case 0:
		place = take_place(input, NULL, 0);
		keep_at(sys_container_create(place), place);
		break;
	case 1:
	case 2:
		fake_heap_fail(0);
		keep(call_group_open(3 + fuzz_byte(input) % 6u));
		break;
	case 3:
	case 4:
		handle = take_handle(input);
		sys_container_add_group(handle, take_handle(input));
		break;
	case 5:
		handle = take_handle(input);
		sys_container_remove_group(handle, take_handle(input));
		break;
	case 6:
	case 7:
		handle = take_handle(input);
		place = take_place(input, NULL, 0);
		keep_at(sys_group_device(handle, take_bdf(input), place), place);
		break;
	case 8:
	case 9:
	case 10:
		handle = take_handle(input);
		map = take_map(input);
		sys_container_map(handle, take_place(input, &map, sizeof(map)));
		break;
	case 11:
	case 12:
		step_unmap(input);
		break;
	case 13:
		step_batch(input);
		break;
	case 14:
		call_close(take_handle(input));
		break;
	case 15:
		fake_heap_fail(0);
		step_memory(input);
		break;
	case 16:
		step_region(input, true);
		break;
	case 17:
		step_region(input, false);
		break;
	case 18:
		step_region_map(input);
		break;
	case 19:
		sys_device_reset(take_handle(input));
		break;
	case 20:
		step_inform(input);
		break;
	case 21:
		fake_heap_fail(0);
		if (how < 0x80)
			step_share(input);
		else
			step_place(input);
		break;
	case 22:
		world_run_as(running = fuzz_byte(input) % WORLD_TASKS);
		if (how < 0x40)
			end_task(running);
		break;
	case 23:
		fake_heap_fail(0);
		if (how < 0x60) {
			handle = take_handle(input);
			call_trust(handle, take_bdf(input));
		} else {
			step_disturb(input);
		}
		break;
	}
	fake_heap_fail(0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	unsigned int memories;
	size_t heap;

	begin();
	memories = world_memories(); /* those in quarantine */
	heap = heap_in_use();
	for (unsigned int steps = 0; input.size > 0 && steps < STEPS_MAX; steps++) {
		step(&input);
		check();
		journal_clear();
	}
	check_end(heap, memories);
	return 0;
}
