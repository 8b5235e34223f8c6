/* SPDX-License-Identifier: MIT */
#include <arch/context.h>
#include <arch/cpu.h>
#include <arch/percpu.h>
#include <cordon/memory.h>
#include <cordon/syscall.h>

#include "local.h"
#include "regs.h"

_Static_assert(offsetof(struct percpu, self) == 0, "read by percpu()");
_Static_assert(offsetof(struct percpu, user_sp) == PERCPU_USER_SP, "asm.h");
_Static_assert(offsetof(struct percpu, kernel_sp) == PERCPU_KERNEL_SP, "asm.h");
_Static_assert(offsetof(struct percpu, need_return) == PERCPU_NEED_RETURN, "asm.h");
_Static_assert(offsetof(struct arch_trap_frame, rdi) == FRAME_RDI, "asm.h");
_Static_assert(offsetof(struct arch_trap_frame, cs) == FRAME_CS, "asm.h");
_Static_assert(sizeof(struct arch_trap_frame) == FRAME_SIZE, "asm.h");
_Static_assert(FRAME_SIZE == FRAME_WORDS * 8, "asm.h");
_Static_assert(STACK_SIZE == ARCH_KERNEL_STACK_SIZE, "asm.h");
_Static_assert(SYSCALL_LIMIT == CORDON_SYSCALL_LIMIT, "asm.h");
_Static_assert(UINT64_C(1) << USER_MAX_SHIFT == CORDON_USER_MAX, "asm.h");

static struct local boot_local = {
        .percpu.self = &boot_local.percpu,
        .timer_deadline = UINT64_MAX,
        .timer_armed = UINT64_MAX,
};

struct percpu *local_boot(void)
{
	return &boot_local.percpu;
}

void local_load(struct local *cpu)
{
	msr_write(MSR_GS_BASE, (uint64_t)(uintptr_t)&cpu->percpu);
	msr_write(MSR_KERNEL_GS_BASE, 0);
}

void local_init_boot(void)
{
	local_load(&boot_local);
}

void local_init(struct local *cpu, uint32_t number)
{
	cpu->percpu.self = &cpu->percpu;
	cpu->percpu.number = number;
	cpu->timer_deadline = UINT64_MAX;
	cpu->timer_armed = UINT64_MAX;
}

unsigned int arch_cpu_number(void)
{
	return percpu()->number;
}
