/* SPDX-License-Identifier: MIT */
/*
 * The trace of system calls. What it prints is looked for in the log
 * (tests/qemu/cases/observe.toml); here is who may switch it on, and the tasks that are traced.
 */
#include <cordon/errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>

#define PAGE       CORDON_PAGE_SIZE
#define LOOP_TASKS 4

/* --- what is traced -------------------------------------------------------------------------- */

/* Calls with arguments of every kind, whose lines are known to the digit. */
static int calls(void)
{
	static const char text[] = "kept \"private\"\n";
	struct cordon_memory_map map = {.size = 2 * PAGE, .prot = CORDON_PROT_READ};
	struct cordon_wait items[2] = {{.signals = CORDON_SIGNAL_READABLE},
	                               {.signals = CORDON_SIGNAL_WRITABLE}};
	cordon_handle_t memory, event;
	uint64_t value;

	cordon_memory_create(3 * PAGE, CORDON_MEMORY_CONTIGUOUS | CORDON_MEMORY_HUGE, &memory);
	cordon_memory_create(3 * PAGE, CORDON_MEMORY_CONTIGUOUS, &memory);
	cordon_memory_map(memory, &map);
	cordon_memory_protect(map.address, PAGE, CORDON_PROT_READ | CORDON_PROT_EXEC);
	cordon_event_create(7, &event);
	items[0].handle = items[1].handle = event;
	cordon_object_wait(items, 2, CORDON_TIME_POLL);
	cordon_event_take(event, &value);
	cordon_event_take(event, &value);
	cordon_event_wait(event, 1, &value);
	cordon_handle_close(CORDON_HANDLE_NONE);
	cordon_console_write(event, text, sizeof(text) - 1);
	cordon_system_log((const char *)(uintptr_t)0x10, 5);
	cordon_group_device(event, CORDON_BDF(0, 0x1f, 3, 1), &memory);
	cordon_task_exit(5);
	return 1;
}

/* As many calls as it is told. */
static int loop(int count)
{
	for (int i = 0; i < count; i++)
		cordon_event_signal(CORDON_HANDLE_NONE, (uint64_t)i);
	return 0;
}

static int child_main(int argc, char **argv)
{
	if (strcmp(argv[1], "calls") == 0 || strcmp(argv[1], "quiet") == 0)
		return calls();
	if (strncmp(argv[1], "loop", 4) == 0)
		return loop(argc > 2 ? atoi(argv[2]) : 0);
	if (strcmp(argv[1], "waits") == 0)
		cordon_clock_sleep(CORDON_TIME_FOREVER);
	return 98;
}

/* --- the test -------------------------------------------------------------------------------- */

static int64_t trace(const char *name, uint32_t on)
{
	return cordon_system_trace(test_authority(), name, strlen(name), on);
}

static void test_errors(void)
{
	static const char many[] = "0123456789abcdef0123456789abcdef";
	cordon_handle_t weak;
	char name[] = "many0";

	tap_is(cordon_handle_dup(test_authority(), CORDON_RIGHT_INSPECT, &weak), 0,
	       "a weak handle");
	tap_is(cordon_system_trace(weak, "x", 1, 1), -EACCES, "who may only inspect cannot trace");
	cordon_handle_close(weak);
	tap_is(cordon_system_trace(CORDON_STDOUT, "x", 1, 1), -EBADF, "nor who has no authority");
	tap_is(trace("", 1), -EINVAL, "an empty name");
	tap_is(trace(many, 1), -EINVAL, "a name that no task can have");
	tap_is(cordon_system_trace(test_authority(), "x\0y", 3, 1), -EINVAL, "a zero byte in it");
	tap_is(trace("x", 2), -EINVAL, "neither on nor off");
	tap_is(cordon_system_trace(test_authority(), (void *)8, 4, 1), -EFAULT, "no memory");
	tap_is(trace("x", 0), -ENOENT, "off, and never on");
	for (int i = 0; i < 8; i++, name[4]++)
		tap_is(trace(name, 1), 0, "%s", name);
	tap_is(trace(name, 1), -ENOSPC, "one more than there is room for");
	tap_is(trace("many0", 1), 0, "one that is traced already");
	for (int i = 0; i < 8; i++) {
		name[4]--;
		tap_is(trace(name, 0), 0, "%s off", name);
	}
}

static void test_lines(void)
{
	struct cordon_task_info info;

	tap_is(trace("calls", 1), 0, "a name is traced that no task has yet");
	info = child_run(&(struct child){.arguments = {"calls"}});
	tap_ok(info.cause == CORDON_CAUSE_EXIT && info.code == 5,
	       "its calls do what they do without a trace");
	tap_is(trace("calls", 0), 0, "off");
	tap_is(trace("quiet", 1), 0, "another name");
	tap_is(trace("quiet", 0), 0, "off before there is a task");
	info = child_run(&(struct child){.arguments = {"quiet"}});
	tap_is(info.code, 5, "which makes the same calls");
}

static void test_running_task(void)
{
	cordon_handle_t task;

	if (child_start(&(struct child){.arguments = {"waits"}}, &task) < 0)
		tap_bail("no child");
	test_sleep_ms(20);
	tap_is(trace("waits", 1), 0, "a task is traced that is in a call");
	tap_is(cordon_task_kill(task, 0), 0, "and killed there");
	child_wait(task);
	cordon_handle_close(task);
	tap_is(trace("waits", 0), 0, "off");
}

/* On several CPUs: each line is whole. */
static void test_together(void)
{
	cordon_handle_t tasks[LOOP_TASKS];

	trace("loop", 1);
	for (int i = 0; i < LOOP_TASKS; i++)
		if (child_start(&(struct child){.arguments = {"loop", "60"}}, &tasks[i]) < 0)
			tap_bail("no child");
	for (int i = 0; i < LOOP_TASKS; i++) {
		tap_is(child_wait(tasks[i]).code, 0, "task %d made its calls", i);
		cordon_handle_close(tasks[i]);
	}
	trace("loop", 0);
}

/* More than is shown of a second. */
static void test_flood(void)
{
	trace("loops", 1);
	tap_is(child_run(&(struct child){.arguments = {"loops", "100000"}}).code, 0,
	       "a task that floods the trace comes to its end");
	trace("loops", 0);
	trace("calls", 1);
	test_sleep_ms(1000);
	tap_is(child_run(&(struct child){.arguments = {"calls"}}).code, 5, "then others are shown");
	trace("calls", 0);
}

int main(int argc, char **argv)
{
	bool flood = argc > 1 && strcmp(argv[1], "flood") == 0;
	uint64_t heap, threads;

	if (argc > 1 && !flood)
		return child_main(argc, argv);
	if (flood) {
		test_flood();
		return tap_done();
	}
	threads = test_counter("objects.thread");
	test_errors();
	test_together(); /* the handle table has grown then */
	test_await_threads(threads);
	heap = test_counter("heap.bytes");
	test_lines();
	test_running_task();
	test_together();
	test_await_threads(threads);
	tap_is((int64_t)test_counter("heap.bytes"), (int64_t)heap, "a trace leaves nothing behind");
	return tap_done();
}
