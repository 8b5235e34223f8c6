/* SPDX-License-Identifier: MIT */
#include "syscall.h"

#include "regs.h"

/* STAR: SYSCALL loads kernel code and, behind it, kernel data. SYSRET takes user code 16 and user
 * data 8 above its own base (Intel SDM 2, SYSRET). */
#define STAR_SYSCALL_SHIFT 32
#define STAR_SYSRET_SHIFT  48
#define STAR_SYSRET_BASE   (SELECTOR_USER_DATA - 8)

_Static_assert(SELECTOR_KERNEL_DATA == SELECTOR_KERNEL_CODE + 8, "SYSCALL");
_Static_assert(SELECTOR_USER_CODE == STAR_SYSRET_BASE + 16, "SYSRET");

void syscall_init(void)
{
	msr_write(MSR_STAR, (uint64_t)SELECTOR_KERNEL_CODE << STAR_SYSCALL_SHIFT |
	                            (uint64_t)STAR_SYSRET_BASE << STAR_SYSRET_SHIFT);
	msr_write(MSR_LSTAR, (uint64_t)(uintptr_t)syscall_entry);
	msr_write(MSR_CSTAR, 0); /* no 32-bit code segment exists for tasks */
	msr_write(MSR_SFMASK,
	          RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_AC);
	msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_SCE);
}
