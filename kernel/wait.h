/* SPDX-License-Identifier: MIT */
/* Waiting for signals of objects. */
#ifndef KERNEL_WAIT_H
#define KERNEL_WAIT_H

#include <kernel/list.h>
#include <kernel/types.h>

struct thread;

/* One thread waiting on one object; lives on the stack of the waiting thread. */
struct waiter {
	struct list link; /* in object.waiters, under object.lock */
	struct thread *thread;
	uint32_t signals; /* wakes when one of these is raised; with EDGE: also when it was already
	                   */
};

/* Makes a blocked thread run again; a thread that is about to block will not. Any number of calls
 * is one. Called by object_signal with the object's lock held (kernel/sched.c). */
void thread_wake(struct thread *thread);

/*
 * The same; and *told becomes true as the last thing that the caller of this function does with
 * the thread or with anything on its stack. So the thread may go on as soon as it sees that, also
 * when something else woke it before.
 */
void thread_wake_tell(struct thread *thread, bool *told);

/* What a thread asks that was to be told. */
static inline bool thread_was_told(const bool *told)
{
	return __atomic_load_n(told, __ATOMIC_ACQUIRE);
}

#endif
