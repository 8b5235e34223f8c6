/* SPDX-License-Identifier: MIT */
/* Exceptions and interrupts. */
#ifndef ARCH_X86_64_TRAP_H
#define ARCH_X86_64_TRAP_H

#include <arch/context.h>
#include <kernel/types.h>

/* Exception vectors (Intel SDM 3, table 6-1). */
enum trap {
	TRAP_DIVIDE = 0,
	TRAP_DEBUG = 1,
	TRAP_NMI = 2,
	TRAP_BREAKPOINT = 3,
	TRAP_DOUBLE_FAULT = 8,
	TRAP_GENERAL_PROTECTION = 13,
	TRAP_PAGE_FAULT = 14,
	TRAP_MACHINE_CHECK = 18,
	TRAP_EXCEPTIONS = 32, /* vectors below are exceptions' */
};

/* Error code of a page fault (SDM 3, 4.7). */
#define PAGE_FAULT_PRESENT (UINT64_C(1) << 0)
#define PAGE_FAULT_WRITE   (UINT64_C(1) << 1)
#define PAGE_FAULT_FETCH   (UINT64_C(1) << 4)

/* Called by the entries in entry.S, with interrupts off. */
void trap_dispatch(struct arch_trap_frame *frame);

/* Where execution continues after a fault at rip that was expected (assembler.h, extable); 0:
 * nowhere. */
uint64_t extable_lookup(uint64_t rip);

/* An interrupt with a vector of 32 or above (irq.c). */
void irq_dispatch(uint8_t vector);

/* Counts an interrupt that nobody handles. */
void irq_count_spurious(void);

/* Stops this CPU for good if another one panics. */
void panic_stop_here(void);

/* panic with registers (panic.c). address: that of a page fault. */
_Noreturn void panic_trap(const struct arch_trap_frame *frame, uint64_t address);

#endif
