/* SPDX-License-Identifier: MIT */
/*
 * usage: /test/fuzz_calls[,SEED[,STEPS[,VICTIM]]]
 *
 * System calls without sense from ring 3, in tasks with a budget that hold the group of the NVMe
 * device and no other: edu's transfers would end the emulator. Whatever they did, and whatever
 * ended them: nothing is left of them, what they could only read is unchanged, and the system
 * works. The calls are the same for the same seed. They are all made twice, and counters are
 * compared after the first and the second time: what the kernel keeps in reserve is then the same.
 *
 * With VICTIM, that victim (they count from 0) says in the log what it calls, before it does.
 */
#include <cordon/errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tests/guest/fuzz/table.h>
#include <tests/guest/fuzz/victim.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>

#define PAGE          4096u
#define CANARY        0xc5
#define VICTIM_STEPS  250u
#define SEEDS         1000000u /* victims of one seed at most */
#define PATIENCE_NS   UINT64_C(20000000000)
#define DEFAULT_SEED  1u
#define DEFAULT_STEPS 2000u

static cordon_handle_t group, canary;
static uint8_t *canary_bytes;
static cordon_bdf_t nvme;
static uint32_t ended_by[CORDON_CAUSE_DMA + 1];
static cordon_handle_t record_memory;
static struct fuzz_record *record;
static uint64_t told = UINT64_MAX; /* the victim that says what it does */

/* The page that the kernel filled and never touches. */
static uint64_t system_canary_sum(void)
{
	static uint8_t bytes[PAGE];
	uint64_t address, sum = 0;

	if (cordon_system_canary(test_authority(), &address) < 0 ||
	    cordon_system_memory_read(test_authority(), address, bytes, sizeof(bytes)) < 0)
		tap_bail("the kernel's canary cannot be read");
	for (unsigned int i = 0; i < PAGE; i++)
		sum = sum * 31 + bytes[i];
	return sum;
}

static int canary_is_intact(void)
{
	for (unsigned int i = 0; i < PAGE; i++)
		if (canary_bytes[i] != CANARY)
			return 0;
	return 1;
}

static const char *name_of(uint64_t number)
{
#define SYSCALL(value, name, prototype) \
	case value:                     \
		return #name;
	switch (number) {
#include <cordon/syscalls.def>
	default:
		return "(none)";
	}
#undef SYSCALL
}

static void accuse(uint64_t number, const char *what)
{
	tap_note("victim %llu %s: step %llu, %s, last result %lld", (unsigned long long)number,
	         what, (unsigned long long)record->step, name_of(record->number),
	         (long long)record->result);
}

/* Waits for its end. A fault is what a task gets that unmaps itself. */
static int judge_victim(uint64_t number, cordon_handle_t task)
{
	struct cordon_task_info info;

	if (cordon_task_wait(task, cordon_now() + PATIENCE_NS, &info) < 0) {
		accuse(number, "does not end");
		cordon_task_kill(task, 1);
		child_wait(task);
		return 0;
	}
	ended_by[info.cause]++;
	if (info.cause == CORDON_CAUSE_FAULT ||
	    (info.cause == CORDON_CAUSE_EXIT && info.code == VICTIM_DONE))
		return 1;
	tap_note("cause %u, code %lld", info.cause, (long long)info.code);
	accuse(number, "ended as it may not");
	return 0;
}

/* Runs one victim. Returns whether it ended in one of the ways it may. */
static int run_victim(uint64_t seed, uint64_t number)
{
	char seed_text[24], bdf_text[16];
	const struct child child = {
	        .arguments = {"victim", seed_text, bdf_text, number == told ? "tell" : NULL},
	        .gives = {{group, "group", 0},
	                  {canary, "canary",
	                   CORDON_RIGHT_READ | CORDON_RIGHT_MAP | CORDON_RIGHT_DUP |
	                           CORDON_RIGHT_TRANSFER},
	                  {test_authority(), "authority",
	                   CORDON_RIGHT_INSPECT | CORDON_RIGHT_DUP | CORDON_RIGHT_TRANSFER},
	                  {test_initramfs(), "initramfs", 0},
	                  {record_memory, "record", 0}},
	        .budget = {.frames = 1500,
	                   .handles = 200,
	                   .threads = 8,
	                   .mappings = 200,
	                   .objects = 200},
	};
	cordon_handle_t task;
	unsigned long long own_seed = seed * SEEDS + number;
	int good;

	snprintf(seed_text, sizeof(seed_text), "%llu", own_seed);
	snprintf(bdf_text, sizeof(bdf_text), "%u", nvme);
	if (child_start(&child, &task) < 0)
		tap_bail("victim %llu cannot be started", (unsigned long long)number);
	good = judge_victim(number, task);
	cordon_handle_close(task);
	return good;
}

/* Children of victims end by themselves; their ends are waited for. */
static void wait_for_quiet(void)
{
	struct cordon_task_info info;

	for (int i = 0; i < 2000; i++) {
		uint32_t tasks = 0;

		while (cordon_system_info(test_authority(), CORDON_SYSTEM_TASKS, tasks, &info,
		                          sizeof(info)) == 0)
			tasks++;
		if (tasks <= 2) /* init and this one */
			return;
		test_sleep_ms(1);
	}
	tap_bail("tasks of victims do not end");
}

/* Every victim has a seed of its own. Which one is at work is told: if the kernel does not survive
 * it, that is the last line. */
static int run_victims(uint64_t seed, uint64_t victims)
{
	int good = 1;

	for (uint64_t i = 0; i < victims; i++) {
		if (i % 16 == 0)
			tap_note("victims %llu to %llu", (unsigned long long)i,
			         (unsigned long long)i + 15);
		good &= run_victim(seed, i);
	}
	wait_for_quiet();
	return good;
}

/* Calls that can succeed do so now and then; a fuzzer whose arguments are all refused at once finds
 * nothing. */
static void calls_succeed(uint64_t steps)
{
	static struct call calls[CALLS_MAX];
	uint32_t count = calls_read(calls), made = 0, succeeded = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (calls[i].weight == 0 || calls[i].number >= CORDON_SYSCALL_LIMIT)
			continue;
		made++;
		if (record->succeeded[calls[i].number])
			succeeded++;
		else
			tap_note("%s never succeeded", calls[i].name);
	}
	if (steps < DEFAULT_STEPS)
		tap_skip("too few calls", "most calls succeeded at least once");
	else
		tap_ok(succeeded * 10 >= made * 7, "most calls succeeded at least once");
	tap_note("%u of %u", succeeded, made);
}

/* The device that all of them had can still be brought up. */
static void device_works(void)
{
	struct cordon_device_info info;
	cordon_handle_t container, device;

	tap_is(cordon_container_create(&container), 0, "a container can be made");
	tap_is(cordon_container_add_group(container, group), 0, "the group can be added to it");
	tap_is(cordon_group_device(group, nvme, &device), 0, "its device opens");
	tap_is(cordon_device_info(device, &info), 0, "and answers");
	cordon_handle_close(device);
	cordon_handle_close(container);
}

static void prepare(void)
{
	int number = test_find_group(0, 0, NVME_CLASS, 0, &nvme);

	if (number < 0)
		tap_bail("no NVMe device");
	if (cordon_group_open(test_authority(), (uint32_t)number, &group) < 0)
		tap_bail("its group cannot be opened");
	canary_bytes = test_memory(PAGE, 0, &canary);
	memset(canary_bytes, CANARY, PAGE);
	record = test_memory(sizeof(*record), 0, &record_memory);
}

static int parent(uint64_t seed, uint64_t steps)
{
	uint64_t victims = (steps + VICTIM_STEPS - 1) / VICTIM_STEPS, pages, heap, sum;
	int good;

	tap_note("seed %llu, %llu calls", (unsigned long long)seed, (unsigned long long)steps);
	prepare();
	sum = system_canary_sum();
	good = run_victims(seed, victims);
	pages = test_counter("pages.free");
	heap = test_counter("heap.bytes");
	good &= run_victims(seed, victims);
	tap_ok(good, "victims end as they may");
	tap_note("%u reached the end, %u ended by a fault", ended_by[CORDON_CAUSE_EXIT],
	         ended_by[CORDON_CAUSE_FAULT]);
	tap_ok(ended_by[CORDON_CAUSE_EXIT] > ended_by[CORDON_CAUSE_FAULT],
	       "most of them reached the end");
	calls_succeed(steps);
	tap_is((int64_t)test_counter("heap.bytes"), (int64_t)heap, "no kernel memory is lost");
	tap_is((int64_t)test_counter("pages.free"), (int64_t)pages, "no frame is lost");
	tap_ok(canary_is_intact(), "memory that they could only read is unchanged");
	tap_ok(system_canary_sum() == sum, "so is the kernel's canary");
	device_works();
	return tap_done();
}

static uint64_t number_or(int argc, char **argv, int index, uint64_t otherwise)
{
	return argc > index ? strtoull(argv[index], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "leaf") == 0)
		return 0;
	if (argc > 3 && strcmp(argv[1], "victim") == 0) {
		const struct victim victim = {
		        .seed = number_or(argc, argv, 2, 0),
		        .steps = VICTIM_STEPS,
		        .bdf = (cordon_bdf_t)number_or(argc, argv, 3, 0),
		        .tells = argc > 4,
		};

		cordon_task_exit(victim_main(&victim));
	}
	told = number_or(argc, argv, 3, UINT64_MAX);
	return parent(number_or(argc, argv, 1, DEFAULT_SEED),
	              number_or(argc, argv, 2, DEFAULT_STEPS));
}
