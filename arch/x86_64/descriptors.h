/* SPDX-License-Identifier: MIT */
/* Segments, the interrupt descriptor table, and the stacks of exceptions that need their own. */
#ifndef ARCH_X86_64_DESCRIPTORS_H
#define ARCH_X86_64_DESCRIPTORS_H

#include <kernel/types.h>

/* Loads all tables. The exceptions with a stack of their own share one without a guard page
 * until descriptors_init_stacks gives each its own. */
void descriptors_init(void);
void descriptors_init_stacks(void);

/* For a further CPU: its tables and stacks, made before it runs (0 or -ENOMEM), and loaded by
 * itself. stack_top: where traps from ring 3 begin until a thread runs. */
struct local;
int descriptors_prepare(struct local *cpu, uint64_t stack_top);
void descriptors_load(struct local *cpu);

#endif
