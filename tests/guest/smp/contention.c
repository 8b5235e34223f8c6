/* SPDX-License-Identifier: MIT */
/*
 * Tasks that have nothing to do with each other do not wait for each other in the kernel. Each has
 * a CPU and a device of its own; all map and unmap at the same time, for themselves and for their
 * devices, and then make system calls, wait, wake and send messages within themselves. Of the locks
 * that are taken meanwhile less than 1 in 100 is somebody else's just then. Only the queue of the
 * IOMMU is one for all.
 *
 * Acquisitions are counted, not time: a CPU that an emulator puts aside while it has a lock makes
 * each of the others wait once.
 */
#define _GNU_SOURCE
#include <cordon/errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>

#define PAGE        4096u
#define WORKERS     4u
#define WARM_UP     64u /* what is kept for later is there then */
#define CLASSES_MAX 64u
#define TAKES_MAX   6u
#define IOVA        UINT64_C(0x100000)
#define PATIENCE    (UINT64_C(1000) * 1000000000) /* the time limit of the case comes before */
#define EXIT_BROKEN 6

/* --- a worker: a task of two threads on one CPU ----------------------------------------------- */

static struct {
	cordon_handle_t container, memory, ask, answer, calls, serves;
	uint32_t turn; /* 0: the worker's, 1: its partner's */
} own;

static void must(int64_t result)
{
	if (result < 0)
		exit(EXIT_BROKEN);
}

static void pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(-pthread_setaffinity_np(pthread_self(), sizeof(set), &set));
}

static void await_turn(uint32_t turn)
{
	while (__atomic_load_n(&own.turn, __ATOMIC_ACQUIRE) != turn)
		cordon_futex_wait(&own.turn, !turn, CORDON_TIME_FOREVER, 0);
}

static void give_turn(uint32_t turn)
{
	__atomic_store_n(&own.turn, turn, __ATOMIC_RELEASE);
	must(cordon_futex_wake(&own.turn, 1, 0));
}

static void *partner(void *cpu)
{
	uint64_t value;

	pin((unsigned int)(uintptr_t)cpu);
	for (;;) {
		struct cordon_message message = {.bytes = (uintptr_t)&value, .size = sizeof(value)};

		must(cordon_event_wait(own.ask, CORDON_TIME_FOREVER, &value));
		must(cordon_event_signal(own.answer, value));
		await_turn(1);
		give_turn(0);
		must(cordon_channel_receive(own.serves, &message, CORDON_TIME_FOREVER));
		must(cordon_channel_send(own.serves, &message));
	}
	return NULL;
}

static void map_for_device(void)
{
	const struct cordon_dma_map map = {.memory = own.memory,
	                                   .flags = CORDON_DMA_READ | CORDON_DMA_WRITE,
	                                   .iova = IOVA,
	                                   .size = PAGE};

	must(cordon_container_map(own.container, &map));
	must(cordon_container_unmap(own.container, IOVA, PAGE, NULL));
}

static void map_for_itself(uint64_t size)
{
	struct cordon_memory_map map = {.size = size, .prot = CORDON_PROT_READ | CORDON_PROT_WRITE};
	cordon_handle_t memory;

	must(cordon_memory_create(size, 0, &memory));
	must(cordon_memory_map(memory, &map));
	*(volatile uint32_t *)(uintptr_t)map.address = 1;
	must(cordon_memory_unmap(map.address, size));
	must(cordon_handle_close(memory));
}

static void wait_and_wake(void)
{
	uint64_t value;

	must(cordon_event_signal(own.ask, 1));
	must(cordon_event_wait(own.answer, CORDON_TIME_FOREVER, &value));
	give_turn(1);
	await_turn(0);
}

static void call(void)
{
	uint64_t question = 1, reply;
	const struct cordon_message request = {.bytes = (uintptr_t)&question,
	                                       .size = sizeof(question)};
	struct cordon_message answer = {.bytes = (uintptr_t)&reply, .size = sizeof(reply)};

	must(cordon_channel_call(own.calls, &request, &answer, CORDON_TIME_FOREVER));
}

/* What all do at the same time, so many times, and which locks that is bound to take each time. */
static void maps(void)
{
	map_for_device();
	map_for_itself(PAGE);
	map_for_itself(4 * PAGE);
}

static void calls(void)
{
	cordon_null();
	map_for_itself(PAGE);
	map_for_itself(4 * PAGE);
	wait_and_wake();
	call();
}

static const struct phase {
	const char *name;
	void (*round)(void);
	unsigned int rounds;
	const char *takes[TAKES_MAX]; /* NULL ends the list */
} phases[] = {
        {"maps", maps, 300, {"container", "handles", "aspace", "domain"}},
        {"calls", calls, 1000, {"channel", "handles", "aspace", "object", "futex", "scheduler"}},
};

#define PHASES (sizeof(phases) / sizeof(phases[0]))

static void work(const struct phase *phase, unsigned int rounds)
{
	while (rounds-- > 0)
		phase->round();
}

static void worker_setup(unsigned int cpu)
{
	cordon_handle_t ends[2];
	pthread_t thread;

	pin(cpu);
	must(cordon_container_create(&own.container));
	must(cordon_container_add_group(own.container, cordon_handle_named("group")));
	must(cordon_memory_create(PAGE, 0, &own.memory));
	must(cordon_event_create(0, &own.ask));
	must(cordon_event_create(0, &own.answer));
	must(cordon_channel_create(ends));
	own.calls = ends[0];
	own.serves = ends[1];
	must(-pthread_create(&thread, NULL, partner, (void *)(uintptr_t)cpu));
	for (unsigned int i = 0; i < PHASES; i++)
		work(&phases[i], WARM_UP);
}

/* Its end, which takes many a lock, is not a part of the run: it waits for being killed. */
static int child_main(unsigned int cpu)
{
	worker_setup(cpu);
	for (unsigned int i = 0; i < PHASES; i++) {
		struct cordon_wait begin = {.handle = cordon_handle_named(phases[i].name),
		                            .signals = CORDON_SIGNAL_READABLE};

		must(cordon_event_signal(cordon_handle_named("told"), 1));
		must(cordon_object_wait(&begin, 1, CORDON_TIME_FOREVER));
		work(&phases[i], phases[i].rounds);
	}
	must(cordon_event_signal(cordon_handle_named("told"), 1));
	return (int)cordon_clock_sleep(CORDON_TIME_FOREVER);
}

/* --- the counters ----------------------------------------------------------------------------- */

struct class
{
	char name[sizeof(((struct cordon_counter *)NULL)->name)];
	uint64_t taken, waited;
};

static struct class classes[CLASSES_MAX];
static unsigned int class_count;

/* lock.NAME.taken and lock.NAME.waited, one behind the other: what they are now less what is in
 * classes. So after the second call those are what was counted in between. */
static void count(void)
{
	struct cordon_counter counter;

	class_count = 0;
	for (uint32_t i = 0; cordon_system_info(test_authority(), CORDON_SYSTEM_COUNTERS, i,
	                                        &counter, sizeof(counter)) == 0;
	     i++) {
		struct class *class = &classes[class_count];

		if (strncmp(counter.name, "lock.", 5) != 0)
			continue;
		if (strstr(counter.name, ".taken")) {
			snprintf(class->name, sizeof(class->name), "%.*s",
			         (int)strcspn(counter.name + 5, "."), counter.name + 5);
			class->taken = counter.value - class->taken;
			continue;
		}
		class->waited = counter.value - class->waited;
		if (++class_count == CLASSES_MAX)
			tap_bail("more locks than expected");
	}
}

/* --- the test --------------------------------------------------------------------------------- */

static cordon_handle_t told, begin[PHASES];

static void start(unsigned int number, cordon_handle_t *task)
{
	struct child child = {.gives = {{told, "told", 0}}};
	char cpu[4];
	cordon_bdf_t bdf;
	int group = test_find_group(EDU_VENDOR, EDU_DEVICE, 0, number, &bdf);

	if (group < 0)
		tap_bail("this test needs %u devices", WORKERS);
	snprintf(cpu, sizeof(cpu), "%u", number);
	child.arguments[0] = cpu;
	child.gives[1].name = "group";
	must(cordon_group_open(test_authority(), (uint32_t)group, &child.gives[1].handle));
	for (unsigned int i = 0; i < PHASES; i++) {
		child.gives[2 + i].name = phases[i].name;
		child.gives[2 + i].handle = begin[i];
	}
	must(child_start(&child, task));
	cordon_handle_close(child.gives[1].handle);
}

static void await_all(void)
{
	uint64_t deadline = cordon_now() + PATIENCE, sum = 0, value;

	while (sum < WORKERS) {
		if (cordon_event_wait(told, deadline, &value) < 0)
			tap_bail("a worker does not come to its end");
		sum += value;
	}
}

static const struct class *class_named(const char *name)
{
	for (unsigned int i = 0; i < class_count; i++)
		if (strcmp(classes[i].name, name) == 0)
			return &classes[i];
	tap_bail("there is no lock %s", name);
}

/* What is taken less often than that is taken when all begin and end, together. */
static bool is_contended(const struct phase *phase, const struct class *class)
{
	return class->taken >= phase->rounds && class->waited * 100 >= class->taken &&
	       strcmp(class->name, "unit") != 0;
}

static void judge(const struct phase *phase)
{
	unsigned int contended = 0;

	tap_note("%s: %10s %8s %8s", phase->name, "lock", "taken", "waited");
	for (unsigned int i = 0; i < class_count; i++) {
		const struct class *class = &classes[i];

		if (class->taken > 0)
			tap_note("%s: %10s %8llu %8llu%s", phase->name, class->name,
			         (unsigned long long)class->taken,
			         (unsigned long long)class->waited,
			         is_contended(phase, class) ? " too often" : "");
		contended += is_contended(phase, class);
	}
	tap_is(contended, 0, "%s: locks that are waited for in 1 of 100 cases", phase->name);
	for (unsigned int i = 0; i < TAKES_MAX && phase->takes[i]; i++)
		tap_ok(class_named(phase->takes[i])->taken >= WORKERS * phase->rounds,
		       "%s: each round takes %s", phase->name, phase->takes[i]);
}

static void run(unsigned int phase)
{
	memset(classes, 0, sizeof(classes));
	count();
	must(cordon_event_signal(begin[phase], 1));
	await_all();
	count();
	judge(&phases[phase]);
}

int main(int argc, char **argv)
{
	cordon_handle_t tasks[WORKERS];

	if (argc > 1)
		return child_main((unsigned int)strtoul(argv[1], NULL, 10));
	if (test_counter("cpus.running") < WORKERS)
		tap_bail("this test needs %u CPUs", WORKERS);
	must(cordon_event_create(0, &told));
	for (unsigned int i = 0; i < PHASES; i++)
		must(cordon_event_create(0, &begin[i]));
	for (unsigned int i = 0; i < WORKERS; i++)
		start(i, &tasks[i]);
	await_all();
	for (unsigned int i = 0; i < PHASES; i++)
		run(i);
	for (unsigned int i = 0; i < WORKERS; i++) {
		cordon_task_kill(tasks[i], 0);
		child_wait(tasks[i]);
	}
	return tap_done();
}
