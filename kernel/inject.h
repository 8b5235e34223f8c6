/* SPDX-License-Identifier: MIT */
/*
 * Fault injection (docs/testing.md): each operation that can fail for want of memory, budget or a
 * free slot, and each wait for hardware, asks here whether it is to fail now. Debug kernels only:
 * elsewhere the answer is a constant, and nothing of this is compiled in.
 *
 * Armed by the kernel options inject= and inject.boot=, or by the system call system_inject.
 * Exactly one operation fails for each time that injection is armed; the others are counted.
 */
#ifndef KERNEL_INJECT_H
#define KERNEL_INJECT_H

#include <cordon/errno.h>
#include <cordon/system.h>
#include <kernel/types.h>

#if defined(CORDON_DEBUG) && CORDON_DEBUG && !defined(CORDON_HOST)

/* The kinds that are counted now; 0: not armed. For inject_fails only. */
extern uint32_t inject_points;

/* Counts one operation; whether it is the one that fails. */
bool inject_count(uint32_t point);

/* Whether an operation of a kind, one CORDON_INJECT_* bit, must fail now. Any lock may be held. */
static inline bool inject_fails(uint32_t point)
{
	return __builtin_expect((inject_points & point) != 0, 0) && inject_count(point);
}

/* Reads the options; inject.boot= is armed from here on. At boot, before memory is managed. */
void inject_init(void);

/* The first task is about to run: tells how many operations the boot had, when that was asked for,
 * and arms inject=. */
void inject_boot_done(void);

/*
 * Lets the nth operation of these kinds on behalf of a task (0: of anybody) fail, once; nth 0 ends
 * it. Returns how many were counted since it was last armed.
 */
int64_t inject_arm(uint64_t task, uint32_t points, uint64_t nth);

#else

static inline bool inject_fails(uint32_t point)
{
	(void)point;
	return false;
}

static inline void inject_init(void)
{
}

static inline void inject_boot_done(void)
{
}

static inline int64_t inject_arm(uint64_t task, uint32_t points, uint64_t nth)
{
	(void)task;
	(void)points;
	(void)nth;
	return -ENOTTY;
}

#endif
#endif
