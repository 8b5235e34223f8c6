/* SPDX-License-Identifier: MIT */
#define LOG_TAG "trace"
#include <kernel/trace.h>

#include <cordon/errno.h>
#include <kernel/clock.h>
#include <kernel/cmdline.h>
#include <kernel/heap.h>
#include <kernel/log.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/syscall.h>
#include <kernel/task.h>

#define CALL_TEXT_MAX   (LOG_LINE_MAX - 64u) /* of arguments, leaving room for who and the result */
#define RESULT_TEXT_MAX LOG_LINE_MAX
#define NS_PER_S        UINT64_C(1000000000)

/* A thread's: the call that it is in. */
struct trace {
	bool open;
	char call[CALL_TEXT_MAX];
};

/* Protects the names, and the count of lines. */
static struct spinlock trace_lock = SPINLOCK_INIT(RANK_TRACE, "trace");
static char names[TRACE_NAMES_MAX][CORDON_NAME_MAX]; /* empty: free */
static uint64_t second;                              /* the one in which lines are counted */
static uint32_t lines, left_out;

/* --- who is traced --------------------------------------------------------------------------- */

static char *find_name_locked(const char *name)
{
	ASSERT(spin_held(&trace_lock));
	for (uint32_t i = 0; i < TRACE_NAMES_MAX; i++)
		if (strcmp(names[i], name) == 0)
			return names[i];
	return NULL;
}

static int change_name(const char *name, bool on)
{
	char *slot;
	int error = 0;

	spin_lock(&trace_lock);
	slot = find_name_locked(name);
	if (!slot && on)
		slot = find_name_locked("");
	if (!slot)
		error = on ? -ENOSPC : -ENOENT;
	else
		string_copy(slot, on ? name : "", CORDON_NAME_MAX);
	spin_unlock(&trace_lock);
	return error;
}

void trace_task_begins(struct task *task)
{
	bool traced;

	spin_lock(&trace_lock);
	traced = find_name_locked(task->name) != NULL;
	spin_unlock(&trace_lock);
	__atomic_store_n(&task->traced, traced, __ATOMIC_RELAXED);
}

int trace_set(const char *name, bool on)
{
	int error = change_name(name, on);
	struct task *task;

	if (error)
		return error;
	if (on)
		syscall_watch();
	/* A task that begins meanwhile asks for itself. */
	for (uint32_t i = 0; (task = task_at(i)) != NULL; i++) {
		if (strcmp(task->name, name) == 0)
			__atomic_store_n(&task->traced, on, __ATOMIC_RELAXED);
		object_unref(&task->object);
	}
	return 0;
}

void trace_init(void)
{
	const char *value, *end;
	char name[CORDON_NAME_MAX];
	size_t length;

	if (!cmdline_find("trace", &value, &length))
		return;
	for (end = value + length; value < end; value++) {
		size_t size = 0;

		while (value < end && *value != ',') {
			if (size < sizeof(name) - 1)
				name[size++] = *value;
			value++;
		}
		name[size] = 0;
		if (size == 0 || trace_set(name, true))
			log_warn("option trace: %s is not traced", name);
	}
}

/* --- lines ----------------------------------------------------------------------------------- */

/* Whether another line is allowed in this second. Tells how many were not in the one before. */
static bool line_allowed(uint32_t *missing)
{
	uint64_t now = clock_now() / NS_PER_S;
	bool allowed;

	*missing = 0;
	spin_lock(&trace_lock);
	if (now != second) {
		second = now;
		lines = 0;
		*missing = left_out;
		left_out = 0;
	}
	allowed = lines < TRACE_LINES_MAX;
	if (allowed)
		lines++;
	else
		left_out++;
	spin_unlock(&trace_lock);
	return allowed;
}

static void line(const struct thread *thread, const char *call, const char *rest)
{
	uint32_t missing;

	if (!line_allowed(&missing))
		return;
	if (missing)
		log_info("%u calls were not shown: more than %u in a second", missing,
		         TRACE_LINES_MAX);
	log_info("%s(%llu) %s: %s%s", thread->task->name, (unsigned long long)thread->task->id,
	         thread->name, call, rest);
}

void trace_enter(uint64_t number, const uint64_t arguments[TRACE_ARGUMENTS])
{
	struct thread *thread = thread_current();

	if (!thread->trace)
		thread->trace = heap_alloc(sizeof(*thread->trace));
	if (!thread->trace)
		return;
	thread->trace->open = true;
	trace_format_call(thread->trace->call, sizeof(thread->trace->call), number, arguments);
	if (trace_may_wait(number, arguments))
		line(thread, thread->trace->call, " ...");
}

void trace_leave(uint64_t number, const uint64_t arguments[TRACE_ARGUMENTS], int64_t result)
{
	static const char equals[] = " = ";
	struct thread *thread = thread_current();
	char text[RESULT_TEXT_MAX];

	/* The call may be the one that switched the trace on. */
	if (!thread->trace || !thread->trace->open)
		return;
	thread->trace->open = false;
	memcpy(text, equals, sizeof(equals));
	trace_format_result(text + sizeof(equals) - 1, sizeof(text) - sizeof(equals) + 1, number,
	                    arguments, result);
	line(thread, thread->trace->call, text);
}

void trace_thread_ends(struct thread *thread)
{
	if (thread->trace && thread->trace->open)
		line(thread, thread->trace->call, " = ?");
}

void trace_thread_destroy(struct thread *thread)
{
	heap_free(thread->trace);
}
