/* SPDX-License-Identifier: MIT */
/*
 * What happens at an exception. In ring 3 it is the task's; in ring 0 it is expected (a user
 * copy) or a panic; and it may be no exception at all: a device that writes messages by DMA
 * can raise any vector where the platform does not check them (S6).
 */
#include "trap.h"

#include <arch/percpu.h>
#include <cordon/memory.h>
#include <kernel/panic.h>

#include "apic.h"
#include "regs.h"
#include "syscall.h"

struct extable_entry {
	uint64_t from;
	uint64_t to;
	uint64_t target;
};
extern const struct extable_entry extable_start[], extable_end[];

uint64_t extable_lookup(uint64_t rip)
{
	for (const struct extable_entry *entry = extable_start; entry < extable_end; entry++) {
		if (rip >= entry->from && rip < entry->to)
			return entry->target;
	}
	return 0;
}

static bool from_user(const struct arch_trap_frame *frame)
{
	return (frame->cs & SELECTOR_RPL) != 0;
}

/*
 * Tells an exception from an interrupt with its number. With an error code due, the shape of the
 * frame is proof (entry.S). Otherwise the local APIC is: it marks the vector as in service
 * when it delivers an interrupt, and an exception does not. An NMI is never in service.
 */
static bool is_interrupt(const struct arch_trap_frame *frame)
{
	return (frame->vector & TRAP_NO_ERROR_CODE) || apic_in_service((uint8_t)frame->vector);
}

static void user_fault(struct arch_trap_frame *frame, uint64_t address)
{
	struct arch_fault fault = {.frame = frame, .address = address};

	trap_user_fault(&fault);
}

static void exception(struct arch_trap_frame *frame)
{
	uint64_t address = frame->vector == TRAP_PAGE_FAULT ? cr2_read() : 0;
	uint64_t fixup;

	if (is_interrupt(frame)) {
		irq_count_spurious();
		if (apic_in_service((uint8_t)frame->vector))
			apic_end_of_interrupt();
		return;
	}
	switch (frame->vector) {
	case TRAP_NMI:
		/* Only a CPU that panics sends one. Any other is nobody's. */
		panic_stop_here();
		irq_count_spurious();
		return;
	case TRAP_DOUBLE_FAULT:
	case TRAP_MACHINE_CHECK:
		panic_trap(frame, cr2_read());
	}
	if (from_user(frame)) {
		user_fault(frame, address);
		return;
	}
	if (frame->vector == TRAP_PAGE_FAULT && address < CORDON_USER_MAX) {
		fixup = extable_lookup(frame->rip);
		if (fixup != 0) {
			/* A user copy, so no lock is held. */
			if (!trap_user_copy_fault(address, frame->error))
				frame->rip = fixup;
			return;
		}
	}
	panic_trap(frame, address);
}

void trap_dispatch(struct arch_trap_frame *frame)
{
	if ((uint8_t)frame->vector < TRAP_EXCEPTIONS)
		exception(frame);
	else
		irq_dispatch((uint8_t)frame->vector);
}

void syscall_bad_return(struct arch_trap_frame *frame)
{
	user_fault(frame, 0);
}

const char *arch_trap_name(uint64_t vector)
{
	static const char *const names[] = {
	        [0] = "divide error",
	        [1] = "debug exception",
	        [2] = "NMI",
	        [3] = "breakpoint",
	        [4] = "overflow",
	        [5] = "bound range exceeded",
	        [6] = "invalid opcode",
	        [7] = "FPU not available",
	        [8] = "double fault",
	        [10] = "invalid TSS",
	        [11] = "segment not present",
	        [12] = "stack segment fault",
	        [13] = "general protection fault",
	        [14] = "page fault",
	        [16] = "x87 floating-point error",
	        [17] = "alignment check",
	        [18] = "machine check",
	        [19] = "SIMD floating-point error",
	        [20] = "virtualization exception",
	        [21] = "control protection exception",
	};

	if (vector < ARRAY_SIZE(names) && names[vector] != NULL)
		return names[vector];
	return "unknown exception";
}
