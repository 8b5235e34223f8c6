/* SPDX-License-Identifier: MIT */
#include <cordon/errno.h>
#include <string.h>
#include <tests/guest/inject/devices.h>
#include <tests/guest/inject/sweep.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>

#define PAGE      DEVICES_PAGE
#define HUGE      UINT64_C(0x200000)
#define IOVA      UINT64_C(0x40000000)
#define IOVA_STEP UINT64_C(0x50000000) /* over a border of tables */
#define RW        (CORDON_DMA_READ | CORDON_DMA_WRITE)
#define PIECES    6
#define PROBE     4 /* the map that tests of dead units look at: the last, never taken back */
#define CANARY    0x11
#define REGISTERS UINT64_C(0x100000)

unsigned int devices_right, devices_wrong;

static struct cordon_dma_map maps[DEVICES_MAPS];
static uint8_t *views[DEVICES_MAPS]; /* the same bytes, for this task */
static cordon_handle_t memories[DEVICES_MAPS];
static int sampled[DEVICES_MAPS];

static void must(int64_t result, const char *what)
{
	if (result < 0)
		tap_bail("%s: %s", what, cordon_strerror(result));
}

/* --- memory ---------------------------------------------------------------------------------- */

static void add_memory(unsigned int index, uint64_t size, uint32_t flags)
{
	views[index] = test_memory(size, flags, &memories[index]);
	maps[index] = (struct cordon_dma_map){.memory = memories[index],
	                                      .flags = RW,
	                                      .iova = IOVA + index * IOVA_STEP,
	                                      .size = size};
}

/* A range of this task's space whose pages lie in the object in another order: pieces, which no two
 * make one. */
static void add_own_range(unsigned int index)
{
	static const uint64_t order[PIECES] = {3, 1, 5, 0, 4, 2};
	uint8_t *hole = test_memory(PIECES * PAGE, 0, &memories[index]);

	must(cordon_memory_unmap((uintptr_t)hole, PIECES * PAGE), "memory_unmap");
	for (unsigned int i = 0; i < PIECES; i++) {
		struct cordon_memory_map map = {.address = (uintptr_t)hole + i * PAGE,
		                                .offset = order[i] * PAGE,
		                                .size = PAGE,
		                                .prot = CORDON_PROT_READ | CORDON_PROT_WRITE,
		                                .flags = CORDON_MAP_FIXED};

		must(cordon_memory_map(memories[index], &map), "memory_map");
	}
	views[index] = hole;
	maps[index] = (struct cordon_dma_map){.memory = CORDON_HANDLE_NONE,
	                                      .flags = RW,
	                                      .offset = (uintptr_t)hole,
	                                      .iova = IOVA + index * IOVA_STEP,
	                                      .size = PIECES * PAGE};
}

void devices_start(void)
{
	add_memory(0, PAGE, 0);
	add_own_range(1);
	add_memory(2, 70 * PAGE, CORDON_MEMORY_SCATTER);
	add_memory(3, HUGE, CORDON_MEMORY_HUGE);
	add_memory(PROBE, PAGE, CORDON_MEMORY_CONTIGUOUS);
}

void devices_trust(void)
{
	struct edu edu;

	edu_open_group(&edu);
	must(cordon_group_trust_reset(test_authority(), edu.group, edu.bdf), "trust_reset");
	must(cordon_handle_close(edu.group), "handle_close");
}

uint64_t devices_page_address(void)
{
	return test_physical(memories[PROBE], 0);
}

uint8_t *devices_page(uint64_t *iova)
{
	*iova = maps[PROBE].iova;
	return views[PROBE];
}

int64_t devices_map_page(struct life *life)
{
	return cordon_container_map(life->edu.container, &maps[PROBE]);
}

void devices_forget_page(void)
{
	undo_unmap((uintptr_t)views[PROBE], PAGE);
	must(cordon_handle_close(memories[PROBE]), "handle_close");
}

/* --- DMA ------------------------------------------------------------------------------------- */

static bool holds_canary(unsigned int index)
{
	for (uint64_t i = 0; i < maps[index].size; i++)
		if (views[index][i] != CANARY)
			return false;
	return true;
}

static int64_t open_device(struct life *life)
{
	return MAY(cordon_group_device(life->edu.group, life->edu.bdf, &life->edu.device), ENOMEM,
	           EMFILE);
}

static int64_t map_registers(struct life *life)
{
	struct cordon_region_map map = {.size = REGISTERS,
	                                .prot = CORDON_PROT_READ | CORDON_PROT_WRITE};
	int64_t result = MAY(cordon_device_region_map(life->edu.device, 0, &map), ENOMEM, 0);

	if (result)
		return result;
	life->edu.registers = (volatile uint8_t *)(uintptr_t)map.address;
	life->registers_size = REGISTERS;
	return 0;
}

/* A map failed: nothing of it is reachable. The same map works now, and is reachable. */
static void try_dma(struct life *life, unsigned int index)
{
	bool right;

	if (sampled[index]++)
		return;
	must(open_device(life), "group_device");
	edu_set_command(&life->edu, EDU_COMMAND_MEMORY | EDU_COMMAND_MASTER);
	must(map_registers(life), "device_region_map");
	memset(views[index], CANARY, maps[index].size);
	edu_store(&life->edu, maps[index].iova, EDU_ROOM);
	right = holds_canary(index);
	must(cordon_container_map(life->edu.container, &maps[index]), "the map that failed");
	edu_store(&life->edu, maps[index].iova, EDU_ROOM);
	right &= !holds_canary(index);
	devices_right += right;
	devices_wrong += !right;
}

/* Some results count something when they are no errors. */
static int64_t no_count(int64_t result)
{
	return result < 0 ? result : 0;
}

/* --- steps ----------------------------------------------------------------------------------- */

static int64_t map_all(struct life *life, bool *failed, unsigned int *which)
{
	for (unsigned int i = 0; i < DEVICES_MAPS; i++) {
		int64_t result = MAY(cordon_container_map(life->edu.container, &maps[i]), ENOMEM,
		                     ENOSPC);

		life->page_named |= i == PROBE;
		if (!result)
			continue;
		*failed = true;
		*which = i;
		return result;
	}
	return 0;
}

/* One IOVA from one piece of memory to another, and a further map. */
static int64_t batch(struct life *life)
{
	struct cordon_dma_op ops[4];
	int64_t done;

	memset(ops, 0, sizeof(ops));
	ops[0].op = CORDON_DMA_OP_UNMAP;
	ops[0].map = maps[0];
	ops[1].op = CORDON_DMA_OP_MAP;
	ops[1].map = maps[4];
	ops[1].map.iova = maps[0].iova;
	ops[2].op = CORDON_DMA_OP_MAP;
	ops[2].map = maps[2];
	ops[2].map.iova += 100 * IOVA_STEP;
	ops[3].op = CORDON_DMA_OP_UNMAP;
	ops[3].map = ops[2].map;
	done = MAY(cordon_container_batch(life->edu.container, ops, 4), ENOMEM, 0);
	if (done < 0 || done == 4)
		return no_count(done);
	return sweep_may("a step of container_batch", ops[done].result, ENOMEM, ENOSPC);
}

/* Group into container. */
static int64_t join(struct life *life)
{
	struct cordon_container_info info;
	struct cordon_group_status status;
	int number = test_find_group(EDU_VENDOR, EDU_DEVICE, 0, 0, &life->edu.bdf);
	int64_t result = MAY(cordon_container_create(&life->edu.container), ENOMEM, EMFILE);

	if (number < 0)
		tap_bail("no edu");
	if (!result)
		result = MAY(
		        cordon_group_open(test_authority(), (uint32_t)number, &life->edu.group),
		        ENOMEM, EMFILE);
	if (!result)
		result = MAY(cordon_group_status(life->edu.group, &status), 0, 0);
	if (!result)
		result = MAY(
		        cordon_group_trust_reset(test_authority(), life->edu.group, life->edu.bdf),
		        0, 0);
	if (!result)
		result = MAY(cordon_container_add_group(life->edu.container, life->edu.group),
		             ENOMEM, ENOSPC);
	if (!result)
		result = MAY(cordon_container_info(life->edu.container, &info), 0, 0);
	return result;
}

static int64_t begin(struct life *life, bool *failed, unsigned int *which)
{
	const uint16_t command = EDU_COMMAND_MEMORY | EDU_COMMAND_MASTER;
	int64_t result;

	*life = (struct life){.edu = {.group = CORDON_HANDLE_NONE,
	                              .container = CORDON_HANDLE_NONE,
	                              .device = CORDON_HANDLE_NONE}};
	result = join(life);
	if (!result)
		result = map_all(life, failed, which);
	if (!result)
		result = open_device(life);
	if (!result)
		result = no_count(
		        MAY(cordon_device_region_write(life->edu.device, CORDON_REGION_CONFIG, 4,
		                                       &command, sizeof(command)),
		            0, 0));
	if (!result)
		result = map_registers(life);
	return result;
}

int64_t life_begin(struct life *life)
{
	unsigned int which;
	bool failed;

	return begin(life, &failed, &which);
}

static int64_t look(struct life *life)
{
	struct cordon_device_info device;
	struct cordon_region_info region;
	struct cordon_irq_info irq;
	struct cordon_fault fault;
	uint32_t word;
	int64_t result = MAY(cordon_device_info(life->edu.device, &device), 0, 0);

	for (uint32_t i = 0; !result && i < CORDON_REGION_COUNT; i++)
		result = MAY(cordon_device_region_info(life->edu.device, i, &region), 0, 0);
	for (uint32_t i = 0; !result && i < CORDON_IRQ_COUNT; i++)
		result = MAY(cordon_device_irq_info(life->edu.device, i, &irq), 0, 0);
	if (!result)
		result = MAY(cordon_container_faults(life->edu.container, &fault, 1, NULL), 0, 0);
	if (result < 0)
		return result;
	result = MAY(cordon_device_region_read(life->edu.device, 0, 4, &word, sizeof(word)), ENOMEM,
	             0);
	if (result >= 0)
		result = MAY(
		        cordon_device_region_write(life->edu.device, 0, 4, &word, sizeof(word)),
		        ENOMEM, 0);
	return no_count(result);
}

int64_t life_use(struct life *life)
{
	int64_t result = look(life);

	if (!result)
		result = batch(life);
	if (!result)
		result = MAY(cordon_container_unmap(life->edu.container, maps[3].iova, HUGE, NULL),
		             EIO, 0);
	if (!result && cordon_device_reset(life->edu.device) != -ENOTTY)
		tap_bail("edu has a reset");
	return result;
}

static void close_if(cordon_handle_t handle)
{
	if (handle != CORDON_HANDLE_NONE)
		must(cordon_handle_close(handle), "handle_close");
}

void life_end(struct life *life)
{
	if (life->registers_size)
		undo_unmap((uintptr_t)life->edu.registers, life->registers_size);
	close_if(life->edu.device);
	close_if(life->edu.group);
	close_if(life->edu.container);
}

int64_t devices_life(void)
{
	struct life life;
	unsigned int which = 0;
	bool failed = false;
	int64_t result = begin(&life, &failed, &which);

	if (failed)
		try_dma(&life, which);
	if (!result)
		result = life_use(&life);
	if (!result)
		result = MAY(cordon_container_unmap(life.edu.container, 0, UINT64_MAX, NULL), EIO,
		             0);
	life_end(&life);
	return result;
}
