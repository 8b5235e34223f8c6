/* SPDX-License-Identifier: MIT */
/*
 * Tasks that are started, written to, killed and started again at random, while they map, fault,
 * send and start others (worker.c). Then all of it is ended, and every counter must be back at
 * its start. What happens comes from a seed, when it happens from the machine: under icount, on one
 * CPU, a run can be repeated. Arguments: the first seed, how many seeds, steps of each.
 */
#include <cordon/errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tests/guest/stress/stress.h>
#include <tests/guest/support/ledger.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>

#define PAGE      CORDON_PAGE_SIZE
#define SLOTS     5
#define SEEDS     3
#define STEPS     80
#define KILL_CODE 77
#define PATIENCE  UINT64_C(120000000000)
#define SETTLE_MS 20
#define CROWD     60
#define CROWD_NS  UINT64_C(20000000)

struct slot {
	cordon_handle_t task; /* NONE: free */
	cordon_handle_t channel;
	uint64_t seed;
	bool killed;
};

static struct slot slots[SLOTS];
static struct random numbers;
static cordon_handle_t container, group;
static unsigned int wrong, started, killed, faulted, sent, received;

/* --- one worker ------------------------------------------------------------------------------ */

static void start(struct slot *slot)
{
	struct child child = {.arguments = {"stress", "worker", NULL},
	                      .budget = {.frames = 700,
	                                 .handles = 90,
	                                 .threads = 8,
	                                 .mappings = 80,
	                                 .objects = 120}};
	cordon_handle_t ends[2];
	char number[24];
	int gives = 0;

	slot->seed = random_next(&numbers);
	slot->killed = false;
	snprintf(number, sizeof(number), "%llu", (unsigned long long)slot->seed);
	child.arguments[2] = number;
	if (cordon_channel_create(ends) < 0)
		tap_bail("no channel");
	child.gives[gives].handle = ends[1];
	child.gives[gives++].name = "channel";
	child.gives[gives].handle = test_initramfs();
	child.gives[gives++].name = "initramfs";
	if (container != CORDON_HANDLE_NONE && random_below(&numbers, 2)) {
		child.gives[gives].handle = container;
		child.gives[gives++].name = "container";
		child.gives[gives].handle = group;
		child.gives[gives++].name = "group";
	}
	if (child_start(&child, &slot->task) < 0)
		tap_bail("no worker");
	cordon_handle_close(ends[1]);
	slot->channel = ends[0];
	started++;
}

static void judge(const struct slot *slot, const struct cordon_task_info *info)
{
	bool good = (info->cause == CORDON_CAUSE_EXIT && info->code == WORKER_DONE) ||
	            info->cause == CORDON_CAUSE_FAULT ||
	            (info->cause == CORDON_CAUSE_KILL && slot->killed && info->code == KILL_CODE);

	faulted += info->cause == CORDON_CAUSE_FAULT;
	if (good)
		return;
	wrong++;
	tap_note("worker %llu: cause %u, code %lld", (unsigned long long)slot->seed, info->cause,
	         (long long)info->code);
}

/* Takes what ended; waits for it, if asked to. */
static void reap(struct slot *slot, bool wait)
{
	struct cordon_task_info info;

	if (slot->task == CORDON_HANDLE_NONE)
		return;
	if (wait && cordon_task_wait(slot->task, cordon_now() + PATIENCE, &info) < 0)
		tap_bail("worker %llu does not end", (unsigned long long)slot->seed);
	if (cordon_task_info(slot->task, &info) < 0 || info.state != CORDON_TASK_ENDED)
		return;
	judge(slot, &info);
	cordon_handle_close(slot->task);
	cordon_handle_close(slot->channel);
	slot->task = CORDON_HANDLE_NONE;
}

/* --- what is done to them -------------------------------------------------------------------- */

static void write_to(const struct slot *slot)
{
	struct cordon_message_handle handle = {0};
	uint8_t bytes[64];
	struct cordon_message message = {.bytes = (uintptr_t)bytes,
	                                 .handles = (uintptr_t)&handle,
	                                 .size = random_below(&numbers, sizeof(bytes))};

	memset(bytes, (int)random_below(&numbers, 256), sizeof(bytes));
	if (random_below(&numbers, 2) && cordon_memory_create(PAGE, 0, &handle.handle) == 0)
		message.handle_count = 1;
	if (cordon_channel_send(slot->channel, &message) == 0)
		sent++;
	else if (message.handle_count) /* it stays with the sender */
		cordon_handle_close(handle.handle);
}

static void read_from(const struct slot *slot)
{
	struct cordon_message_handle handle = {0};
	uint8_t bytes[64];

	for (;;) {
		struct cordon_message message = {.bytes = (uintptr_t)bytes,
		                                 .handles = (uintptr_t)&handle,
		                                 .size = sizeof(bytes),
		                                 .handle_count = 1};

		if (cordon_channel_receive(slot->channel, &message, CORDON_TIME_POLL) < 0)
			return;
		received++;
		for (uint32_t i = 1; i < message.size; i++)
			wrong += bytes[i] != bytes[0];
		if (message.handle_count)
			cordon_handle_close(handle.handle);
	}
}

static void end(struct slot *slot)
{
	if (cordon_task_kill(slot->task, KILL_CODE) == 0) {
		slot->killed = true;
		killed++;
	}
}

static void step(void)
{
	struct slot *slot = &slots[random_below(&numbers, SLOTS)];

	reap(slot, false);
	if (slot->task == CORDON_HANDLE_NONE) {
		start(slot);
		return;
	}
	switch (random_below(&numbers, 8)) {
	case 0:
		end(slot);
		break;
	case 1:
	case 2:
		read_from(slot);
		break;
	case 3:
	case 4:
		write_to(slot);
		break;
	case 5:
		cordon_thread_yield();
		break;
	default:
		cordon_clock_sleep(cordon_now() + random_below(&numbers, 3000000));
	}
}

/* --- runs ------------------------------------------------------------------------------------ */

/* The disk in a container of its own, for workers to fight over. */
static void open_device(void)
{
	cordon_bdf_t bdf;
	int number = test_find_group(0, 0, NVME_CLASS, 0, &bdf);

	container = group = CORDON_HANDLE_NONE;
	if (number < 0 || cordon_group_open(test_authority(), (uint32_t)number, &group) < 0)
		return;
	if (cordon_container_create(&container) < 0 ||
	    cordon_container_add_group(container, group) < 0)
		tap_bail("the disk's group is in no container");
}

static void run(uint64_t seed, unsigned long steps)
{
	numbers = random_of(seed);
	for (int i = 0; i < SLOTS; i++)
		slots[i].task = CORDON_HANDLE_NONE;
	open_device();
	for (unsigned long i = 0; i < steps; i++)
		step();
	for (int i = 0; i < SLOTS; i++)
		if (slots[i].task != CORDON_HANDLE_NONE && random_below(&numbers, 2))
			end(&slots[i]);
	for (int i = 0; i < SLOTS; i++)
		reap(&slots[i], true);
	cordon_handle_close(container);
	cordon_handle_close(group);
}

static _Noreturn void brief(uint64_t until)
{
	cordon_clock_sleep(until);
	for (;;)
		cordon_thread_exit();
}

/* As many threads at once as there will be: the kernel's tables for their stacks stay. */
static void warm_up(void)
{
	static uint8_t stacks[CROWD][1024] __attribute__((aligned(16)));
	struct cordon_thread thread = {.entry = (uintptr_t)brief, .name = "brief"};
	cordon_handle_t handles[CROWD];
	struct cordon_wait item = {.signals = CORDON_SIGNAL_TERMINATED};

	thread.argument = cordon_now() + CROWD_NS;
	for (int i = 0; i < CROWD; i++) {
		/* As after a call: 8 bytes off 16. */
		thread.stack = (uintptr_t)stacks[i] + sizeof(stacks[i]) - 8;
		if (cordon_thread_create(&thread, &handles[i]) < 0)
			tap_bail("not enough threads");
	}
	for (int i = 0; i < CROWD; i++) {
		item.handle = handles[i];
		cordon_object_wait(&item, 1, CORDON_TIME_FOREVER);
		cordon_handle_close(handles[i]);
	}
}

/* Tasks that the workers started and let go of may be ending still. */
static bool settles(const struct ledger *before)
{
	uint64_t until = cordon_now() + PATIENCE;
	struct ledger after;

	do {
		ledger_take(&after);
		if (ledger_same(before, &after, false))
			return true;
		test_sleep_ms(SETTLE_MS);
	} while (cordon_now() < until);
	return ledger_same(before, &after, true);
}

static void test_seed(uint64_t seed, unsigned long steps)
{
	struct ledger before;

	wrong = started = killed = faulted = sent = received = 0;
	ledger_take_at_rest(&before);
	run(seed, steps);
	tap_is(wrong, 0, "seed %llu: workers do as they should", (unsigned long long)seed);
	tap_ok(settles(&before), "seed %llu: every counter is back at its start",
	       (unsigned long long)seed);
	tap_note("%u started, %u killed, %u faulted, %u messages sent, %u received", started,
	         killed, faulted, sent, received);
}

int main(int argc, char **argv)
{
	uint64_t seed;
	unsigned long seeds, steps;

	if (argc > 2 && strcmp(argv[1], "stress") == 0)
		return strcmp(argv[2], "brief") == 0 ? 0 : worker_main(strtoull(argv[3], NULL, 10));
	seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	seeds = argc > 2 ? strtoul(argv[2], NULL, 10) : SEEDS;
	steps = argc > 3 ? strtoul(argv[3], NULL, 10) : STEPS;
	warm_up();
	run(seed, SLOTS * 4); /* what is kept for good is kept by now */
	for (unsigned long i = 0; i < seeds; i++)
		test_seed(seed + i, steps);
	return tap_done();
}
