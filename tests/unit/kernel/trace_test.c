/* SPDX-License-Identifier: MIT */
/* The lines of the trace of system calls: made from the interface, whatever the arguments are. */
#include <criterion/criterion.h>
#include <string.h>

#include <cordon/errno.h>
#include <kernel/cmdline.h>
#include <kernel/heap.h>
#include <kernel/sched.h>
#include <kernel/syscall.h>
#include <kernel/task.h>
#include <kernel/trace.h>
#include <tests/unit/fake/fake.h>
#include <tests/random.h>

#define USER 0x100000u /* where the task's memory lies, by its own addresses */

static uint8_t memory[4096];
static struct task task = {.id = 7, .name = "driver"};
static struct thread thread = {.task = &task, .name = "main"};
static bool watched, in_list;

/* --- the kernel around it -------------------------------------------------------------------- */

struct task *task_at(uint32_t index)
{
	if (index || !in_list)
		return NULL;
	object_ref(&task.object);
	return &task;
}

void object_release(struct object *object)
{
	cr_assert_fail("a reference of object %llu was not the tracer's",
	               (unsigned long long)object->id);
}

void syscall_watch(void)
{
	watched = true;
}

const char *syscall_name(uint64_t number)
{
	static const char *const names[CORDON_SYSCALL_LIMIT] = {
#define SYSCALL(number_, name, prototype) [number_] = #name,
#include <cordon/syscalls.def>
#undef SYSCALL
	};

	return names[number];
}

static const char *option;

bool cmdline_find(const char *name, const char **value, size_t *length)
{
	cr_assert_str_eq(name, "trace");
	*value = option;
	*length = option ? strlen(option) : 0;
	return option != NULL;
}

static void setup(void)
{
	percpu()->current = &thread;
	task.object.references = 1;
	fake_user_map(uaddr(USER), memory, sizeof(memory), true);
}

TestSuite(trace, .init = setup);

static const char *call(uint64_t number, const uint64_t arguments[6])
{
	static char text[512];

	trace_format_call(text, sizeof(text), number, arguments);
	return text;
}

static const char *result(uint64_t number, const uint64_t arguments[6], int64_t value)
{
	static char text[512];

	trace_format_result(text, sizeof(text), number, arguments, value);
	return text;
}

#define ARGUMENTS(...) ((const uint64_t[6]){__VA_ARGS__})

/* --- values ---------------------------------------------------------------------------------- */

Test(trace, numbers_handles_flags_and_deadlines_are_said_as_they_are_written)
{
	cr_assert_str_eq(call(CORDON_SYS_null, ARGUMENTS(1, 2, 3)), "null()");
	cr_assert_str_eq(call(CORDON_SYS_handle_close, ARGUMENTS(0xdeadbeef00000005)),
	                 "handle_close(handle=5)");
	cr_assert_str_eq(call(CORDON_SYS_handle_close, ARGUMENTS(0xffffffff)),
	                 "handle_close(handle=NONE)");
	cr_assert_str_eq(call(CORDON_SYS_memory_protect, ARGUMENTS(0x2000, 4095, 0x85)),
	                 "memory_protect(address=0x2000, size=4095, prot=READ|EXEC|0x80)");
	cr_assert_str_eq(call(CORDON_SYS_task_kill, ARGUMENTS(3, (uint64_t)-9)),
	                 "task_kill(task=3, code=-9)");
	cr_assert_str_eq(call(CORDON_SYS_clock_sleep, ARGUMENTS(UINT64_MAX)),
	                 "clock_sleep(deadline=FOREVER)");
	cr_assert_str_eq(call(CORDON_SYS_clock_sleep, ARGUMENTS(0)), "clock_sleep(deadline=POLL)");
	cr_assert_str_eq(call(CORDON_SYS_clock_sleep, ARGUMENTS(12000345678)),
	                 "clock_sleep(deadline=12.000345)");
	cr_assert_str_eq(call(CORDON_SYS_group_device, ARGUMENTS(4, 0x1234fb, 16)),
	                 "group_device(group=4, bdf=0012:34:1f.3, out=0x10)");
	cr_assert_str_eq(call(127, ARGUMENTS(1)), "call 127()");
}

Test(trace, results_are_values_or_names_of_errors)
{
	cr_assert_str_eq(result(CORDON_SYS_null, ARGUMENTS(0), 0), "0");
	cr_assert_str_eq(result(CORDON_SYS_null, ARGUMENTS(0), 5), "5");
	cr_assert_str_eq(result(CORDON_SYS_memory_map_new, ARGUMENTS(0), 0x2000000000),
	                 "0x2000000000");
	cr_assert_str_eq(result(CORDON_SYS_null, ARGUMENTS(0), -EINVAL), "-EINVAL");
	cr_assert_str_eq(result(CORDON_SYS_null, ARGUMENTS(0), -116), "-ETIMEDOUT");
	cr_assert_str_eq(result(CORDON_SYS_null, ARGUMENTS(0), -4000), "-4000");
}

/* --- memory ---------------------------------------------------------------------------------- */

Test(trace, structures_are_read_from_the_task_without_members_that_are_zero)
{
	struct cordon_dma_map map = {.memory = 9,
	                             .flags = CORDON_DMA_READ | CORDON_DMA_WRITE,
	                             .iova = 0x10000,
	                             .size = 0x1000};
	struct cordon_spawn spawn = {.image = 4, .budget = {.frames = 300}, .name = "edu"};

	memcpy(memory, &map, sizeof(map));
	cr_assert_str_eq(call(CORDON_SYS_container_map, ARGUMENTS(5, USER)),
	                 "container_map(container=5, args={memory=9, flags=READ|WRITE, "
	                 "iova=0x10000, size=0x1000})");
	memcpy(memory, &spawn, sizeof(spawn));
	cr_assert_str_eq(call(CORDON_SYS_task_spawn, ARGUMENTS(USER, 8)),
	                 "task_spawn(args={image=4, budget={frames=300}, name=\"edu\"}, out=0x8)");
}

Test(trace, what_a_call_stored_follows_its_result)
{
	struct cordon_memory_map map = {.address = 0x7000, .size = 0x1000, .prot = 1};
	const uint64_t arguments[6] = {3, USER};
	int32_t ends[2] = {11, 12};

	memcpy(memory, &map, sizeof(map));
	cr_assert_str_eq(result(CORDON_SYS_memory_map, arguments, 0),
	                 "0 (args={address=0x7000, size=0x1000, prot=READ})");
	cr_assert_str_eq(result(CORDON_SYS_memory_map, arguments, -ENOMEM), "-ENOMEM");
	memcpy(memory, ends, sizeof(ends));
	cr_assert_str_eq(result(CORDON_SYS_channel_create, ARGUMENTS(USER), 0), "0 (out=[11, 12])");
	cr_assert_str_eq(result(CORDON_SYS_handle_dup, ARGUMENTS(1, 0, USER), 0), "0 (out=11)");
	cr_assert_str_eq(result(CORDON_SYS_container_unmap, ARGUMENTS(1, 0, 0, 0), 0), "0");
	memcpy(memory, "typed\r", 6);
	cr_assert_str_eq(result(CORDON_SYS_console_read, ARGUMENTS(0, USER, 64), 6),
	                 "6 (bytes=\"typed\\x0d\")");
}

Test(trace, strings_are_quoted_and_cut)
{
	memcpy(memory, "a \"b\"\\\n\x7f\xff", 9);
	cr_assert_str_eq(call(CORDON_SYS_system_log, ARGUMENTS(USER, 9)),
	                 "system_log(text=\"a \\\"b\\\"\\\\\\n\\x7f\\xff\", size=9)");
	memset(memory, 'x', 33);
	cr_assert_str_eq(call(CORDON_SYS_system_log, ARGUMENTS(USER, 33)),
	                 "system_log(text=\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"..., size=33)");
}

Test(trace, long_lists_are_cut_and_bad_addresses_are_only_addresses)
{
	const uint64_t last = USER + sizeof(memory) - sizeof(struct cordon_wait);
	struct cordon_wait item = {.handle = 2, .signals = CORDON_SIGNAL_READABLE};

	for (int i = 0; i < 5; i++)
		memcpy(memory + i * sizeof(item), &item, sizeof(item));
	cr_assert(strstr(call(CORDON_SYS_object_wait, ARGUMENTS(USER, 5, 0)),
	                 "{handle=2, signals=READABLE}, ...], count=5"));
	memset(memory, 0, sizeof(memory));
	cr_assert_str_eq(call(CORDON_SYS_object_wait, ARGUMENTS(last, 2, 0)),
	                 "object_wait(items=[{}, 0x101000], count=2, deadline=POLL)");
	cr_assert_str_eq(call(CORDON_SYS_container_map, ARGUMENTS(5, 0xffff800000000000)),
	                 "container_map(container=5, args=0xffff800000000000)");
	cr_assert_str_eq(call(CORDON_SYS_system_log, ARGUMENTS(0, 8)),
	                 "system_log(text=0, size=8)");
}

/* Any bits as arguments, in any room: text that ends where it says. */
Test(trace, no_arguments_write_beyond_the_room)
{
	struct random random = {.state = 11};
	char text[400];

	for (int i = 0; i < 200000; i++) {
		uint64_t arguments[6], number = random_below(&random, CORDON_SYSCALL_LIMIT);
		size_t size = 4 + random_below(&random, 300), length;

		for (int j = 0; j < 6; j++)
			arguments[j] = random_below(&random, 2) ? USER + random_below(&random, 4200)
			                                        : random_next(&random);
		memory[random_below(&random, sizeof(memory))] = (uint8_t)random_next(&random);
		memset(text, '#', sizeof(text));
		length = i & 1 ? trace_format_call(text, size, number, arguments)
		               : trace_format_result(text, size, number, arguments,
		                                     (int64_t)random_below(&random, 64));
		cr_assert_lt(length, size);
		cr_assert_eq(strlen(text), length);
		for (size_t j = size; j < sizeof(text); j++)
			cr_assert_eq(text[j], '#');
		if (length == size - 1 && size > 8)
			cr_assert(strcmp(text + length - 3, "...") == 0 || length < size);
	}
}

/* --- who is traced --------------------------------------------------------------------------- */

static void make_call(int64_t value)
{
	trace_enter(CORDON_SYS_handle_close, ARGUMENTS(5));
	trace_leave(CORDON_SYS_handle_close, ARGUMENTS(5), value);
}

Test(trace, a_name_is_traced_in_tasks_that_are_and_that_come)
{
	in_list = true;
	cr_assert_eq(trace_set("driver", true), 0);
	cr_assert(watched && task.traced);
	cr_assert_eq(trace_set("driver", false), 0);
	cr_assert_not(task.traced);
	cr_assert_eq(trace_set("driver", false), -ENOENT);
	in_list = false;
	trace_set("driver", true);
	cr_assert_not(task.traced);
	trace_task_begins(&task);
	cr_assert(task.traced);
}

Test(trace, the_option_names_tasks)
{
	option = "other,driver,much-too-long-to-be-the-name-of-any-task,";
	trace_init();
	trace_task_begins(&task);
	cr_assert(task.traced);
}

Test(trace, a_line_says_who_calls_what_and_what_comes_of_it)
{
	make_call(0);
	cr_assert_str_eq(fake_log_text(), "trace: driver(7) main: handle_close(handle=5) = 0\n");
	heap_free(thread.trace);
}

Test(trace, a_call_that_waits_is_told_when_it_begins_and_one_that_never_returns_at_the_end)
{
	trace_enter(CORDON_SYS_clock_sleep, ARGUMENTS(UINT64_MAX));
	cr_assert_str_eq(fake_log_text(),
	                 "trace: driver(7) main: clock_sleep(deadline=FOREVER) ...\n");
	fake_log_clear();
	trace_thread_ends(&thread);
	cr_assert_str_eq(fake_log_text(),
	                 "trace: driver(7) main: clock_sleep(deadline=FOREVER) = ?\n");
	trace_thread_destroy(&thread);
}

Test(trace, a_thread_that_was_in_a_call_when_the_trace_began_is_not_invented_a_call)
{
	trace_leave(CORDON_SYS_clock_sleep, ARGUMENTS(UINT64_MAX), 0);
	trace_thread_ends(&thread);
	cr_assert_str_empty(fake_log_text());
}

static unsigned int count_lines(void)
{
	unsigned int count = 0;

	for (const char *c = fake_log_text(); (c = strchr(c, '\n')) != NULL; c++)
		count++;
	return count;
}

Test(trace, a_second_has_so_many_lines_and_the_next_says_how_many_it_had_more)
{
	for (unsigned int i = 0; i < TRACE_LINES_MAX + 30; i++)
		make_call(0);
	cr_assert_eq(count_lines(), TRACE_LINES_MAX);
	fake_clock_advance(1000000000);
	fake_log_clear();
	make_call(0);
	cr_assert_str_eq(fake_log_text(),
	                 "trace: 30 calls were not shown: more than 2000 in a second\n"
	                 "trace: driver(7) main: handle_close(handle=5) = 0\n");
	trace_thread_destroy(&thread);
}
