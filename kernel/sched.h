/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: one run queue a CPU, tickless.
 *
 * Tasks share a CPU fairly: of those that wait, the thread whose task had the least time runs, for
 * at most a slice when others wait. A real-time thread runs at once when it wakes, as long as its
 * task does not take more than its share. A CPU without work takes a thread that waits on another
 * one.
 *
 * A thread runs in the kernel until it blocks or returns; it is preempted in user mode only.
 * The queue's lock is held across a switch and released by the thread that is switched to,
 * so that no other CPU can run a thread whose stack is still in use.
 */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include <kernel/clock.h>
#include <kernel/thread.h>
#include <kernel/wait.h>

#define SCHED_SLICE_NS UINT64_C(10000000)

/* Makes the context that a CPU is in, or begins in, its idle thread; once for each. From then on
 * threads may be put into its queue. Returns 0 or -ENOMEM. */
int sched_init(struct percpu *cpu);

/* Begins a wait: wakes from here on count. */
static inline void sched_wait_prepare(void)
{
	thread_current()->wake_pending = false;
}

/* Blocks until thread_wake, the task is being ended, or the deadline (monotonic ns). Returns 0,
 * -ETIMEDOUT or -EINTR (the task is being ended: unwind to user mode, where the thread ends). No
 * lock is held. */
int sched_wait(uint64_t deadline);

/* As sched_wait with no deadline, also when the task is being ended. */
void sched_block(void);

/* Lets others run until a time (monotonic ns), also when the task is being ended. Mutexes may be
 * held, other locks not. Before there are threads, at boot, the CPU waits. */
void sched_sleep(uint64_t until);

/* How long a device that takes milliseconds is left alone between two looks. */
#define SCHED_LOOK_NS UINT64_C(500000)

/* As clock_wait_until for what may take long: others run between two looks (sched_sleep). */
#define sched_poll(condition, timeout_ns) \
	clock_poll_until(condition, timeout_ns, sched_sleep(clock_now() + SCHED_LOOK_NS))

/* Lets others run, if there are any; the caller stays ready. */
void sched_yield_now(void);

/* A place in a long operation of the kernel where others may run: interrupts come in, and a thread
 * that waits for the CPU longer than a slice, or is a real-time one, gets it. Mutexes may be held,
 * other locks not; the caller may go on on another CPU. */
void sched_point(void);

/* How many small things a long operation does between two such places. */
#define SCHED_POINT_EVERY 128u

/* Gives a thread that is in no queue to a CPU. */
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

/* Another CPU put something into this one's queue. */
void sched_kicked(void);

/* Says which CPUs a thread may run on: bit n is CPU n, those that do not run are left out. It is on
 * one of them at its next return to user mode. -EINVAL when none is left. */
int sched_set_cpus(struct thread *thread, uint64_t cpus);

void sched_set_realtime(struct thread *thread, bool realtime);

/* Fills in what the scheduler knows of a thread. */
void sched_describe(struct thread *thread, struct cordon_thread_info *out);

/* The idle loop; one round of it: looks for work, runs it, or waits for an interrupt. */
void sched_idle_step(void);
_Noreturn void sched_idle(void);

#endif
