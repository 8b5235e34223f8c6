/* SPDX-License-Identifier: MIT */
#include <arch/percpu.h>
#include <cordon/errno.h>
#include <kernel/clock.h>
#include <kernel/heap.h>
#include <kernel/panic.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/task.h>

/* What one CPU runs. Threads stay on the queue they were put into. */
struct run_queue {
	struct spinlock lock;
	struct list ready;    /* struct thread.run_link, next to run first */
	struct list sleepers; /* struct thread.sleep_link, earliest deadline first */
	bool reschedule;      /* the running thread gives way at its next return to user mode */
	struct thread *dead;  /* ended, its stack no longer in use after the switch */
};

static struct run_queue queues[CPUS_MAX];

static struct run_queue *queue_here(void)
{
	return &queues[percpu()->number];
}

static const struct object_ops idle_ops = {
        .name = "idle",
        .type = CORDON_OBJECT_THREAD,
};

int sched_init(void)
{
	struct percpu *cpu = percpu();
	struct run_queue *queue = queue_here();
	struct thread *idle = heap_alloc(sizeof(*idle));

	if (!idle)
		return -ENOMEM;
	spin_init(&queue->lock, RANK_SCHEDULER, "run queue");
	list_init(&queue->ready);
	list_init(&queue->sleepers);
	object_init(&idle->object, &idle_ops);
	list_init(&idle->run_link);
	list_init(&idle->sleep_link);
	idle->state = THREAD_RUNNING;
	string_copy(idle->name, "idle", sizeof(idle->name));
	cpu->idle = idle;
	cpu->current = idle;
	return 0;
}

struct thread *thread_current(void)
{
	return percpu()->current;
}

struct task *task_current(void)
{
	return percpu()->current->task;
}

/* Programs the timer for the next thing that time brings: a sleeper's deadline or, when others are
 * ready, the end of the running thread's slice. Idle and a lone thread get no tick. */
static void timer_arm_locked(struct run_queue *queue)
{
	struct thread *current = percpu()->current;
	uint64_t deadline = UINT64_MAX;

	DEBUG_ASSERT(spin_held(&queue->lock));
	if (!list_empty(&queue->sleepers))
		deadline = list_first(&queue->sleepers, struct thread, sleep_link)->deadline;
	if (current != percpu()->idle && !list_empty(&queue->ready))
		deadline = min_u64(deadline, current->slice_end);
	arch_timer_set(deadline);
}

static void sleepers_insert_locked(struct run_queue *queue, struct thread *thread)
{
	struct thread *other;

	list_for_each(other, &queue->sleepers,
	              sleep_link) if (other->deadline > thread->deadline) break;
	/* Before the first later one, or at the end. */
	list_append(&other->sleep_link, &thread->sleep_link);
}

static void make_ready_locked(struct run_queue *queue, struct thread *thread)
{
	DEBUG_ASSERT(spin_held(&queue->lock));
	list_remove(&thread->sleep_link);
	thread->state = THREAD_READY;
	list_append(&queue->ready, &thread->run_link);
}

/* Switches to the next ready thread, or to idle; returns when the caller runs again, with the lock
 * held by this CPU as before. The caller has put the current thread where it belongs. */
static void switch_locked(struct run_queue *queue)
{
	struct percpu *cpu = percpu();
	struct thread *from = cpu->current;
	struct thread *to = cpu->idle;
	uint64_t now = clock_now();

	if (!list_empty(&queue->ready)) {
		to = list_first(&queue->ready, struct thread, run_link);
		list_remove(&to->run_link);
	}
	from->cpu_ns += now - from->run_start;
	to->run_start = now;
	to->slice_end = now + SCHED_SLICE_NS;
	to->state = THREAD_RUNNING;
	queue->reschedule = false;
	cpu->current = to;
	timer_arm_locked(queue);
	if (to == from)
		return;
	cpu->switches++;
	if (to->task && (!from->task || from->task->aspace != to->task->aspace))
		arch_paging_switch(&to->task->aspace->paging);
	arch_switch(&from->arch, &to->arch);
}

/* The second half of a switch, on the stack that was switched to. */
void sched_finish_switch(void)
{
	struct run_queue *queue = queue_here();
	struct percpu *cpu = percpu();
	struct thread *dead = queue->dead;

	queue->dead = NULL;
	cpu->need_return = cpu->current->task && cpu->current->task->ending;
	spin_unlock(&queue->lock);
	if (dead)
		object_unref(&dead->object);
}

void sched_enqueue(struct thread *thread)
{
	struct run_queue *queue = queue_here();

	spin_lock(&queue->lock);
	list_append(&queue->ready, &thread->run_link);
	thread->state = THREAD_READY;
	timer_arm_locked(queue);
	spin_unlock(&queue->lock);
}

void thread_wake(struct thread *thread)
{
	struct run_queue *queue = queue_here();

	spin_lock(&queue->lock);
	thread->wake_pending = true;
	if (thread->state == THREAD_BLOCKED) {
		make_ready_locked(queue, thread);
		timer_arm_locked(queue);
	}
	spin_unlock(&queue->lock);
}

void sched_wait_prepare(void)
{
	thread_current()->wake_pending = false;
}

int sched_wait(uint64_t deadline)
{
	struct run_queue *queue = queue_here();
	struct thread *thread = thread_current();

	spin_lock(&queue->lock);
	if (!thread->wake_pending && !(thread->task && thread->task->ending) &&
	    (deadline == UINT64_MAX || clock_now() < deadline)) {
		thread->state = THREAD_BLOCKED;
		if (deadline != UINT64_MAX) {
			thread->deadline = deadline;
			sleepers_insert_locked(queue, thread);
		}
		switch_locked(queue);
		sched_finish_switch();
	} else {
		spin_unlock(&queue->lock);
	}
	if (thread->task && thread->task->ending)
		return -EINTR;
	return thread->wake_pending ? 0 : -ETIMEDOUT;
}

void sched_yield_now(void)
{
	struct run_queue *queue = queue_here();
	struct thread *thread = thread_current();

	spin_lock(&queue->lock);
	if (thread != percpu()->idle)
		make_ready_locked(queue, thread);
	switch_locked(queue);
	sched_finish_switch();
}

void sched_exit(void)
{
	struct run_queue *queue = queue_here();
	struct thread *thread = thread_current();

	spin_lock(&queue->lock);
	thread->state = THREAD_DEAD;
	queue->dead = thread;
	switch_locked(queue);
	panic("a dead thread runs: %s", thread->name);
}

void sched_timer(void)
{
	struct run_queue *queue = queue_here();
	struct percpu *cpu = percpu();
	uint64_t now = clock_now();

	spin_lock(&queue->lock);
	while (!list_empty(&queue->sleepers)) {
		struct thread *thread = list_first(&queue->sleepers, struct thread, sleep_link);
		if (thread->deadline > now)
			break;
		make_ready_locked(queue, thread);
	}
	if (cpu->current != cpu->idle && !list_empty(&queue->ready) &&
	    now >= cpu->current->slice_end) {
		queue->reschedule = true;
		cpu->need_return = true;
		/* Until it gives way, a new slice: the timer must not fire at once again. */
		cpu->current->slice_end = now + SCHED_SLICE_NS;
	}
	timer_arm_locked(queue);
	spin_unlock(&queue->lock);
}

void sched_return(void)
{
	for (;;) {
		struct thread *thread = thread_current();

		percpu()->need_return = false;
		if (thread->task->ending)
			thread_exit();
		if (!queue_here()->reschedule)
			return;
		sched_yield_now();
	}
}

void sched_kick(struct thread *thread)
{
	if (thread == thread_current())
		percpu()->need_return = true;
	else
		thread_wake(thread);
}

void sched_idle(void)
{
	struct run_queue *queue = queue_here();

	for (;;) {
		if (list_empty(&queue->ready))
			arch_idle();
		else
			sched_yield_now();
	}
}
