/* SPDX-License-Identifier: MIT */
/* What trap.c counts; what arch calls of it stands in arch/context.h. */
#ifndef KERNEL_TRAP_H
#define KERNEL_TRAP_H

#include <kernel/types.h>

/* Tasks that were ended for a fault, and accesses that made a stack grow. */
uint64_t trap_fault_count(void);
uint64_t trap_growth_count(void);

#endif
