/* SPDX-License-Identifier: MIT */
/*
 * The state of the system. What it prints is looked for on the console
 * (tests/qemu/cases/observe.toml); here are tasks that are in a known state, and counters.
 */
#include <cordon/errno.h>
#include <string.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>
#include <tests/guest/vfio/edu.h>

#define SLEEP_NS UINT64_C(3600000000000)

/* --- tasks in a known state ------------------------------------------------------------------ */

__attribute__((noinline, noclone)) static int64_t rests(uint64_t deadline)
{
	return cordon_clock_sleep(deadline) + 1;
}

static int child_main(const char *how)
{
	struct cordon_thread_settings settings = {.what = CORDON_THREAD_SET_NAME,
	                                          .name = "resting"};
	struct cordon_wait item = {.signals = CORDON_SIGNAL_READABLE};
	cordon_handle_t handle;

	cordon_thread_set(CORDON_HANDLE_NONE, &settings);
	cordon_event_signal(cordon_handle_named("begun"), 1);
	cordon_handle_close(cordon_handle_named("begun"));
	if (strcmp(how, "sleeps") == 0)
		return (int)rests(cordon_now() + SLEEP_NS);
	if (strcmp(how, "waits") == 0) {
		cordon_memory_create(CORDON_PAGE_SIZE, 0, &handle);
		cordon_event_create(0, &item.handle);
		cordon_event_create(0, &handle);
		cordon_memory_create(1000 * CORDON_PAGE_SIZE, 0, &handle); /* refused */
		return (int)cordon_object_wait(&item, 1, CORDON_TIME_FOREVER);
	}
	if (strcmp(how, "fault") == 0)
		__builtin_trap();
	for (;;) /* "spins" */
		__asm__ volatile("pause");
}

/* --- the test -------------------------------------------------------------------------------- */

static void start_all(cordon_handle_t tasks[3])
{
	static const char *const ways[] = {"sleeps", "waits", "spins"};
	static const struct cordon_budget budget = {.frames = 300, .handles = 17, .threads = 3};

	cordon_handle_t begun;
	uint64_t value;

	cordon_event_create(0, &begun);
	for (int i = 0; i < 3; i++) {
		if (child_start(&(struct child){.arguments = {ways[i]},
		                                .gives = {{begun, "begun", 0}},
		                                .budget = budget},
		                &tasks[i]) < 0)
			tap_bail("no child");
		cordon_event_wait(begun, CORDON_TIME_FOREVER, &value);
	}
	cordon_handle_close(begun);
	test_sleep_ms(50);
}

static void end_all(const cordon_handle_t tasks[3])
{
	for (int i = 0; i < 3; i++) {
		cordon_task_kill(tasks[i], 0);
		child_wait(tasks[i]);
		cordon_handle_close(tasks[i]);
	}
}

/* Two pages in a device's container, one mapping. */
static void map_pages(const struct edu *edu)
{
	struct cordon_dma_map map = {.flags = CORDON_DMA_READ, .iova = 0x100000, .size = 0x2000};

	if (cordon_memory_create(map.size, 0, &map.memory) < 0 ||
	    cordon_container_map(edu->container, &map) < 0)
		tap_bail("no mapping");
}

static void test_counters(void)
{
	uint64_t switches = test_counter("cpus.switches"), faults = test_counter("tasks.faults");
	uint64_t interrupts = test_counter("cpus.interrupts");

	child_run(&(struct child){.arguments = {"fault"}});
	tap_is((int64_t)(test_counter("tasks.faults") - faults), 1, "a fault is counted");
	test_sleep_ms(5);
	tap_ok(test_counter("cpus.switches") > switches, "switches are counted");
	tap_ok(test_counter("cpus.interrupts") > interrupts, "interrupts are counted");
}

int main(int argc, char **argv)
{
	cordon_handle_t tasks[3], weak;
	struct edu edu;
	uint64_t heap;

	if (argc > 1 && strcmp(argv[1], "panic") != 0)
		return child_main(argv[1]);
	test_counters();
	start_all(tasks);
	edu_start(&edu);
	map_pages(&edu);
	heap = test_counter("heap.bytes");
	tap_is(cordon_system_state(test_authority()), 0, "the state is printed");
	tap_is((int64_t)test_counter("heap.bytes"), (int64_t)heap, "and leaves nothing behind");
	tap_is(cordon_handle_dup(test_authority(), CORDON_RIGHT_MANAGE, &weak), 0, "a weak handle");
	tap_is(cordon_system_state(weak), -EACCES, "who may not inspect does not get it");
	tap_is(cordon_system_state(CORDON_STDOUT), -EBADF, "nor who has no authority");
	edu_stop(&edu);
	end_all(tasks);
	return tap_done();
}
