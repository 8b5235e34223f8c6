/* SPDX-License-Identifier: MIT */
/* The scheduler: switching, waiting, waking, ending, and what time and other CPUs bring. Which
 * thread comes next is the matter of sched_queue.c, on which CPU that of sched_balance.c. */
#include <arch/percpu.h>
#include <cordon/errno.h>
#include <kernel/clock.h>
#include <kernel/heap.h>
#include <kernel/panic.h>
#include <kernel/sched_queue.h>
#include <kernel/string.h>

static const struct object_ops idle_ops = {
        .name = "idle",
        .type = CORDON_OBJECT_THREAD,
};

int sched_init(struct percpu *cpu)
{
	struct run_queue *queue = &sched_queues[cpu->number];
	struct thread *idle = heap_alloc(sizeof(*idle));

	if (!idle)
		return -ENOMEM;
	spin_init(&queue->lock, RANK_SCHEDULER, "run queue");
	queue->cpu = cpu;
	queue->bit = cpu_bit(cpu->number);
	queue->slice_end = UINT64_MAX;
	queue->timer = UINT64_MAX;
	list_init(&queue->ready);
	list_init(&queue->sleepers);
	object_init(&idle->object, &idle_ops);
	list_init(&idle->run_link);
	list_init(&idle->sleep_link);
	idle->state = THREAD_RUNNING;
	idle->queue = queue;
	idle->deadline = UINT64_MAX;
	string_copy(idle->name, "idle", sizeof(idle->name));
	cpu->idle = idle;
	cpu->current = idle;
	cpu->queue = queue;
	return 0;
}

/* --- switching ------------------------------------------------------------------------------- */

/* Counts the time that a thread ran. */
static inline void charge_locked(struct run_queue *queue, struct thread *thread, uint64_t now)
{
	uint64_t spent = now - thread->run_start;
	struct task *task = thread->task;

	thread->run_start = now;
	thread->cpu_ns += spent;
	if (!task)
		return;
	if (__builtin_expect(spent > ALONE_NS, 0)) {
		fair_ran_alone_locked(queue, task, spent);
		return;
	}
	__atomic_add_fetch(&task->fair_ns, fair_time(task, spent), __ATOMIC_RELAXED);
}

/* Who left the CPU with the last switch does not use its stack any more. */
static void thread_left(struct thread *thread)
{
	if (thread->state == THREAD_DEAD)
		object_unref(&thread->object);
	else
		sched_enqueue(thread);
}

/* The second half of a switch, on the stack that was switched to; thread: whose it is. Returns
 * whether its task is ending. */
static inline bool finish_switch(struct thread *thread)
{
	struct run_queue *queue = percpu_queue();
	struct thread *left = queue->leaving;
	bool ending = thread->task && thread->task->ending;

	queue->cpu->need_return = ending;
	if (__builtin_expect(left != NULL, 0)) {
		queue->leaving = NULL;
		spin_unlock(&queue->lock);
		thread_left(left);
	} else {
		spin_unlock(&queue->lock);
	}
	return ending;
}

void sched_finish_switch(void)
{
	finish_switch(thread_current());
}

/* Puts the current thread, which goes on being ready, where it is to run next. */
static void current_ready_locked(struct run_queue *queue)
{
	struct thread *thread = thread_current();

	if (thread == queue->cpu->idle)
		return;
	if (thread->cpus & queue->bit) {
		ready_append_locked(queue, thread);
	} else {
		thread->state = THREAD_READY;
		queue->leaving = thread;
	}
}

/* Why a thread gives its CPU away. */
enum leave {
	LEAVE_BLOCKED,
	LEAVE_PREEMPTED, /* it goes on being ready */
	LEAVE_YIELDED,   /* the same, and whoever is ready comes first, though it had more */
	LEAVE_DEAD,      /* it will not run again, and gave its address space up already */
};

/*
 * Switches to whoever comes next. Returns when the caller runs again, perhaps on another CPU, with
 * nothing locked, and says whether the caller's task is ending.
 */
static inline __attribute__((always_inline)) bool switch_locked(struct run_queue *queue,
                                                                enum leave leave)
{
	struct percpu *cpu = queue->cpu;
	struct thread *from = cpu->current, *to;
	uint64_t now = clock_now();

	charge_locked(queue, from, now);
	if (leave == LEAVE_PREEMPTED)
		current_ready_locked(queue);
	to = pick_locked(queue);
	if (leave == LEAVE_YIELDED)
		current_ready_locked(queue);
	queue->slice_end = now + SCHED_SLICE_NS;
	if (!to) {
		to = cpu->idle;
		queue->slice_end = UINT64_MAX;
		__atomic_or_fetch(&sched_idle_cpus, queue->bit, __ATOMIC_SEQ_CST);
	}
	to->run_start = now;
	to->state = THREAD_RUNNING;
	queue->reschedule = false;
	cpu->current = to;
	if (queue->ready_count > 0)
		timer_need_locked(queue, queue->slice_end);
	cpu->switches++;
	if (leave == LEAVE_DEAD || to->task != from->task)
		arch_paging_switch(to->task ? to->task->paging : NULL);
	if (to != from)
		arch_switch(&from->arch, &to->arch);
	return finish_switch(from);
}

/* --- waiting, waking, yielding, ending ------------------------------------------------------- */

/* Blocks the current thread until it is woken or time has come; to_the_end: also when its task is
 * being ended. Returns whether that is so. */
static inline __attribute__((always_inline)) bool block(uint64_t deadline, bool to_the_end)
{
	struct run_queue *queue = percpu_queue();
	struct thread *thread = thread_current();

	spin_lock(&queue->lock);
	if (thread->wake_pending || (thread->task->ending && !to_the_end) ||
	    (deadline != UINT64_MAX && clock_now() >= deadline)) {
		spin_unlock(&queue->lock);
		return thread->task->ending;
	}
	thread->state = THREAD_BLOCKED;
	if (deadline != UINT64_MAX)
		sleepers_insert_locked(queue, thread, deadline);
	return switch_locked(queue, LEAVE_BLOCKED);
}

int sched_wait(uint64_t deadline)
{
	if (block(deadline, false))
		return -EINTR;
	return thread_current()->wake_pending ? 0 : -ETIMEDOUT;
}

void sched_block(void)
{
	block(UINT64_MAX, true);
}

void sched_sleep(uint64_t until)
{
	while (clock_now() < until) {
		if (thread_current() == percpu()->idle) {
			arch_cpu_relax();
			continue;
		}
		sched_wait_prepare();
		block(until, true);
	}
}

/* The rest of a wake, with the queue locked; unlocks it. told: NULL, or where to tell. */
static __attribute__((noinline)) void wake_slow(struct run_queue *queue, struct thread *thread,
                                                bool *told)
{
	if (thread->state == THREAD_BLOCKED)
		queue = ready_wake_locked(queue, thread);
	if (told)
		__atomic_store_n(told, true, __ATOMIC_RELEASE);
	spin_unlock(&queue->lock);
}

/* Most wakes go to a thread without a deadline that runs on this CPU again: they end here, without
 * a call. */
static inline __attribute__((always_inline)) void wake(struct thread *thread, bool *told, bool tell)
{
	struct run_queue *queue = queue_lock_of(thread);

	thread->wake_pending = true;
	if (!wakes_plainly_locked(queue, thread)) {
		wake_slow(queue, thread, told);
		return;
	}
	fair_limit_locked(queue, thread->task);
	ready_append_locked(queue, thread);
	if (tell)
		__atomic_store_n(told, true, __ATOMIC_RELEASE);
	spin_unlock(&queue->lock);
}

void thread_wake(struct thread *thread)
{
	wake(thread, NULL, false);
}

void thread_wake_tell(struct thread *thread, bool *told)
{
	wake(thread, told, true);
}

void sched_yield_now(void)
{
	struct run_queue *queue = percpu_queue();

	spin_lock(&queue->lock);
	if (queue->ready_count == 0 && (thread_current()->cpus & queue->bit))
		spin_unlock(&queue->lock);
	else
		switch_locked(queue, LEAVE_YIELDED);
}

/* At the end of a slice, or for a thread that goes before this one. */
static void give_way(void)
{
	struct run_queue *queue = percpu_queue();

	spin_lock(&queue->lock);
	switch_locked(queue, LEAVE_PREEMPTED);
}

void sched_point(void)
{
	DEBUG_ASSERT(percpu()->lock_depth == 0);
	arch_interrupt_window();
	if (__atomic_load_n(&percpu_queue()->reschedule, __ATOMIC_RELAXED))
		give_way();
}

void sched_exit(void)
{
	struct run_queue *queue = percpu_queue();
	struct thread *thread = thread_current();

	spin_lock(&queue->lock);
	thread->state = THREAD_DEAD;
	queue->leaving = thread;
	switch_locked(queue, LEAVE_DEAD);
	panic("a dead thread runs: %s", thread->name);
}

/* --- time, other CPUs, returns to user mode -------------------------------------------------- */

/* Wakes a sleeper whose time has come. While it was still in the kernel it may have been forbidden
 * this CPU: then it goes elsewhere, and the queue is unlocked for a moment. */
static void sleeper_wake_locked(struct run_queue *queue, struct thread *thread)
{
	struct run_queue *to;

	if (thread->cpus & queue->bit) {
		sleepers_remove_locked(thread);
		ready_add_locked(queue, thread);
		return;
	}
	to = ready_wake_locked(queue, thread);
	spin_unlock(&to->lock);
	spin_lock(&queue->lock);
}

void sched_timer(void)
{
	struct run_queue *queue = percpu_queue();
	uint64_t now = clock_now();

	spin_lock(&queue->lock);
	queue->timer = UINT64_MAX;
	while (!list_empty(&queue->sleepers)) {
		struct thread *thread = list_first(&queue->sleepers, struct thread, sleep_link);

		if (thread->deadline > now)
			break;
		sleeper_wake_locked(queue, thread);
	}
	if (queue->ready_count > 0 && now >= queue->slice_end) {
		charge_locked(queue, queue->cpu->current, now);
		queue->reschedule = true;
		queue->cpu->need_return = true;
		/* Until it gives way, a new slice: the timer must not fire at once again. */
		queue->slice_end = now + SCHED_SLICE_NS;
		wake_an_idle_cpu();
	}
	timer_arm_locked(queue);
	spin_unlock(&queue->lock);
}

void sched_kicked(void)
{
	struct run_queue *queue = percpu_queue();

	spin_lock(&queue->lock);
	timer_arm_locked(queue);
	spin_unlock(&queue->lock);
}

/* The order of the first two steps matters: what another CPU wants is stored before need_return is.
 */
void sched_return(void)
{
	for (;;) {
		__atomic_exchange_n(&percpu()->need_return, 0, __ATOMIC_SEQ_CST);
		if (thread_current()->task->ending)
			thread_exit();
		if (!__atomic_load_n(&percpu_queue()->reschedule, __ATOMIC_RELAXED))
			return;
		give_way();
	}
}

void sched_kick(struct thread *thread)
{
	struct run_queue *queue;
	struct percpu *cpu;

	if (thread == thread_current()) {
		percpu()->need_return = true;
		return;
	}
	thread_wake(thread);
	queue = queue_lock_of(thread);
	cpu = queue->cpu;
	if (thread->state == THREAD_RUNNING && cpu != percpu()) {
		cpu->need_return = true;
		arch_cpu_kick(cpu->number);
	}
	spin_unlock(&queue->lock);
}

void sched_set_realtime(struct thread *thread, bool realtime)
{
	struct run_queue *queue = queue_lock_of(thread);

	thread->realtime = realtime;
	spin_unlock(&queue->lock);
}
