/* SPDX-License-Identifier: MIT */
/*
 * What one CPU runs: who is ready, in which order, and when time has to be looked at. For the
 * scheduler's own files.
 *
 * Of the threads that are ready, the one whose task had the least CPU time, by its share, comes
 * first. A real-time thread comes before all others while its task is not ahead of them by more
 * than a slice; so does not starve them. What is short and done at every wake is inline.
 */
#ifndef KERNEL_SCHED_QUEUE_H
#define KERNEL_SCHED_QUEUE_H

#include <arch/percpu.h>
#include <arch/smp.h>
#include <kernel/sched.h>
#include <kernel/task.h>

/* How far a task that slept may lie behind those that ran: it comes first when it wakes, but not
 * for as long as it slept. And how far a task with real-time threads may be ahead before they wait
 * for their turn like all others. */
#define FAIR_CREDIT_NS SCHED_SLICE_NS

/* Nobody runs for that long while others wait: at the end of its slice the timer comes, if perhaps
 * a little late. */
#define ALONE_NS (2 * SCHED_SLICE_NS)

struct run_queue {
	struct spinlock lock;
	struct percpu *cpu;     /* whose it is */
	uint64_t bit;           /* of that CPU, in sets of CPUs */
	struct list ready;      /* struct thread.run_link, who waits longest first */
	uint32_t ready_count;   /* read by others without the lock, as a hint */
	bool reschedule;        /* the running thread gives way at its next return to user mode */
	struct thread *leaving; /* its stack is in use until the switch is over: dead, or to go to
	                         * another CPU */
	uint64_t slice_end;     /* of the running thread, monotonic ns; UINT64_MAX: it idles */
	uint64_t timer;         /* the timer comes then or before; UINT64_MAX: perhaps never */
	uint64_t fair_now;      /* the least task.fair_ns of those that ran or waited; only grows */
	struct list sleepers;   /* struct thread.sleep_link, earliest deadline first */
} __attribute__((aligned(64)));

extern struct run_queue sched_queues[CPUS_MAX];

static inline uint64_t cpu_bit(uint32_t number)
{
	return UINT64_C(1) << number;
}

/* --- time ------------------------------------------------------------------------------------ */

/* Sees to it that the timer comes at a time, or before: it is not put off when nobody needs it so
 * early any more. Whoever wakes others and then waits would put it to and fro all the time. */
static inline void timer_need_locked(struct run_queue *queue, uint64_t deadline)
{
	if (deadline >= queue->timer)
		return;
	queue->timer = deadline;
	arch_timer_set(deadline);
}

/* Asks for the next thing that time brings: a sleeper's deadline or, when others are ready, the end
 * of the running thread's slice. Idle and a lone thread get no tick. On the queue's own CPU. */
void timer_arm_locked(struct run_queue *queue);

/* The running thread sleeps until a deadline. */
void sleepers_insert_locked(struct run_queue *queue, struct thread *thread, uint64_t deadline);

static inline void sleepers_remove_locked(struct thread *thread)
{
	list_remove(&thread->sleep_link);
	thread->deadline = UINT64_MAX;
}

/* --- order ----------------------------------------------------------------------------------- */

static inline bool is_realtime(const struct run_queue *queue, const struct thread *thread)
{
	return thread->realtime && thread->task->fair_ns <= queue->fair_now + FAIR_CREDIT_NS;
}

static inline void ready_append_locked(struct run_queue *queue, struct thread *thread)
{
	thread->state = THREAD_READY;
	list_append(&queue->ready, &thread->run_link);
	__atomic_store_n(&queue->ready_count, queue->ready_count + 1, __ATOMIC_RELAXED);
}

static inline void ready_remove_locked(struct run_queue *queue, struct thread *thread)
{
	list_remove(&thread->run_link);
	__atomic_store_n(&queue->ready_count, queue->ready_count - 1, __ATOMIC_RELAXED);
}

/* A task that slept does not catch up with all that it missed. */
static inline void fair_limit_locked(const struct run_queue *queue, struct task *task)
{
	if (task->fair_ns + FAIR_CREDIT_NS < queue->fair_now)
		task->fair_ns = queue->fair_now - FAIR_CREDIT_NS;
}

/* How much time of a task counts (account.h): fair_ns of all tasks is to grow alike. */
static inline uint64_t fair_time(const struct task *task, uint64_t spent)
{
	return spent * task->account->cpu_rate >> 16;
}

/* Counts what the running thread's task spent. It had the CPU for longer than ALONE_NS, so
 * it was alone until a moment ago: who woke meanwhile is not behind it by what it did not want. */
void fair_ran_alone_locked(struct run_queue *queue, struct task *task, uint64_t spent);

/* Puts a thread that was not running into the queue of a CPU, and lets that CPU know. */
void ready_add_locked(struct run_queue *queue, struct thread *thread);

/* Of several that are ready, the one that comes first. */
struct thread *ready_best_locked(struct run_queue *queue);

/* Takes the thread that runs next out of the queue; NULL when there is none. */
static inline struct thread *pick_locked(struct run_queue *queue)
{
	struct thread *best;

	if (queue->ready_count == 0)
		return NULL;
	if (queue->ready_count > 1) {
		best = ready_best_locked(queue);
	} else {
		best = list_first(&queue->ready, struct thread, run_link);
		queue->fair_now = max_u64(queue->fair_now, best->task->fair_ns);
	}
	ready_remove_locked(queue, best);
	return best;
}

/* --- which queue (sched_balance.c) ----------------------------------------------------------- */

/* Bit n: CPU n has nothing to do. Whoever gives it something takes the bit. */
extern uint64_t sched_idle_cpus;

/* Whether a thread that wakes goes back into its own queue without a further look: no CPU idles
 * that it may run on, and it still may run here. */
static inline bool stays_locked(const struct run_queue *queue, const struct thread *thread)
{
	uint64_t idle = __atomic_load_n(&sched_idle_cpus, __ATOMIC_RELAXED);

	return !(idle & thread->cpus) && (queue->bit & thread->cpus);
}

/* Whether a thread waits and its wake means no more than to put it into its own queue. */
static inline bool wakes_plainly_locked(const struct run_queue *queue, const struct thread *thread)
{
	return thread->state == THREAD_BLOCKED && thread->deadline == UINT64_MAX &&
	       !thread->realtime && stays_locked(queue, thread) && queue == percpu_queue() &&
	       queue->slice_end >= queue->timer;
}

/* Locks the queue that a thread belongs to. */
static inline struct run_queue *queue_lock_of(struct thread *thread)
{
	for (;;) {
		struct run_queue *queue = __atomic_load_n(&thread->queue, __ATOMIC_ACQUIRE);

		spin_lock(&queue->lock);
		if (__atomic_load_n(&thread->queue, __ATOMIC_RELAXED) == queue)
			return queue;
		spin_unlock(&queue->lock); /* it moved meanwhile */
	}
}

/* Puts a thread that is in no list into the queue of the CPU that suits it best. Its own queue is
 * locked; returns the one it is in then, locked instead. */
struct run_queue *ready_move_locked(struct run_queue *queue, struct thread *thread);

/* The same for a thread that waits, perhaps until a deadline. */
struct run_queue *ready_wake_locked(struct run_queue *queue, struct thread *thread);

/* A CPU that began to idle just before threads became ready here did not see them. */
void wake_an_idle_cpu(void);

#endif
