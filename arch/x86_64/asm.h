/* SPDX-License-Identifier: MIT */
/*
 * Constants that both assembly and C need. Offsets into C structures are asserted in
 * percpu.c, so that the two sides cannot drift apart.
 */
#ifndef ARCH_X86_64_ASM_H
#define ARCH_X86_64_ASM_H

/* Address of the kernel image: it is linked at KERNEL_BASE + its physical address. */
#define KERNEL_BASE 0xffffffff80000000

/* Shadow of the address sanitizer (shadow.c): -fasan-shadow-offset, and the top-level entry under
 * which the shadow of the image lies. */
#define SHADOW_OFFSET    0xdffffc0000000000
#define SHADOW_TOP_ENTRY 503

/* Segment selectors. SYSRET wants user data directly before user code (Intel SDM 3, 5.8.8). */
#define SELECTOR_KERNEL_CODE 0x08
#define SELECTOR_KERNEL_DATA 0x10
#define SELECTOR_USER_DATA   0x1b
#define SELECTOR_USER_CODE   0x23
#define SELECTOR_TSS         0x28
#define SELECTOR_RPL         3 /* privilege bits of a selector */

/* struct percpu (arch/percpu.h) */
#define PERCPU_USER_SP     8
#define PERCPU_KERNEL_SP   16
#define PERCPU_NEED_RETURN 24

/* struct arch_trap_frame (arch/context.h) */
#define FRAME_RDI   112
#define FRAME_CS    144
#define FRAME_WORDS 22
#define FRAME_SIZE  176

/* Set in the vector of a frame: the entry expected an error code and found none. */
#define TRAP_NO_ERROR_CODE 0x100

/* Stacks are this large and aligned to their size; the top 16 bytes of one that the
 * interrupt stack table names hold the CPU's percpu pointer. */
#if defined(CORDON_ASAN) && CORDON_ASAN
#define STACK_SIZE 32768 /* instrumented code needs more; boot/kernel.ld is told, too */
#else
#define STACK_SIZE 16384
#endif
#define IST_TOP_RESERVE 16

#define MSR_GS_BASE 0xc0000101

/* CORDON_SYSCALL_LIMIT, and CORDON_USER_MAX as a shift */
#define SYSCALL_LIMIT  128
#define USER_MAX_SHIFT 39

#define RFLAGS_USER 0x202 /* interrupts on, and the bit that is always one */

#endif
