/* SPDX-License-Identifier: MIT */
/*
 * S8: whatever the moment at which a task is killed, everything that it held is released. A victim
 * makes one of everything; it is killed a little later each time, until it is killed when it has
 * it all. Under icount the moments are the same in every run. The argument: by how much later, in
 * ns; or "measured": a small part of the time that a victim takes. On several CPUs the victim runs
 * while it is killed.
 */
#include <cordon/errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <tests/guest/support/ledger.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>
#include <vfio/device.h>

#define PAGE        4096u
#define STEP_NS     UINT64_C(4000)
#define MOMENTS     1200 /* at most; with a sanitizer it takes half of them */
#define PARTS       200  /* of the time that a victim takes, when that is measured */
#define IOVA        UINT64_C(0x40000000)
#define PATIENCE_NS UINT64_C(20000000000)
#define LOOK_NS     UINT64_C(100000)
#define AT_END      4 /* kills of a victim that has everything */

/* How far the victim is; it says so in a page that the test sees. */
enum phase {
	PHASE_NONE,
	PHASE_STARTED,
	PHASE_MEMORY,
	PHASE_MESSAGES,
	PHASE_THREADS,
	PHASE_CHILD,
	PHASE_DEVICE,
	PHASE_DMA,
	PHASE_ALL,
	PHASES,
};

/* --- the victim ------------------------------------------------------------------------------ */

static volatile uint32_t *phase_page;

static void reached(enum phase phase)
{
	*phase_page = phase;
}

static int make_memory(void)
{
	char *reserved = mmap(NULL, 64 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct cordon_memory_map map = {.size = 8 * PAGE, .prot = CORDON_PROT_READ};
	cordon_handle_t memory;

	if (reserved == MAP_FAILED ||
	    mprotect(reserved + 8 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE))
		return 1;
	memset(reserved + 8 * PAGE, 1, 4 * PAGE);
	if (munmap(reserved + 9 * PAGE, PAGE) ||
	    cordon_memory_create(8 * PAGE, CORDON_MEMORY_SCATTER, &memory) ||
	    cordon_memory_map(memory, &map))
		return 1;
	return cordon_memory_unmap(map.address + 2 * PAGE, PAGE) != 0;
}

/* Messages that wait, with handles in them: to oneself, and to the test. */
static int make_messages(void)
{
	struct cordon_message_handle moved = {0};
	struct cordon_message message = {.handles = (uintptr_t)&moved, .handle_count = 1};
	cordon_handle_t ends[2], others[2];

	if (cordon_channel_create(ends) || cordon_channel_create(others) ||
	    cordon_event_create(0, &moved.handle) || cordon_channel_send(ends[0], &message))
		return 1;
	moved.handle = others[0];
	if (cordon_channel_send(ends[0], &message) ||
	    cordon_memory_create(2 * PAGE, 0, &moved.handle))
		return 1;
	return cordon_channel_send(cordon_handle_named("killer"), &message) != 0;
}

static void *sleeper(void *argument)
{
	pthread_mutex_lock(argument);
	return argument;
}

static int make_threads(void)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_t thread;

	pthread_mutex_lock(&mutex);
	return pthread_create(&thread, NULL, sleeper, &mutex) ||
	       pthread_create(&thread, NULL, sleeper, &mutex);
}

/* A task of its own, which ends when this one is gone. */
static int make_child(void)
{
	struct child child = {.arguments = {"orphan"}};
	cordon_handle_t ends[2], task;
	int64_t error;

	if (cordon_channel_create(ends))
		return 1;
	child.gives[0].handle = ends[1];
	child.gives[0].name = "parent";
	error = child_start(&child, &task);
	cordon_handle_close(ends[1]);
	return error != 0;
}

static int make_device(void)
{
	static struct vfio_device device;
	const struct vfio_open_params params = {
	        .match = vfio_match_id(EDU_VENDOR, EDU_DEVICE),
	        .container = CORDON_HANDLE_NONE,
	        .group = CORDON_HANDLE_NONE,
	        .authority = CORDON_HANDLE_NONE,
	};
	cordon_handle_t memory;

	if (vfio_device_open(&params, &device) || !vfio_bar_pointer(&device, 0, 0, 0x100))
		return 1;
	reached(PHASE_DMA);
	return cordon_memory_create(16 * PAGE, CORDON_MEMORY_SCATTER, &memory) ||
	       vfio_dma_map_memory(device.container, memory, 0, IOVA, 16 * PAGE,
	                           CORDON_DMA_READ | CORDON_DMA_WRITE);
}

static int victim(void)
{
	struct cordon_memory_map map = {.size = PAGE, .prot = CORDON_PROT_READ | CORDON_PROT_WRITE};
	int (*const makes[])(void) = {make_memory, make_messages, make_threads, make_child,
	                              make_device};

	if (cordon_memory_map(cordon_handle_named("phase"), &map))
		return 1;
	phase_page = (volatile uint32_t *)(uintptr_t)map.address;
	reached(PHASE_STARTED);
	for (unsigned int i = 0; i < sizeof(makes) / sizeof(makes[0]); i++) {
		reached(PHASE_MEMORY + i);
		if (makes[i]())
			return 2 + (int)i;
	}
	reached(PHASE_ALL);
	cordon_clock_sleep(CORDON_TIME_FOREVER);
	return 99;
}

static int orphan(void)
{
	struct cordon_wait item = {.handle = cordon_handle_named("parent"),
	                           .signals = CORDON_SIGNAL_PEER_CLOSED};

	return cordon_object_wait(&item, 1, CORDON_TIME_FOREVER) < 0;
}

/* --- the killer ------------------------------------------------------------------------------ */

static cordon_handle_t group, phase_memory, inbox[2];
static unsigned int met[PHASES];
static uint64_t step_ns = STEP_NS; /* 0: to be measured */

/* What the victim sent here is the test's own now. */
static void empty_inbox(void)
{
	struct cordon_message_handle moved[2];
	struct cordon_message message = {.handles = (uintptr_t)moved, .handle_count = 2};

	while (cordon_channel_receive(inbox[1], &message, CORDON_TIME_POLL) == 0) {
		for (uint32_t i = 0; i < message.handle_count; i++)
			cordon_handle_close(moved[i].handle);
		message.handle_count = 2;
	}
}

static cordon_handle_t victim_start(void)
{
	const struct child child = {
	        .arguments = {"victim"},
	        .gives = {{group, "group0", 0},
	                  {phase_memory, "phase", 0},
	                  {test_initramfs(), "initramfs", 0},
	                  {inbox[0], "killer", 0}},
	};
	cordon_handle_t task;

	*phase_page = PHASE_NONE;
	if (child_start(&child, &task) < 0)
		tap_bail("no victim can be started");
	return task;
}

/* Returns how it ended. */
static struct cordon_task_info victim_end(cordon_handle_t task)
{
	struct cordon_task_info info;

	cordon_task_kill(task, 0);
	info = child_wait(task);
	cordon_handle_close(task);
	met[*phase_page]++;
	empty_inbox();
	return info;
}

static struct cordon_task_info kill_after(uint64_t delay)
{
	cordon_handle_t task = victim_start();

	cordon_clock_sleep(cordon_now() + delay);
	return victim_end(task);
}

/* Kills a victim that has everything. Returns how long it took to get that, in ns. */
static uint64_t kill_at_end(void)
{
	uint64_t start = cordon_now(), time;
	cordon_handle_t task = victim_start();

	while (*phase_page != PHASE_ALL && cordon_now() - start < PATIENCE_NS)
		cordon_clock_sleep(cordon_now() + LOOK_NS);
	time = cordon_now() - start;
	victim_end(task);
	return time;
}

/* What the system makes once and keeps is there afterwards, such as the table of a bus, which an
 * IOMMU gets with the first device behind it. */
static void warm_up(void)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 3; i++) {
		uint64_t time = kill_at_end();

		if (time < least)
			least = time;
	}
	if (step_ns == 0)
		step_ns = least / PARTS;
	tap_note("a victim takes %llu us", (unsigned long long)(least / 1000));
}

static void sweep(void)
{
	static struct ledger before;
	unsigned int lost = 0, wrong = 0, moments = 0;
	struct cordon_task_info info;

	warm_up();
	memset(met, 0, sizeof(met));
	test_sleep_ms(20);
	ledger_take_at_rest(&before);
	for (; moments < MOMENTS && met[PHASE_ALL] < AT_END; moments++) {
		info = kill_after(moments * step_ns);
		wrong += info.cause != CORDON_CAUSE_KILL;
		if (ledger_settles(&before, lost == 0))
			continue;
		tap_note("killed after %" PRIu64 " ns, in phase %u", moments * step_ns,
		         (unsigned int)*phase_page);
		if (++lost > 3)
			break;
	}
	tap_note("%u moments", moments);
	tap_is(wrong, 0, "every victim was ended by the kill");
	tap_is(lost, 0, "S8: whatever the moment, everything is released");
	tap_ok(met[PHASE_ALL] >= AT_END, "the last victims had everything");
}

/* Without which the sweep shows nothing. Where time depends on the host, the short ones are met by
 * chance only. */
static void check_phases(bool measured)
{
	unsigned int found = 0, wanted = measured ? PHASES / 2 : PHASES - 1;

	for (unsigned int i = 0; i < PHASES; i++) {
		tap_note("phase %u: %u victims", i, met[i]);
		found += met[i] > 0;
	}
	tap_ok(found >= wanted, "victims were killed in %s",
	       measured ? "many phases" : "nearly every phase");
}

int main(int argc, char **argv)
{
	const struct cordon_thread_settings realtime = {.what = CORDON_THREAD_SET_CLASS,
	                                                .scheduling = CORDON_THREAD_REALTIME};
	bool measured = argc > 1 && strcmp(argv[1], "measured") == 0;
	cordon_bdf_t bdf;
	int number;

	if (argc > 1 && strcmp(argv[1], "victim") == 0)
		return victim();
	if (argc > 1 && strcmp(argv[1], "orphan") == 0)
		return orphan();
	if (argc > 1)
		step_ns = measured ? 0 : strtoull(argv[1], NULL, 0);
	number = test_find_group(EDU_VENDOR, EDU_DEVICE, 0, 0, &bdf);
	if (number < 0 || cordon_group_open(test_authority(), (uint32_t)number, &group) < 0 ||
	    cordon_group_trust_reset(test_authority(), group, bdf) < 0)
		tap_bail("the group of edu cannot be opened");
	/* The killer runs at once when its time has come. */
	if (cordon_thread_set(CORDON_HANDLE_NONE, &realtime) != 0)
		tap_bail("no real-time class");
	phase_page = test_memory(PAGE, 0, &phase_memory);
	if (cordon_channel_create(inbox))
		tap_bail("no channel");
	sweep();
	check_phases(measured);
	return tap_done();
}
