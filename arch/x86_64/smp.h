/* SPDX-License-Identifier: MIT */
/* What arch's own parts know of the other CPUs. */
#ifndef ARCH_X86_64_SMP_H
#define ARCH_X86_64_SMP_H

#include <arch/smp.h>

/* Bit n: CPU n runs. */
uint64_t smp_running(void);

/*
 * Makes CPUs forget translations of a range before it returns. cpus: bit n is CPU n, never the own.
 * root: the tables it belongs to, 0: the kernel's. A CPU that does not answer in time is a panic:
 * going on would mean that frames are used again which it can still reach (S3).
 */
void shootdown(uint64_t cpus, uint64_t root, uint64_t address, uint64_t size);

/* Stops all other CPUs for good, whatever they do. */
void smp_stop_others(void);

#endif
