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

struct percpu {
	struct percpu *self;    /* offset 0 */
	uint64_t user_sp;       /* offset 8: scratch of the system-call entry */
	uint64_t kernel_sp;     /* offset 16: top of the running thread's kernel stack */
	uint32_t need_return;   /* offset 24: a reschedule or a kill waits: take the slow way out */
	uint32_t number;        /* offset 28: CPU number, from 0 */
	struct thread *current; /* offset 32 */
	struct thread *idle;
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

#endif
