/* SPDX-License-Identifier: MIT */
/* The other CPUs: starting them, getting their attention. */
#ifndef ARCH_SMP_H
#define ARCH_SMP_H

#include <arch/percpu.h>
#include <kernel/types.h>

/* A page below 1 MiB where processors begin; to be kept from the allocator. 0 when there is no such
 * RAM: then only the boot CPU runs. */
struct boot_info;
paddr_t arch_smp_page(const struct boot_info *boot);

/* Starts the processors with these APIC ids, except this one, each with the next CPU number. What
 * does not answer, or has no number left, is logged and left alone. Called once, by the boot CPU,
 * with the clock running. */
void arch_smp_start(paddr_t page, const uint32_t *apic_ids, size_t count);

/* How many CPUs run, and one of them. */
unsigned int arch_cpu_count(void);
struct percpu *arch_cpu(unsigned int number);

/* Raises trap_kick on another CPU: soon if it runs a task or idles, else when it next does. */
void arch_cpu_kick(unsigned int number);

/* Does what other CPUs wait for. Called in every loop that waits for another CPU, because this one
 * takes no interrupts. */
void arch_smp_poll(void);

/*
 * What the kernel provides (kernel/trap.c):
 * trap_cpu_prepare: called before a new CPU runs; from then on it may be given threads. stack_low:
 * of the stack that it begins on, which becomes its idle thread's. Returns 0 or -ENOMEM.
 * trap_cpu_begin: called on that stack when all of arch works there.
 * trap_kick: the interrupt of arch_cpu_kick. May also come unasked.
 */
int trap_cpu_prepare(struct percpu *cpu, uint64_t stack_low);
_Noreturn void trap_cpu_begin(void);
void trap_kick(void);

#endif
