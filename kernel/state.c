/* SPDX-License-Identifier: MIT */
#include <kernel/state.h>

#include <arch/mmio.h>
#include <arch/smp.h>
#include <kernel/backtrace.h>
#include <kernel/clock.h>
#include <kernel/cmdline.h>
#include <kernel/log.h>
#include <kernel/page.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/symbols.h>
#include <kernel/system.h>
#include <kernel/task.h>
#include <kernel/version.h>

/* So much is printed even of a system that is full. */
#define TASKS_MAX    64u
#define THREADS_MAX  32u
#define COUNTERS_MAX 192u
#define CALLS_MAX    12u

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

/* A line that is put together from pieces. */
struct line {
	char text[STATE_LINE_MAX];
	size_t used;
};

static void add(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add_v(struct line *line, const char *format, va_list arguments)
        __attribute__((format(printf, 2, 0)));

static void add_v(struct line *line, const char *format, va_list arguments)
{
	size_t room = sizeof(line->text) - 1 - line->used; /* the last byte is the newline's */
	int length = format_text_v(line->text + line->used, room, format, arguments);

	line->used += min_u64((uint64_t)length, room - 1);
}

static void add(struct line *line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_v(line, format, arguments);
	va_end(arguments);
}

static void end(struct line *line)
{
	line->text[line->used] = '\n';
	log_console_put(line->text, line->used + 1);
	line->used = 0;
}

void state_line(const char *format, ...)
{
	struct line line = {.used = 0};
	va_list arguments;

	va_start(arguments, format);
	add_v(&line, format, arguments);
	va_end(arguments);
	end(&line);
}

/* --- the system ------------------------------------------------------------------------------ */

static void print_counters(void)
{
	uint64_t record[SYSTEM_RECORD_MAX / sizeof(uint64_t)];
	const struct cordon_counter *counter = (const void *)record;
	struct line line = {.used = 0};

	for (uint32_t i = 0; i < COUNTERS_MAX; i++) {
		if (system_record(CORDON_SYSTEM_COUNTERS, i, record))
			break;
		add(&line, "%s%s %llu", line.used ? ", " : "counters: ", counter->name,
		    (unsigned long long)counter->value);
		if (line.used > STATE_LINE_MAX / 2)
			end(&line);
	}
	if (line.used)
		end(&line);
}

static void print_cpus(void)
{
	for (unsigned int i = 0; i < arch_cpu_count(); i++) {
		const struct percpu *cpu = arch_cpu(i);
		const struct thread *thread = cpu->current;

		if (thread == cpu->idle || !thread || !thread->task)
			state_line("cpu %u: idle, %llu switches, %llu interrupts", i,
			           (unsigned long long)cpu->switches,
			           (unsigned long long)cpu->interrupts);
		else
			state_line("cpu %u: runs %s(%llu) %s, %llu switches, %llu interrupts", i,
			           thread->task->name, (unsigned long long)thread->task->id,
			           thread->name, (unsigned long long)cpu->switches,
			           (unsigned long long)cpu->interrupts);
	}
}

/* --- threads --------------------------------------------------------------------------------- */

/* The calls in the kernel of a thread that does not run, innermost first. */
static void print_kernel_calls(const struct thread *thread)
{
	uint64_t calls[CALLS_MAX];
	size_t count = arch_thread_calls(&thread->arch, calls, CALLS_MAX);
	struct line line = {.used = 0};

	for (size_t i = 0; i < count; i++) {
		uint64_t offset;
		const char *name = symbol_lookup(calls[i] - 1, &offset);

		if (name)
			add(&line, "%s%s", line.used ? " < " : "    kernel: ", name);
	}
	if (line.used)
		end(&line);
}

struct places {
	struct aspace *aspace;
	uint32_t count;
	uint64_t address[CALLS_MAX];
};

/* Another task's memory: what its tables say now, and only RAM. */
static int read_task(void *context, void *to, uint64_t from, size_t size)
{
	struct places *places = context;

	while (size > 0) {
		size_t part = min_u64(size, PAGE_SIZE - from % PAGE_SIZE);
		paddr_t base;
		uint32_t prot;

		if (from >= CORDON_USER_MAX ||
		    !arch_paging_lookup(&places->aspace->paging, uaddr(from), &base, &prot) ||
		    !page_is_ram(base, part))
			return -EFAULT;
		memcpy(to, phys_to_virt(base), part);
		to = (uint8_t *)to + part;
		from += part;
		size -= part;
	}
	return 0;
}

static void take_place(void *context, uint64_t address, const char *name, uint64_t offset,
                       bool guess)
{
	struct places *places = context;

	(void)name;
	(void)offset;
	(void)guess;
	if (places->count < CALLS_MAX)
		places->address[places->count++] = address;
}

/* The calls of the program itself, from where it entered the kernel. */
static void print_user_calls(const struct thread *thread, struct aspace *aspace)
{
	struct places places = {.aspace = aspace};
	struct backtrace backtrace = {.program = &thread->task->program,
	                              .read = read_task,
	                              .context = &places,
	                              .put = take_place};
	struct line line = {.used = 0};

	if (!arch_thread_user(&thread->arch, &backtrace.ip, &backtrace.sp, &backtrace.fp))
		return;
	spin_lock(&aspace->lock);
	backtrace_walk(&backtrace);
	spin_unlock(&aspace->lock);
	for (uint32_t i = 0; i < places.count; i++) {
		char name[PROGRAM_NAME_MAX];
		uint64_t offset;

		add(&line, "%s", i ? " < " : "    program: ");
		if (program_function(&thread->task->program, places.address[i] - (i > 0), name,
		                     &offset))
			add(&line, "%s+%#llx", name, (unsigned long long)offset + (i > 0));
		else
			add(&line, "%#llx", (unsigned long long)places.address[i]);
	}
	end(&line);
}

static void print_thread(struct thread *thread, struct aspace *aspace)
{
	static const char *const states[] = {"ready", "running", "blocked", "dead"};
	enum thread_state state = thread->state;
	struct cordon_thread_info info;
	struct line line = {.used = 0};

	thread_describe(thread, &info);
	add(&line, "  thread %s: %s, cpu %u%s", thread->name,
	    (size_t)state < ARRAY_SIZE(states) ? states[state] : "?", info.cpu,
	    thread->realtime ? ", real time" : "");
	if (state == THREAD_BLOCKED && thread->deadline != CORDON_TIME_FOREVER)
		add(&line, ", until %llu.%06llu", (unsigned long long)(thread->deadline / NS_PER_S),
		    (unsigned long long)(thread->deadline % NS_PER_S / NS_PER_US));
	end(&line);
	if (state == THREAD_READY || state == THREAD_BLOCKED)
		print_kernel_calls(thread);
	if (aspace)
		print_user_calls(thread, aspace);
}

/* The index-th thread of a task, with a reference. */
static struct thread *thread_at(struct task *task, uint32_t index)
{
	struct thread *thread, *found = NULL;

	spin_lock(&task->lock);
	list_for_each(thread, &task->threads, task_link)
	{
		if (index-- == 0) {
			if (object_ref_if_alive(&thread->object))
				found = thread;
			break;
		}
	}
	spin_unlock(&task->lock);
	return found;
}

/* --- tasks ----------------------------------------------------------------------------------- */

/* What is used of each limit, and how often each refused something, if any did. */
static void print_budget(const struct account *account)
{
	struct line line = {.used = 0};

	for (uint32_t i = 0; i < CHARGE_KINDS; i++)
		add(&line, "%s%s %llu/%llu", line.used ? ", " : "  budget: ", account_kind_name(i),
		    (unsigned long long)account_used(account, i),
		    (unsigned long long)account->limit[i]);
	end(&line);
	for (uint32_t i = 0; i < CHARGE_KINDS; i++)
		if (account->refused[i])
			add(&line, "%s%s %u",
			    line.used ? ", " : "  refused: ", account_kind_name(i),
			    account->refused[i]);
	if (line.used)
		end(&line);
}

static void print_handles(struct handle_table *table)
{
	uint32_t counts[CORDON_OBJECT_TYPES];
	struct line line = {.used = 0};

	handle_table_count(table, counts);
	for (uint32_t i = 1; i < CORDON_OBJECT_TYPES; i++)
		if (counts[i])
			add(&line, "%s%u %s", line.used ? ", " : "  handles: ", counts[i],
			    system_object_name(i));
	if (line.used)
		end(&line);
}

static void print_task(struct task *task)
{
	static const char *const states[] = {"running", "ending", "ended"};
	struct cordon_task_info info;
	struct aspace *aspace;
	struct thread *thread;

	task_describe(task, &info);
	state_line("task %llu %s: %s, %llu ms of cpu%s", (unsigned long long)info.id, info.name,
	           info.state < ARRAY_SIZE(states) ? states[info.state] : "?",
	           (unsigned long long)(info.cpu_ns / NS_PER_MS), task->traced ? ", traced" : "");
	print_budget(task->account);
	print_handles(&task->handles);
	spin_lock(&task->lock);
	aspace = task->aspace;
	if (aspace)
		aspace_ref(aspace);
	spin_unlock(&task->lock);
	for (uint32_t i = 0; i < THREADS_MAX && (thread = thread_at(task, i)) != NULL; i++) {
		print_thread(thread, aspace);
		object_unref(&thread->object);
	}
	if (info.threads > THREADS_MAX)
		state_line("  and %u threads more", info.threads - THREADS_MAX);
	if (aspace)
		aspace_unref(aspace);
}

void state_print(void)
{
	uint64_t now = clock_now();
	struct task *task;

	state_line("--- state, %llu.%06llu s after boot%s", (unsigned long long)(now / NS_PER_S),
	           (unsigned long long)(now % NS_PER_S / NS_PER_US),
	           locks_are_broken ? ", in a panic" : "");
	state_line("kernel: %s", version_text);
	state_line("command line: %s", cmdline_text());
	print_counters();
	print_cpus();
	for (uint32_t i = 0; i < TASKS_MAX && (task = task_at(i)) != NULL; i++) {
		print_task(task);
		object_unref(&task->object);
	}
	state_print_devices();
	state_line("--- end of state");
}
