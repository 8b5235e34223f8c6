/* SPDX-License-Identifier: MIT */
/* The scheduler: which CPU a thread runs on, and what a CPU does that has nothing to run. */
#include <arch/context.h>
#include <cordon/errno.h>
#include <kernel/sched_queue.h>

uint64_t sched_idle_cpus;

static uint64_t cpus_that_run(void)
{
	unsigned int count = arch_cpu_count();

	return count < CPUS_MAX ? cpu_bit(count) - 1 : UINT64_MAX;
}

/* --- where a thread goes --------------------------------------------------------------------- */

/* The queue that a thread is to wait in: of the CPU it ran on if that idles, of any that idles, or
 * else of the one it ran on, where its data may still be near. Its own queue is locked. */
static struct run_queue *place_locked(const struct run_queue *queue, const struct thread *thread)
{
	uint64_t allowed = thread->cpus;
	uint64_t idle = __atomic_load_n(&sched_idle_cpus, __ATOMIC_RELAXED) & allowed;

	while (idle != 0) {
		uint64_t bit = idle & queue->bit;

		if (bit == 0)
			bit = idle & -idle;
		/* Two wakes do not choose the same. */
		if (__atomic_fetch_and(&sched_idle_cpus, ~bit, __ATOMIC_SEQ_CST) & bit)
			return &sched_queues[__builtin_ctzll(bit)];
		idle &= ~bit;
	}
	return &sched_queues[__builtin_ctzll(allowed & queue->bit ? queue->bit : allowed)];
}

/* Gives a thread that is in no list to another queue, which is locked then instead of its own. From
 * the store on it belongs to that one, though it is not yet in it. */
static struct run_queue *hand_over_locked(struct run_queue *queue, struct thread *thread,
                                          struct run_queue *to)
{
	DEBUG_ASSERT(spin_held(&queue->lock) && thread->queue == queue);
	DEBUG_ASSERT(list_empty(&thread->run_link));
	__atomic_store_n(&thread->queue, to, __ATOMIC_RELEASE);
	spin_unlock(&queue->lock);
	spin_lock(&to->lock);
	return to;
}

/* Puts a thread that was handed over into the list of its queue; or of another, when it was
 * forbidden the CPU on the way. Returns the queue it is in, locked instead. */
static struct run_queue *arrive_locked(struct run_queue *queue, struct thread *thread)
{
	while (!(thread->cpus & queue->bit)) {
		/* The CPU may have been counted out of those that idle for nothing. */
		if (queue != percpu_queue())
			arch_cpu_kick(queue->cpu->number);
		queue = hand_over_locked(queue, thread, place_locked(queue, thread));
	}
	ready_add_locked(queue, thread);
	return queue;
}

struct run_queue *ready_move_locked(struct run_queue *queue, struct thread *thread)
{
	struct run_queue *to = place_locked(queue, thread);

	thread->state = THREAD_READY;
	if (to != queue)
		queue = hand_over_locked(queue, thread, to);
	return arrive_locked(queue, thread);
}

struct run_queue *ready_wake_locked(struct run_queue *queue, struct thread *thread)
{
	if (thread->deadline != UINT64_MAX)
		sleepers_remove_locked(thread);
	return ready_move_locked(queue, thread);
}

void sched_enqueue(struct thread *thread)
{
	struct run_queue *queue = ready_move_locked(queue_lock_of(thread), thread);

	spin_unlock(&queue->lock);
}

/* The running thread looks where it may run before it is in user mode again. */
static void reschedule_locked(struct run_queue *queue)
{
	queue->reschedule = true;
	queue->cpu->need_return = true;
	if (queue != percpu_queue())
		arch_cpu_kick(queue->cpu->number);
}

/* Has a thread leave a CPU that it may not run on any more. One that is on its way into a list sees
 * to it itself. Returns its queue, locked instead. */
static struct run_queue *evict_locked(struct run_queue *queue, struct thread *thread)
{
	switch (thread->state) {
	case THREAD_RUNNING:
		reschedule_locked(queue);
		break;
	case THREAD_READY:
		if (list_empty(&thread->run_link))
			break;
		ready_remove_locked(queue, thread);
		return ready_move_locked(queue, thread);
	case THREAD_BLOCKED: /* it finds nothing changed, and waits on where it may */
		thread->wake_pending = true;
		return ready_wake_locked(queue, thread);
	case THREAD_DEAD:
		break;
	}
	return queue;
}

int sched_set_cpus(struct thread *thread, uint64_t cpus)
{
	struct run_queue *queue;

	cpus &= cpus_that_run();
	if (cpus == 0)
		return -EINVAL;
	queue = queue_lock_of(thread);
	thread->cpus = cpus;
	if (!(cpus & queue->bit))
		queue = evict_locked(queue, thread);
	spin_unlock(&queue->lock);
	return 0;
}

void sched_describe(struct thread *thread, struct cordon_thread_info *out)
{
	struct run_queue *queue = queue_lock_of(thread);

	out->cpus = thread->cpus & cpus_that_run();
	out->cpu = queue->cpu->number;
	out->scheduling = thread->realtime ? CORDON_THREAD_REALTIME : CORDON_THREAD_NORMAL;
	spin_unlock(&queue->lock);
}

/* --- a CPU without work ---------------------------------------------------------------------- */

/* Takes a thread that waits on a CPU that has more to do, for this one. */
static struct thread *steal_from(struct run_queue *queue, struct run_queue *here)
{
	struct thread *thread, *found = NULL;

	if (__atomic_load_n(&queue->ready_count, __ATOMIC_RELAXED) == 0)
		return NULL;
	spin_lock(&queue->lock);
	list_for_each(thread, &queue->ready, run_link)
	{
		if (thread->cpus & here->bit) {
			found = thread;
			break;
		}
	}
	if (found) {
		ready_remove_locked(queue, found);
		__atomic_store_n(&found->queue, here, __ATOMIC_RELEASE);
	}
	spin_unlock(&queue->lock);
	return found;
}

/* Whether something was found. */
static bool steal(struct run_queue *queue)
{
	uint32_t here = percpu_number(), count = arch_cpu_count();

	for (uint32_t i = 1; i < count; i++) {
		struct thread *thread = steal_from(&sched_queues[(here + i) % count], queue);

		if (!thread)
			continue;
		spin_lock(&queue->lock);
		queue = arrive_locked(queue, thread);
		spin_unlock(&queue->lock);
		return true;
	}
	return false;
}

void wake_an_idle_cpu(void)
{
	uint64_t idle = __atomic_load_n(&sched_idle_cpus, __ATOMIC_RELAXED) & ~percpu_queue()->bit;

	if (idle != 0)
		arch_cpu_kick((unsigned int)__builtin_ctzll(idle));
}

void sched_idle_step(void)
{
	struct run_queue *queue = percpu_queue();

	__atomic_or_fetch(&sched_idle_cpus, queue->bit, __ATOMIC_SEQ_CST);
	if (queue->ready_count == 0 && !steal(queue)) {
		arch_idle();
		arch_smp_poll();
		return;
	}
	__atomic_and_fetch(&sched_idle_cpus, ~queue->bit, __ATOMIC_SEQ_CST);
	sched_yield_now();
}

void sched_idle(void)
{
	for (;;)
		sched_idle_step();
}
