/* SPDX-License-Identifier: MIT */
/*
 * Errors on demand, to see that a debug or sanitized kernel notices them: the kernel option
 * selftest=NAME commits one. Kernels as shipped do not know the option.
 */
#ifndef KERNEL_SELFTEST_H
#define KERNEL_SELFTEST_H

struct task;

/* Called once the heap works. Returns when no error was asked for; when the error that was asked
 * for is not noticed, it says so, and the boot goes on. */
#if defined(CORDON_DEBUG) && CORDON_DEBUG
void selftest_run(void);

/* Called by a task that asks for the state: with selftest=panic, a panic with locks held. */
void selftest_panic(void);

/* Called with the first task: with selftest=init it is killed. */
void selftest_first_task(struct task *task);
#else
static inline void selftest_run(void)
{
}

static inline void selftest_panic(void)
{
}

static inline void selftest_first_task(struct task *task)
{
	(void)task;
}
#endif

#endif
