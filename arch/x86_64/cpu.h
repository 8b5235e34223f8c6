/* SPDX-License-Identifier: MIT */
/* What this processor can do, and the one-time set-up of its control registers. */
#ifndef ARCH_X86_64_CPU_H
#define ARCH_X86_64_CPU_H

#include <kernel/types.h>

struct cpu_features {
	bool mce;
	bool smep;
	bool smap;
	bool umip;
	bool fsgsbase;
	bool leaves_1g;
	bool fpu_pointers_stay; /* FXRSTOR does not load them (fpu.h) */
	bool clflushopt;
	uint32_t clflush_line; /* bytes */
};

/* Valid after cpu_init. */
extern struct cpu_features cpu_features;

/*
 * Turns on what the kernel relies on (NX, SYSCALL, global pages, FXSAVE: missing ones are a
 * panic) and what it uses where it exists (SMEP, SMAP, UMIP, FSGSBASE: missing ones are logged).
 * Called once on each CPU, while the image is still writable on the first (SMAP places).
 */
void cpu_init(void);

/* The same for a further CPU, which must have whatever the first one has: a panic otherwise. */
void cpu_init_secondary(void);

/* Asks the processor itself: usable before cpu_init. */
bool cpu_has_1g_leaves(void);
bool cpu_has_x2apic(void);

#endif
