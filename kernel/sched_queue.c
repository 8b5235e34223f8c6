/* SPDX-License-Identifier: MIT */
#include <kernel/sched_queue.h>

struct run_queue sched_queues[CPUS_MAX];

/* --- time ------------------------------------------------------------------------------------ */

void timer_arm_locked(struct run_queue *queue)
{
	DEBUG_ASSERT(spin_held(&queue->lock) && queue == percpu_queue());
	if (!list_empty(&queue->sleepers))
		timer_need_locked(
		        queue, list_first(&queue->sleepers, struct thread, sleep_link)->deadline);
	if (queue->ready_count > 0)
		timer_need_locked(queue, queue->slice_end);
}

void sleepers_insert_locked(struct run_queue *queue, struct thread *thread, uint64_t deadline)
{
	struct thread *other;

	thread->deadline = deadline;
	list_for_each(other, &queue->sleepers, sleep_link)
	{
		if (other->deadline > deadline)
			break;
	}
	/* Before the first later one, or at the end. */
	list_append(&other->sleep_link, &thread->sleep_link);
	timer_need_locked(queue, deadline);
}

/* --- order ----------------------------------------------------------------------------------- */

/* Longer than this nobody has to wait for its turn because of what it once had. */
#define COUNTED_MAX_NS UINT64_C(1000000000)

void fair_ran_alone_locked(struct run_queue *queue, struct task *task, uint64_t spent)
{
	struct thread *thread;

	__atomic_add_fetch(&task->fair_ns, fair_time(task, min_u64(spent, COUNTED_MAX_NS)),
	                   __ATOMIC_RELAXED);
	queue->fair_now = max_u64(queue->fair_now, task->fair_ns);
	list_for_each(thread, &queue->ready, run_link) fair_limit_locked(queue, thread->task);
}

/* The running thread gives way to a real-time one that became ready, if it comes after it. */
static void preempt_locked(struct run_queue *queue, const struct thread *thread)
{
	const struct thread *running = queue->cpu->current;

	if (running->task && is_realtime(queue, thread) && !is_realtime(queue, running)) {
		queue->reschedule = true;
		queue->cpu->need_return = true;
	}
}

void ready_add_locked(struct run_queue *queue, struct thread *thread)
{
	DEBUG_ASSERT(spin_held(&queue->lock));
	fair_limit_locked(queue, thread->task);
	ready_append_locked(queue, thread);
	if (thread->realtime)
		preempt_locked(queue, thread);
	if (queue == percpu_queue())
		timer_need_locked(queue, queue->slice_end);
	else
		arch_cpu_kick(queue->cpu->number);
}

/* Who comes before whom: real-time threads, then those whose task had the least. */
static bool comes_before(const struct run_queue *queue, const struct thread *a,
                         const struct thread *b)
{
	bool a_realtime = is_realtime(queue, a), b_realtime = is_realtime(queue, b);

	if (a_realtime != b_realtime)
		return a_realtime;
	return a->task->fair_ns < b->task->fair_ns;
}

struct thread *ready_best_locked(struct run_queue *queue)
{
	struct thread *best = list_first(&queue->ready, struct thread, run_link), *thread;
	uint64_t least = best->task->fair_ns;

	list_for_each(thread, &queue->ready, run_link)
	{
		least = min_u64(least, thread->task->fair_ns);
		if (comes_before(queue, thread, best))
			best = thread;
	}
	queue->fair_now = max_u64(queue->fair_now, least);
	return best;
}
