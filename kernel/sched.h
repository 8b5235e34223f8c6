/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: one run queue a CPU, round robin with a time slice, tickless.
 *
 * A thread runs in the kernel until it blocks or returns; it is preempted in user mode only.
 * The queue's lock is held across a switch and released by the thread that is switched to,
 * so that no other CPU can run a thread whose stack is still in use.
 */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include <kernel/thread.h>
#include <kernel/wait.h>

#define SCHED_SLICE_NS UINT64_C(10000000)

/* Makes the calling context this CPU's idle thread. */
int sched_init(void);

struct thread *thread_current(void);

/* Begins a wait: wakes from here on count. */
void sched_wait_prepare(void);

/* Blocks until thread_wake, the task is being ended, or the deadline (monotonic ns). Returns 0,
 * -ETIMEDOUT or -EINTR (the task is being ended: unwind to user mode, where the thread ends). No
 * lock is held. */
int sched_wait(uint64_t deadline);

/* Lets others run; the caller stays ready. */
void sched_yield_now(void);

/* Puts a thread into the queue for the first time. */
void sched_enqueue(struct thread *thread);

/* Ends the running thread: never returns to it. */
_Noreturn void sched_exit(void);

/* Called first thing on a thread's own stack after each switch to it. */
void sched_finish_switch(void);

/* The timer interrupt. */
void sched_timer(void);

/* Called before a return to user mode when percpu.need_return is set. */
void sched_return(void);

/* Makes the CPU that runs a thread of this task look at its end soon. */
void sched_kick(struct thread *thread);

/* The idle loop. */
_Noreturn void sched_idle(void);

#endif
