/* SPDX-License-Identifier: MIT */
/* The SYSCALL entry (syscall_entry.S). */
#ifndef ARCH_X86_64_SYSCALL_H
#define ARCH_X86_64_SYSCALL_H

#include <kernel/types.h>

#include <arch/context.h>

/* Points the processor at the entry. */
void syscall_init(void);

void syscall_entry(void);

/* The system call's instruction ended at the very end of user space: the place to return to is
 * no user address. Reports a fault of the task; frame holds what is known of its registers. */
void syscall_bad_return(struct arch_trap_frame *frame);

#endif
