/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU data, reached through %gs in the kernel. Assembly uses the offsets below, which
 * arch/x86_64/percpu.c asserts.
 */
#ifndef ARCH_PERCPU_H
#define ARCH_PERCPU_H

#include <kernel/types.h>

#define CPUS_MAX         64
#define PERCPU_LOCKS_MAX 12

struct thread;
struct run_queue;

struct percpu {
	struct percpu *self;    /* offset 0 */
	uint64_t user_sp;       /* offset 8: scratch of the system-call entry */
	uint64_t kernel_sp;     /* offset 16: top of the running thread's kernel stack */
	uint32_t need_return;   /* offset 24: a reschedule or a kill waits: take the slow way out */
	uint32_t number;        /* offset 28: CPU number, from 0 */
	struct thread *current; /* offset 32 */
	struct thread *idle;
	struct run_queue *queue; /* what it runs (kernel/sched_queue.h) */
	uint32_t apic_id;
	uint32_t lock_depth; /* locks held, for the order check */
	const void *locks[PERCPU_LOCKS_MAX];
	uint64_t interrupts;
	uint64_t switches;
	bool copies_grow_nothing; /* a user copy runs under a lock: no stack may grow for it */
	uint64_t shootdowns;      /* how often others were asked to forget translations */
	uint64_t kicks;           /* how often others asked for attention */
	uint32_t obligations;     /* open flush obligations recorded by this CPU (S3) */
	uint32_t reserved;
};

static inline struct percpu *percpu(void)
{
	struct percpu *self;
	__asm__ volatile("movq %%gs:0, %0" : "=r"(self));
	return self;
}

/* The same members in one instruction each, for code that runs at every system call. What they
 * return is of the past as soon as the thread was switched away from. */
static inline struct thread *percpu_current(void)
{
	struct thread *thread;
	__asm__ volatile("movq %%gs:%c1, %0"
	                 : "=r"(thread)
	                 : "i"(offsetof(struct percpu, current)));
	return thread;
}

static inline uint32_t percpu_number(void)
{
	uint32_t number;
	__asm__ volatile("movl %%gs:%c1, %0" : "=r"(number) : "i"(offsetof(struct percpu, number)));
	return number;
}

static inline struct run_queue *percpu_queue(void)
{
	struct run_queue *queue;
	__asm__ volatile("movq %%gs:%c1, %0" : "=r"(queue) : "i"(offsetof(struct percpu, queue)));
	return queue;
}

#endif
