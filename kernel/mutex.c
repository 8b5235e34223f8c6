/* SPDX-License-Identifier: MIT */
#include <kernel/lock_stats.h>
#include <kernel/mutex.h>
#include <kernel/panic.h>
#include <kernel/sched.h>

/* One waiting thread; lives on its stack. */
struct mutex_waiter {
	struct list link;
	struct thread *thread;
	bool granted; /* under guard: the mutex is its own now */
};

void mutex_init(struct mutex *mutex, enum lock_rank rank, const char *name)
{
	*mutex = (struct mutex){.rank = (uint16_t)rank, .name = name};
	spin_init(&mutex->guard, RANK_MUTEX, name);
	list_init(&mutex->waiters);
}

/* Takes the mutex if it came free, else leaves the mark that makes its holder hand it over. */
static bool take_or_mark(struct mutex *mutex)
{
	uintptr_t state = __atomic_load_n(&mutex->state, __ATOMIC_RELAXED);
	uintptr_t wanted;

	do {
		wanted = state == 0 ? (uintptr_t)thread_current() : state | MUTEX_WAITED;
	} while (!__atomic_compare_exchange_n(&mutex->state, &state, wanted, false,
	                                      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return state == 0;
}

/* Once it is in the list, only being handed the mutex takes the thread out of it. */
void mutex_wait(struct mutex *mutex)
{
	struct mutex_waiter waiter = {.thread = thread_current()};

	if (locks_are_broken)
		return;
	if (mutex_held(mutex) || waiter.thread == percpu()->idle)
		panic("mutex %s is taken twice, or by no thread", mutex->name);
	lock_stats_waited(mutex->rank);
	spin_lock(&mutex->guard);
	waiter.granted = take_or_mark(mutex);
	if (!waiter.granted)
		list_append(&mutex->waiters, &waiter.link);
	while (!waiter.granted) {
		sched_wait_prepare();
		spin_unlock(&mutex->guard);
		sched_block();
		spin_lock(&mutex->guard);
	}
	spin_unlock(&mutex->guard);
}

/* The first who waits has the mutex from here on: nobody who comes later is before it. */
void mutex_hand_over(struct mutex *mutex)
{
	struct mutex_waiter *first;
	uintptr_t state;

	if (locks_are_broken)
		return;
	spin_lock(&mutex->guard);
	ASSERT(mutex_held(mutex) && !list_empty(&mutex->waiters));
	first = list_first(&mutex->waiters, struct mutex_waiter, link);
	list_remove(&first->link);
	state = (uintptr_t)first->thread;
	if (!list_empty(&mutex->waiters))
		state |= MUTEX_WAITED;
	__atomic_store_n(&mutex->state, state, __ATOMIC_RELEASE);
	first->granted = true;
	thread_wake(first->thread);
	spin_unlock(&mutex->guard);
}

#if defined(CORDON_DEBUG) && CORDON_DEBUG

void mutex_check_order(const struct mutex *mutex)
{
	const struct spinlock *outer = percpu()->lock_depth ? percpu()->locks[0] : NULL;
	const struct thread *thread = thread_current();

	if (locks_are_broken)
		return;
	if (outer)
		panic("lock order: mutex %s taken while %s is held", mutex->name, outer->name);
	if (thread->mutex_rank >= mutex->rank)
		panic("lock order: mutex %s (rank %u) taken while one of rank %u is held",
		      mutex->name, mutex->rank, thread->mutex_rank);
}

void mutex_record(struct mutex *mutex)
{
	struct thread *thread = thread_current();

	mutex->outer = thread->mutex_rank;
	thread->mutex_rank = mutex->rank;
	lock_stats_taken(mutex->rank);
}

/* Mutexes are given back in the reverse order. */
void mutex_forget(const struct mutex *mutex)
{
	struct thread *thread = thread_current();

	if (locks_are_broken)
		return;
	if (!mutex_held(mutex) || thread->mutex_rank != mutex->rank)
		panic("mutex %s is given back out of order", mutex->name);
	thread->mutex_rank = mutex->outer;
}

#endif
