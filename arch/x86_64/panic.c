/* SPDX-License-Identifier: MIT */
/* The last words of the kernel. Takes no lock, allocates nothing, and trusts no pointer. */
#include <arch/boot.h>
#include <arch/console.h>
#include <arch/percpu.h>
#include <kernel/asan.h>
#include <kernel/log.h>
#include <kernel/lock.h>
#include <kernel/panic.h>
#include <kernel/state.h>
#include <kernel/symbols.h>

#include "layout.h"
#include "regs.h"
#include "smp.h"
#include "stack.h"
#include "trap.h"

#define BACKTRACE_MAX 32
#define LINE_MAX      256

static uint32_t panicking; /* number of the CPU that does, plus 1 */

static void put_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void put_line_v(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

static void put_line_v(const char *format, va_list arguments)
{
	char line[LINE_MAX];
	int length = format_text_v(line, sizeof(line), format, arguments);

	if (length > 0)
		console_put(line,
		            (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1);
	console_put("\n", 1);
}

static void put_line(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	put_line_v(format, arguments);
	va_end(arguments);
}

void panic_stop_here(void)
{
	uint32_t who = __atomic_load_n(&panicking, __ATOMIC_SEQ_CST);

	while (who != 0 && who != percpu()->number + 1)
		__asm__ volatile("cli\n\thlt");
}

/* A panic while a panic is reported: no more words than these. */
static void begin(void)
{
	static const char again[] = "PANIC while reporting a panic\n";

	uint32_t self = percpu()->number + 1, none = 0;

	interrupts_disable();
	asan_stop();
	if (__atomic_compare_exchange_n(&panicking, &none, self, false, __ATOMIC_SEQ_CST,
	                                __ATOMIC_SEQ_CST)) {
		smp_stop_others();
		return;
	}
	panic_stop_here(); /* if another CPU was first */
	console_put(again, sizeof(again) - 1);
	arch_poweroff(1);
}

/* call: the address is where a call returns to, one behind the call itself. */
static void put_place(uint64_t address, bool call)
{
	uint64_t offset;
	const char *name = symbol_lookup(call ? address - 1 : address, &offset);

	if (name != NULL)
		put_line("  %016llx %s+%#llx", (unsigned long long)address, name,
		         (unsigned long long)(call ? offset + 1 : offset));
	else
		put_line("  %016llx", (unsigned long long)address);
}

/* Follows the chain of frame pointers while it stays in mapped stacks and moves upwards. */
static void backtrace(uint64_t frame_pointer)
{
	uint64_t at = frame_pointer;

	for (int i = 0; i < BACKTRACE_MAX; i++) {
		const uint64_t *frame = (const uint64_t *)(uintptr_t)at;

		if (!is_aligned(at, 8) || !stack_is_mapped(at) || !stack_is_mapped(at + 15) ||
		    frame[1] == 0)
			return;
		put_place(frame[1], true);
		if (frame[0] <= at)
			return;
		at = frame[0];
	}
}

static _Noreturn void end(void)
{
	/* The reports are complete by now, should this be one thing too many. */
	locks_are_broken = true;
	state_print();
	arch_poweroff(1);
}

_Noreturn void panic(const char *format, ...)
{
	va_list arguments;

	begin();
	console_put("PANIC: ", 7);
	va_start(arguments, format);
	put_line_v(format, arguments);
	va_end(arguments);
	backtrace((uint64_t)(uintptr_t)__builtin_frame_address(0));
	end();
}

static void put_registers(const struct arch_trap_frame *frame)
{
#define R(name) ((unsigned long long)frame->name)
	put_line("  rip %016llx  rsp %016llx  rflags %llx  cs %llx", R(rip), R(rsp), R(rflags),
	         R(cs));
	put_line("  rax %016llx  rbx %016llx  rcx %016llx  rdx %016llx", R(rax), R(rbx), R(rcx),
	         R(rdx));
	put_line("  rsi %016llx  rdi %016llx  rbp %016llx  r8  %016llx", R(rsi), R(rdi), R(rbp),
	         R(r8));
	put_line("  r9  %016llx  r10 %016llx  r11 %016llx  r12 %016llx", R(r9), R(r10), R(r11),
	         R(r12));
	put_line("  r13 %016llx  r14 %016llx  r15 %016llx", R(r13), R(r14), R(r15));
#undef R
	put_line("  cr2 %016llx  cr3 %016llx", (unsigned long long)cr2_read(),
	         (unsigned long long)cr3_read());
}

static void put_reason(const struct arch_trap_frame *frame, uint64_t address)
{
	const char *access = "reading";

	if (frame->vector == TRAP_DOUBLE_FAULT && stack_is_guard(address)) {
		put_line("PANIC: kernel stack overflow at %016llx", (unsigned long long)address);
		return;
	}
	if (frame->vector == TRAP_PAGE_FAULT) {
		if (frame->error & PAGE_FAULT_FETCH)
			access = "executing";
		else if (frame->error & PAGE_FAULT_WRITE)
			access = "writing";
		put_line("PANIC: page fault in the kernel, %s %016llx (%s)", access,
		         (unsigned long long)address,
		         frame->error & PAGE_FAULT_PRESENT ? "not permitted" : "not mapped");
		return;
	}
	put_line("PANIC: %s in the kernel, vector %llu, error code %llx",
	         arch_trap_name(frame->vector), (unsigned long long)frame->vector,
	         (unsigned long long)frame->error);
}

_Noreturn void panic_trap(const struct arch_trap_frame *frame, uint64_t address)
{
	begin();
	put_reason(frame, address);
	put_registers(frame);
	put_place(frame->rip, false);
	backtrace(frame->rbp);
	end();
}
