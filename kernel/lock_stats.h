/* SPDX-License-Identifier: MIT */
/*
 * How often locks are taken, and how often that meant to wait for somebody else: of all locks and
 * mutexes of one rank together (kernel/lock.h). Each CPU counts for itself, so that counting is no
 * reason to wait. Debug kernels only; in others nothing is left of it.
 */
#ifndef KERNEL_LOCK_STATS_H
#define KERNEL_LOCK_STATS_H

#include <cordon/system.h>
#include <kernel/types.h>

#define LOCK_RANKS 99u /* above all of enum lock_rank */

#if defined(CORDON_DEBUG) && CORDON_DEBUG

/* A lock of the rank was taken. By its holder, who is not interrupted. */
void lock_stats_taken(uint32_t rank);

/* Before it is taken, somebody else has to give it back. Once, however long that lasts. */
void lock_stats_waited(uint32_t rank);

/* As counters of the system: so many of them, and the index-th, lock.NAME.taken or
 * lock.NAME.waited, of all CPUs together. */
uint32_t lock_stats_count(void);
void lock_stats_at(uint32_t index, struct cordon_counter *out);

#else

static inline void lock_stats_taken(uint32_t rank)
{
	(void)rank;
}

static inline void lock_stats_waited(uint32_t rank)
{
	(void)rank;
}

static inline uint32_t lock_stats_count(void)
{
	return 0;
}

static inline void lock_stats_at(uint32_t index, struct cordon_counter *out)
{
	(void)index;
	(void)out;
}

#endif
#endif
