/* SPDX-License-Identifier: MIT */
/*
 * Waiting in line: a thread waits in a list, with what it waits for, until somebody takes it out
 * and tells it. That somebody has done what the thread waited for then, so the thread need not look
 * again, and in most cases takes no lock to find out.
 *
 * The place lies on the stack of the thread. Who takes it out does so under the lock of the list
 * and touches neither place nor thread after the telling, which waiting_tell_locked leaves to the
 * last step of the wake.
 */
#ifndef KERNEL_WAITING_H
#define KERNEL_WAITING_H

#include <kernel/sched.h>

struct waiting {
	struct list link;
	struct thread *thread;
	bool told;
};

/* The current thread gets in line. Then the caller unlocks, and calls waiting_block. */
static inline void waiting_enter_locked(struct waiting *waiting, struct list *line)
{
	struct thread *thread = thread_current();

	waiting->thread = thread;
	waiting->told = false;
	thread->wake_pending = false;
	list_append(line, &waiting->link);
}

/* The thread woke and had not been told: see waiting_block. */
int waiting_look_again(struct waiting *waiting, struct spinlock *lock, uint64_t deadline,
                       int error);

/* Waits to be told. Returns 0, or what sched_wait returned; then the thread is not in line any
 * more. lock: of the list. */
static inline int waiting_block(struct waiting *waiting, struct spinlock *lock, uint64_t deadline)
{
	int error = sched_wait(deadline);

	if (__builtin_expect(thread_was_told(&waiting->told), 1))
		return 0;
	return waiting_look_again(waiting, lock, deadline, error);
}

/* Takes a thread out of the line and lets it go on. What it is to find is stored before. */
static inline void waiting_tell_locked(struct waiting *waiting)
{
	list_remove(&waiting->link);
	thread_wake_tell(waiting->thread, &waiting->told);
}

#endif
