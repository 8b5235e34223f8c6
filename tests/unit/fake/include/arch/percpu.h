/* SPDX-License-Identifier: MIT */
/* The real per-CPU structure, reached without a segment register. */
#ifndef FAKE_ARCH_PERCPU_H
#define FAKE_ARCH_PERCPU_H

/* A macro with arguments renames the function and leaves the structure's name alone. */
#define percpu(arguments)         percpu_by_segment(arguments)
#define percpu_current(arguments) percpu_current_by_segment(arguments)
#define percpu_number(arguments)  percpu_number_by_segment(arguments)
#define percpu_queue(arguments)   percpu_queue_by_segment(arguments)
#include <arch/x86_64/include/arch/percpu.h>
#undef percpu
#undef percpu_current
#undef percpu_number
#undef percpu_queue

/* Of the CPU that a test starts on. */
extern struct percpu fake_percpu;

/* Of the CPU that the test plays now. */
extern struct percpu *fake_percpu_here;

static inline struct percpu *percpu(void)
{
	(void)percpu_by_segment;
	(void)percpu_current_by_segment;
	(void)percpu_number_by_segment;
	(void)percpu_queue_by_segment;
	return fake_percpu_here;
}

static inline struct thread *percpu_current(void)
{
	return percpu()->current;
}

static inline uint32_t percpu_number(void)
{
	return percpu()->number;
}

static inline struct run_queue *percpu_queue(void)
{
	return percpu()->queue;
}

#endif
