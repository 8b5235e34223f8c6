/* SPDX-License-Identifier: MIT */
/* The real per-CPU structure, reached without a segment register. */
#ifndef FAKE_ARCH_PERCPU_H
#define FAKE_ARCH_PERCPU_H

/* A macro with arguments renames the function and leaves the structure's name alone. */
#define percpu(arguments) percpu_by_segment(arguments)
#include <arch/x86_64/include/arch/percpu.h>
#undef percpu

extern struct percpu fake_percpu;

static inline struct percpu *percpu(void)
{
	(void)percpu_by_segment;
	return &fake_percpu;
}

#endif
