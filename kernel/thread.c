/* SPDX-License-Identifier: MIT */
#include <arch/cpu.h>
#include <cordon/errno.h>
#include <kernel/clock.h>
#include <kernel/heap.h>
#include <kernel/mark.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/task.h>
#include <kernel/trace.h>

static void thread_uncount(struct thread *thread)
{
	if (thread->counted)
		account_uncharge(thread->task->account, CHARGE_THREADS, 1);
	thread->counted = false;
}

static void thread_destroy(struct object *object)
{
	struct thread *thread = thread_from(object);

	struct task *task = thread->task;

	arch_thread_destroy(&thread->arch);
	trace_thread_destroy(thread);
	account_uncharge(task->account, CHARGE_KERNEL, ARCH_THREAD_MEMORY);
	thread_uncount(thread);
	account_free(task->account, thread, sizeof(*thread));
	object_unref(&task->object);
}

static const struct object_ops thread_ops = {
        .name = "thread",
        .type = CORDON_OBJECT_THREAD,
        .rights = CORDON_RIGHT_READ | CORDON_RIGHT_WRITE | CORDON_RIGHT_DUP | CORDON_RIGHT_WAIT,
        .destroy = thread_destroy,
};

static uint64_t first_entry;

uint64_t thread_first_entry(void)
{
	return first_entry;
}

/* The first thing a thread does, on its own kernel stack. */
static void thread_entry(void *argument)
{
	struct thread *thread = argument;

	sched_finish_switch();
	sched_return(); /* the task may have been ended before its thread ever ran */
	if (!__atomic_load_n(&first_entry, __ATOMIC_RELAXED))
		__atomic_store_n(&first_entry, arch_timestamp(), __ATOMIC_RELAXED);
	arch_enter_user(thread->entry, thread->stack, thread->argument);
}

int thread_create(struct task *task, const char *name, uint64_t entry, uint64_t stack,
                  uint64_t argument, uint64_t fs_base, struct thread **out)
{
	struct account *account = task->account;
	struct thread *thread;
	int error = account_charge(account, CHARGE_THREADS, 1);

	if (error)
		return error;
	error = account_charge(account, CHARGE_KERNEL, ARCH_THREAD_MEMORY);
	if (error)
		goto uncharge_thread;
	error = -ENOMEM;
	thread = account_alloc(account, sizeof(*thread));
	if (!thread)
		goto uncharge_memory;
	error = arch_thread_init(&thread->arch, thread_entry, thread, true);
	if (error)
		goto free;
	thread->counted = true;
	object_init(&thread->object, &thread_ops);
	object_ref(&task->object);
	thread->task = task;
	thread->entry = entry;
	thread->stack = stack;
	thread->argument = argument;
	thread->arch.fs_base = fs_base;
	thread->queue = percpu_queue();
	thread->deadline = UINT64_MAX;
	thread->cpus = task_current() ? thread_current()->cpus : UINT64_MAX;
	list_init(&thread->task_link);
	list_init(&thread->run_link);
	list_init(&thread->sleep_link);
	string_copy(thread->name, name, sizeof(thread->name));
	*out = thread;
	return 0;

free:
	account_free(account, thread, sizeof(*thread));
uncharge_memory:
	account_uncharge(account, CHARGE_KERNEL, ARCH_THREAD_MEMORY);
uncharge_thread:
	account_uncharge(account, CHARGE_THREADS, 1);
	return error;
}

void thread_start(struct thread *thread)
{
	struct task *task = thread->task;

	object_ref(&thread->object); /* the scheduler's, dropped after its last switch */
	spin_lock(&task->lock);
	list_append(&task->threads, &thread->task_link);
	task->thread_count++;
	spin_unlock(&task->lock);
	sched_enqueue(thread);
}

uint64_t thread_cpu_time(const struct thread *thread)
{
	uint64_t since = thread == thread_current() ? clock_now() - thread->run_start : 0;

	return thread->cpu_ns + since;
}

void thread_rename(struct thread *thread, const char *name)
{
	spin_lock(&thread->task->lock);
	string_copy(thread->name, name, sizeof(thread->name));
	spin_unlock(&thread->task->lock);
}

void thread_describe(struct thread *thread, struct cordon_thread_info *out)
{
	*out = (struct cordon_thread_info){.id = thread->object.id};
	spin_lock(&thread->task->lock);
	string_copy(out->name, thread->name, sizeof(out->name));
	out->cpu_ns = thread_cpu_time(thread);
	spin_unlock(&thread->task->lock);
	sched_describe(thread, out);
}

void thread_exit(void)
{
	struct thread *thread = thread_current();
	struct task *task = thread->task;
	bool last;

	trace_thread_ends(thread);
	/* The address space may go with the last thread, on whatever CPU that one is, or later,
	 * with whoever looks at it. */
	arch_paging_switch(NULL);
	spin_lock(&task->lock);
	list_remove(&thread->task_link);
	task->cpu_ns += thread_cpu_time(thread);
	last = --task->thread_count == 0;
	spin_unlock(&task->lock);
	thread_uncount(thread);
	if (last)
		task_finish(task);
	object_signal(&thread->object, 0, CORDON_SIGNAL_TERMINATED);
	mark_step_leave(MARK_STEP_THREAD);
	sched_exit();
}
