/* SPDX-License-Identifier: MIT */
/* Scheduling of threads, in place of newlib's. */
#ifndef CORDON_SCHED_H
#define CORDON_SCHED_H

#include <stdint.h>
#include <sys/sched.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CPU_SETSIZE 64

typedef struct {
	uint64_t _cpus;
} cpu_set_t;

#define CPU_ZERO(set)       ((void)((set)->_cpus = 0))
#define CPU_SET(cpu, set)   ((void)((set)->_cpus |= UINT64_C(1) << (cpu)))
#define CPU_CLR(cpu, set)   ((void)((set)->_cpus &= ~(UINT64_C(1) << (cpu))))
#define CPU_ISSET(cpu, set) ((int)((set)->_cpus >> (cpu)&1))
#define CPU_COUNT(set)      __builtin_popcountll((set)->_cpus)

int sched_yield(void);

/* The CPU that the caller runs on, at the moment. */
int sched_getcpu(void);

int sched_get_priority_max(int policy);
int sched_get_priority_min(int policy);

#ifdef __cplusplus
}
#endif
#endif
