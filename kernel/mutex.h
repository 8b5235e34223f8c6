/* SPDX-License-Identifier: MIT */
/*
 * Locks that may be held across a sleep, for what waits for a device by the millisecond.
 *
 * A mutex has a place in the lock order (kernel/lock.h), before all spinlocks: it is taken while no
 * spinlock is held, and by threads only (at boot, before there are any, it is always free). Who
 * waits longest gets it next. A wait for it goes on when the task is being ended: what a mutex
 * protects is put in order first.
 */
#ifndef KERNEL_MUTEX_H
#define KERNEL_MUTEX_H

#include <arch/percpu.h>
#include <kernel/list.h>
#include <kernel/lock.h>
#include <kernel/types.h>

struct mutex {
	uintptr_t state; /* the thread that holds it, or 0; MUTEX_WAITED: others wait */
	struct spinlock guard;
	struct list waiters; /* struct mutex_waiter.link, who waits longest first; under guard */
	uint16_t rank;
	uint16_t outer; /* rank of the mutex that its holder took before it, 0: none */
	const char *name;
};

#define MUTEX_WAITED ((uintptr_t)1)

#define MUTEX_INIT(mutex_, rank_, name_)                                                           \
	{                                                                                          \
		.guard = SPINLOCK_INIT(RANK_MUTEX, name_), .waiters = LIST_INIT((mutex_).waiters), \
		.rank = (rank_), .name = (name_),                                                  \
	}

void mutex_init(struct mutex *mutex, enum lock_rank rank, const char *name);

/* Whether the running thread holds it. */
static inline bool mutex_held(const struct mutex *mutex)
{
	return (__atomic_load_n(&mutex->state, __ATOMIC_RELAXED) & ~MUTEX_WAITED) ==
	       (uintptr_t)percpu()->current;
}

/* The slow parts: another thread holds the mutex; another one waits for it. */
void mutex_wait(struct mutex *mutex);
void mutex_hand_over(struct mutex *mutex);

/* What debug kernels check and remember. */
#if defined(CORDON_DEBUG) && CORDON_DEBUG
void mutex_check_order(const struct mutex *mutex);
void mutex_record(struct mutex *mutex);
void mutex_forget(const struct mutex *mutex);
#else
static inline void mutex_check_order(const struct mutex *mutex)
{
	(void)mutex;
}

static inline void mutex_record(struct mutex *mutex)
{
	(void)mutex;
}

static inline void mutex_forget(const struct mutex *mutex)
{
	(void)mutex;
}
#endif

static inline void mutex_lock(struct mutex *mutex)
{
	uintptr_t nobody = 0;

	mutex_check_order(mutex);
	if (!__atomic_compare_exchange_n(&mutex->state, &nobody, (uintptr_t)percpu()->current,
	                                 false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		mutex_wait(mutex);
	mutex_record(mutex);
}

static inline void mutex_unlock(struct mutex *mutex)
{
	uintptr_t self = (uintptr_t)percpu()->current;

	mutex_forget(mutex);
	if (!__atomic_compare_exchange_n(&mutex->state, &self, 0, false, __ATOMIC_RELEASE,
	                                 __ATOMIC_RELAXED))
		mutex_hand_over(mutex);
}

#endif
