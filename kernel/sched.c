/* SPDX-License-Identifier: MIT */
#include <arch/percpu.h>
#include <arch/smp.h>
#include <cordon/errno.h>
#include <kernel/clock.h>
#include <kernel/heap.h>
#include <kernel/panic.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/task.h>

/* How far a task that slept may lie behind those that ran: it comes first when it wakes, but not
 * for as long as it slept. And how far a task with real-time threads may be ahead before they wait
 * for their turn like all others. */
#define FAIR_CREDIT_NS SCHED_SLICE_NS

/* What one CPU runs. */
struct run_queue {
	struct spinlock lock;
	struct percpu *cpu;    /* whose it is */
	struct list ready;     /* struct thread.run_link, who waits longest first */
	uint32_t ready_count;  /* read by others without the lock, as a hint */
	struct list sleepers;  /* struct thread.sleep_link, earliest deadline first */
	uint64_t fair_now;     /* the least task.fair_ns of those that ran or waited; only grows */
	bool reschedule;       /* the running thread gives way at its next return to user mode */
	struct thread *dead;   /* ended, its stack no longer in use after the switch */
	struct thread *moving; /* goes to another CPU, after the switch */
};

static struct run_queue queues[CPUS_MAX];

/* Bit n: CPU n has nothing to do. Whoever gives it something takes the bit. */
static uint64_t idle_cpus;

static struct run_queue *queue_here(void)
{
	return &queues[percpu()->number];
}

static uint64_t cpu_bit(uint32_t number)
{
	return UINT64_C(1) << number;
}

static uint64_t cpus_that_run(void)
{
	unsigned int count = arch_cpu_count();

	return count < CPUS_MAX ? cpu_bit(count) - 1 : UINT64_MAX;
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
	queue->cpu = cpu;
	list_init(&queue->ready);
	list_init(&queue->sleepers);
	object_init(&idle->object, &idle_ops);
	list_init(&idle->run_link);
	list_init(&idle->sleep_link);
	idle->state = THREAD_RUNNING;
	idle->cpu = cpu->number;
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

/* --- the queue of one CPU -------------------------------------------------------------------- */

/* Programs the timer for the next thing that time brings: a sleeper's deadline or, when others are
 * ready, the end of the running thread's slice. Idle and a lone thread get no tick. */
static void timer_arm_locked(struct run_queue *queue)
{
	struct thread *current = percpu()->current;
	uint64_t deadline = UINT64_MAX;

	DEBUG_ASSERT(spin_held(&queue->lock) && queue == queue_here());
	if (!list_empty(&queue->sleepers))
		deadline = list_first(&queue->sleepers, struct thread, sleep_link)->deadline;
	if (current != percpu()->idle && queue->ready_count > 0)
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

static bool is_realtime(const struct run_queue *queue, const struct thread *thread)
{
	return thread->realtime && thread->task->fair_ns <= queue->fair_now + FAIR_CREDIT_NS;
}

/* Whether a thread that becomes ready goes before the one that runs. */
static bool preempts(const struct run_queue *queue, const struct thread *thread,
                     const struct thread *running)
{
	return is_realtime(queue, thread) && running->task && !is_realtime(queue, running);
}

static void ready_append_locked(struct run_queue *queue, struct thread *thread)
{
	thread->state = THREAD_READY;
	list_append(&queue->ready, &thread->run_link);
	__atomic_store_n(&queue->ready_count, queue->ready_count + 1, __ATOMIC_RELAXED);
}

static void ready_remove_locked(struct run_queue *queue, struct thread *thread)
{
	list_remove(&thread->run_link);
	__atomic_store_n(&queue->ready_count, queue->ready_count - 1, __ATOMIC_RELAXED);
}

/* Puts a thread that was not running into the queue of a CPU, and lets that CPU know. */
static void ready_add_locked(struct run_queue *queue, struct thread *thread)
{
	struct percpu *cpu = queue->cpu;

	DEBUG_ASSERT(spin_held(&queue->lock));
	if (thread->task && thread->task->fair_ns + FAIR_CREDIT_NS < queue->fair_now)
		thread->task->fair_ns = queue->fair_now - FAIR_CREDIT_NS;
	ready_append_locked(queue, thread);
	if (thread->realtime && preempts(queue, thread, cpu->current)) {
		queue->reschedule = true;
		cpu->need_return = true;
	}
	if (cpu == percpu())
		timer_arm_locked(queue);
	else
		arch_cpu_kick(cpu->number);
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

/* Takes the thread that runs next out of the queue; NULL when there is none. */
static struct thread *pick_locked(struct run_queue *queue)
{
	struct thread *best, *thread;
	uint64_t least;

	if (queue->ready_count == 0)
		return NULL;
	best = list_first(&queue->ready, struct thread, run_link);
	least = best->task->fair_ns;
	if (queue->ready_count > 1)
		list_for_each(thread, &queue->ready, run_link)
		{
			least = min_u64(least, thread->task->fair_ns);
			if (comes_before(queue, thread, best))
				best = thread;
		}
	queue->fair_now = max_u64(queue->fair_now, least);
	ready_remove_locked(queue, best);
	return best;
}

/* --- switching ------------------------------------------------------------------------------- */

static void charge(struct thread *thread, uint64_t now)
{
	uint64_t spent = now > thread->run_start ? now - thread->run_start : 0;

	thread->cpu_ns += spent;
	if (thread->task)
		__atomic_add_fetch(&thread->task->fair_ns, spent, __ATOMIC_RELAXED);
}

/* Switches to a thread, NULL: to idle; returns when the caller runs again, perhaps on another CPU,
 * with that CPU's lock held. The caller has put the current thread where it belongs. */
static void switch_locked(struct run_queue *queue, struct thread *to)
{
	struct percpu *cpu = percpu();
	struct thread *from = cpu->current;
	uint64_t now = clock_now();

	if (!to) {
		to = cpu->idle;
		__atomic_or_fetch(&idle_cpus, cpu_bit(cpu->number), __ATOMIC_SEQ_CST);
	}
	charge(from, now);
	to->run_start = now;
	to->slice_end = now + SCHED_SLICE_NS;
	to->state = THREAD_RUNNING;
	queue->reschedule = false;
	cpu->current = to;
	timer_arm_locked(queue);
	if (to == from)
		return;
	cpu->switches++;
	arch_paging_switch(to->task ? &to->task->aspace->paging : NULL);
	arch_switch(&from->arch, &to->arch);
}

/* The second half of a switch, on the stack that was switched to. */
void sched_finish_switch(void)
{
	struct run_queue *queue = queue_here();
	struct percpu *cpu = percpu();
	struct thread *dead = queue->dead, *moving = queue->moving;

	queue->dead = NULL;
	queue->moving = NULL;
	cpu->need_return = queue->reschedule || (cpu->current->task && cpu->current->task->ending);
	spin_unlock(&queue->lock);
	if (dead)
		object_unref(&dead->object);
	if (moving)
		sched_enqueue(moving);
}

/* --- which CPU ------------------------------------------------------------------------------- */

/* The CPU that a thread is to run on: the one it ran on if that idles, any that idles, or else the
 * one it ran on, where its data may still be near. */
static uint32_t place(const struct thread *thread)
{
	uint64_t allowed = thread->cpus, idle;

	if (arch_cpu_count() == 1)
		return 0;
	idle = __atomic_load_n(&idle_cpus, __ATOMIC_RELAXED) & allowed;
	while (idle != 0) {
		uint64_t bit = idle & cpu_bit(thread->cpu);

		if (bit == 0)
			bit = idle & -idle;
		/* Two wakes do not choose the same. */
		if (__atomic_fetch_and(&idle_cpus, ~bit, __ATOMIC_SEQ_CST) & bit)
			return (uint32_t)__builtin_ctzll(bit);
		idle &= ~bit;
	}
	if (allowed & cpu_bit(thread->cpu))
		return thread->cpu;
	return (uint32_t)__builtin_ctzll(allowed);
}

/* Locks the queue that a thread belongs to. */
static struct run_queue *queue_lock_of(struct thread *thread)
{
	for (;;) {
		uint32_t number = __atomic_load_n(&thread->cpu, __ATOMIC_ACQUIRE);
		struct run_queue *queue = &queues[number];

		spin_lock(&queue->lock);
		if (__atomic_load_n(&thread->cpu, __ATOMIC_RELAXED) == number)
			return queue;
		spin_unlock(&queue->lock); /* it moved meanwhile */
	}
}

/* Gives a thread that is in no queue and does not run to a CPU. */
void sched_enqueue(struct thread *thread)
{
	struct run_queue *queue;
	uint32_t number = place(thread);

	__atomic_store_n(&thread->cpu, number, __ATOMIC_RELEASE);
	queue = &queues[number];
	spin_lock(&queue->lock);
	ready_add_locked(queue, thread);
	spin_unlock(&queue->lock);
}

void thread_wake(struct thread *thread)
{
	struct run_queue *queue = queue_lock_of(thread);
	uint32_t number;

	thread->wake_pending = true;
	if (thread->state != THREAD_BLOCKED)
		goto unlock;
	list_remove(&thread->sleep_link);
	number = place(thread);
	if (number == thread->cpu) {
		ready_add_locked(queue, thread);
		goto unlock;
	}
	/* From here on it belongs to the other queue, though it is not yet in it. */
	thread->state = THREAD_READY;
	__atomic_store_n(&thread->cpu, number, __ATOMIC_RELEASE);
	spin_unlock(&queue->lock);
	queue = &queues[number];
	spin_lock(&queue->lock);
	ready_add_locked(queue, thread);
unlock:
	spin_unlock(&queue->lock);
}

/* Puts the current thread, which goes on being ready, where it is to run next. */
static void current_ready_locked(struct run_queue *queue)
{
	struct thread *thread = thread_current();

	if (thread == percpu()->idle)
		return;
	if (thread->cpus & cpu_bit(percpu()->number)) {
		ready_append_locked(queue, thread);
	} else {
		thread->state = THREAD_READY;
		queue->moving = thread;
	}
}

/* Takes a thread that waits on a CPU that has more to do, for this one. */
static struct thread *steal_from(struct run_queue *queue, uint32_t here)
{
	struct thread *thread, *found = NULL;

	if (__atomic_load_n(&queue->ready_count, __ATOMIC_RELAXED) == 0)
		return NULL;
	spin_lock(&queue->lock);
	list_for_each(thread, &queue->ready, run_link)
	{
		if (thread->cpus & cpu_bit(here)) {
			found = thread;
			break;
		}
	}
	if (found) {
		ready_remove_locked(queue, found);
		__atomic_store_n(&found->cpu, here, __ATOMIC_RELEASE);
	}
	spin_unlock(&queue->lock);
	return found;
}

/* Whether something was found. */
static bool steal(void)
{
	uint32_t here = percpu()->number, count = arch_cpu_count();
	struct run_queue *queue = queue_here();

	for (uint32_t i = 1; i < count; i++) {
		struct thread *thread = steal_from(&queues[(here + i) % count], here);

		if (!thread)
			continue;
		spin_lock(&queue->lock);
		ready_add_locked(queue, thread);
		spin_unlock(&queue->lock);
		return true;
	}
	return false;
}

/* A CPU that began to idle just before threads became ready here did not see them. */
static void wake_an_idle_cpu(void)
{
	uint64_t idle = __atomic_load_n(&idle_cpus, __ATOMIC_RELAXED) & ~cpu_bit(percpu()->number);

	if (idle != 0)
		arch_cpu_kick((unsigned int)__builtin_ctzll(idle));
}

/* --- waiting, yielding, ending --------------------------------------------------------------- */

void sched_wait_prepare(void)
{
	thread_current()->wake_pending = false;
}

static bool is_ending(const struct thread *thread)
{
	return thread->task && thread->task->ending;
}

/* Blocks the current thread until it is woken or time has come; to_the_end: also when its task is
 * being ended. */
static void block(uint64_t deadline, bool to_the_end)
{
	struct run_queue *queue = queue_here();
	struct thread *thread = thread_current();

	spin_lock(&queue->lock);
	if (!thread->wake_pending && (to_the_end || !is_ending(thread)) &&
	    (deadline == UINT64_MAX || clock_now() < deadline)) {
		thread->state = THREAD_BLOCKED;
		if (deadline != UINT64_MAX) {
			thread->deadline = deadline;
			sleepers_insert_locked(queue, thread);
		}
		switch_locked(queue, pick_locked(queue));
		sched_finish_switch();
	} else {
		spin_unlock(&queue->lock);
	}
}

int sched_wait(uint64_t deadline)
{
	struct thread *thread = thread_current();

	block(deadline, false);
	if (is_ending(thread))
		return -EINTR;
	return thread->wake_pending ? 0 : -ETIMEDOUT;
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

/* Others come first, whoever had more: that is what a yield asks for. */
void sched_yield_now(void)
{
	struct run_queue *queue = queue_here();
	struct thread *next;

	spin_lock(&queue->lock);
	next = pick_locked(queue);
	if (!next && (thread_current()->cpus & cpu_bit(percpu()->number))) {
		spin_unlock(&queue->lock);
		return;
	}
	current_ready_locked(queue);
	switch_locked(queue, next);
	sched_finish_switch();
}

/* At the end of a slice, or for a thread that goes before this one. */
static void give_way(void)
{
	struct run_queue *queue = queue_here();

	spin_lock(&queue->lock);
	current_ready_locked(queue);
	switch_locked(queue, pick_locked(queue));
	sched_finish_switch();
}

void sched_exit(void)
{
	struct run_queue *queue = queue_here();
	struct thread *thread = thread_current();

	spin_lock(&queue->lock);
	thread->state = THREAD_DEAD;
	queue->dead = thread;
	switch_locked(queue, pick_locked(queue));
	panic("a dead thread runs: %s", thread->name);
}

/* --- time, other CPUs, returns to user mode -------------------------------------------------- */

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
		list_remove(&thread->sleep_link);
		ready_add_locked(queue, thread);
	}
	if (cpu->current != cpu->idle && queue->ready_count > 0 && now >= cpu->current->slice_end) {
		queue->reschedule = true;
		cpu->need_return = true;
		/* Until it gives way, a new slice: the timer must not fire at once again. */
		cpu->current->slice_end = now + SCHED_SLICE_NS;
		wake_an_idle_cpu();
	}
	timer_arm_locked(queue);
	spin_unlock(&queue->lock);
}

void sched_kicked(void)
{
	struct run_queue *queue = queue_here();

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
		if (!__atomic_load_n(&queue_here()->reschedule, __ATOMIC_RELAXED))
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
	cpu = arch_cpu((unsigned int)(queue - queues));
	if (thread->state == THREAD_RUNNING && cpu != percpu()) {
		cpu->need_return = true;
		arch_cpu_kick(cpu->number);
	}
	spin_unlock(&queue->lock);
}

int sched_set_cpus(struct thread *thread, uint64_t cpus)
{
	struct run_queue *queue;
	bool move, wake;

	cpus &= cpus_that_run();
	if (cpus == 0)
		return -EINVAL;
	queue = queue_lock_of(thread);
	thread->cpus = cpus;
	move = thread->state == THREAD_READY && !list_empty(&thread->run_link) &&
	       !(cpus & cpu_bit(thread->cpu));
	if (move)
		ready_remove_locked(queue, thread);
	if (thread->state == THREAD_RUNNING && !(cpus & cpu_bit(thread->cpu))) {
		queue->reschedule = true;
		arch_cpu(thread->cpu)->need_return = true;
		if (queue != queue_here())
			arch_cpu_kick(thread->cpu);
	}
	wake = thread->state == THREAD_BLOCKED && !(cpus & cpu_bit(thread->cpu));
	spin_unlock(&queue->lock);
	if (move)
		sched_enqueue(thread);
	if (wake) /* it finds nothing changed, and waits on where it may */
		thread_wake(thread);
	return 0;
}

void sched_set_realtime(struct thread *thread, bool realtime)
{
	struct run_queue *queue = queue_lock_of(thread);

	thread->realtime = realtime;
	spin_unlock(&queue->lock);
}

void sched_describe(struct thread *thread, struct cordon_thread_info *out)
{
	struct run_queue *queue = queue_lock_of(thread);

	out->cpus = thread->cpus & cpus_that_run();
	out->cpu = thread->cpu;
	out->scheduling = thread->realtime ? CORDON_THREAD_REALTIME : CORDON_THREAD_NORMAL;
	spin_unlock(&queue->lock);
}

void sched_idle(void)
{
	struct run_queue *queue = queue_here();

	for (;;) {
		uint64_t self = cpu_bit(percpu()->number);

		__atomic_or_fetch(&idle_cpus, self, __ATOMIC_SEQ_CST);
		if (queue->ready_count == 0 && !steal()) {
			arch_idle();
			arch_smp_poll();
			continue;
		}
		__atomic_and_fetch(&idle_cpus, ~self, __ATOMIC_SEQ_CST);
		sched_yield_now();
	}
}
