/* SPDX-License-Identifier: MIT */
/*
 * Constants that both assembly and C need. Offsets into C structures are asserted in
 * percpu.c, so that the two sides cannot drift apart.
 */
#ifndef ARCH_X86_64_ASM_H
#define ARCH_X86_64_ASM_H

/* Address of the kernel image: it is linked at KERNEL_BASE + its physical address. */
#define KERNEL_BASE 0xffffffff80000000

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
#define STACK_SIZE      16384
#define IST_TOP_RESERVE 16

#define MSR_GS_BASE 0xc0000101

/* CORDON_SYSCALL_LIMIT, CORDON_USER_MAX as a shift, -EFAULT */
#define SYSCALL_LIMIT  128
#define USER_MAX_SHIFT 39
#define MINUS_EFAULT   (-14)
#define MINUS_ENOSYS   (-88)

#define RFLAGS_USER 0x202 /* interrupts on, and the bit that is always one */

#ifdef __ASSEMBLER__
/* clang-format off */

#define FUNCTION(name)         \
	.globl name;           \
	.type name, @function; \
	.balign 16;            \
	name:

#define END(name) .size name, . - name

/*
 * Room for CLAC or STAC. Processors without SMAP do not know them, so the place holds a
 * no-operation of the same length until cpu.c finds SMAP and writes the instruction
 * (code: third byte of its encoding).
 */
#define SMAP_CLAC 0xca
#define SMAP_STAC 0xcb
	.macro	smap_place code
.Lsmap_\@:
	.byte	0x0f, 0x1f, 0x00
	.pushsection .rodata.smap_sites, "a", @progbits
	.quad	.Lsmap_\@, \code
	.popsection
	.endm

/* An access in [from, to) to an unmapped user address continues at target. */
	.macro	extable from, to, target
	.pushsection .rodata.extable, "a", @progbits
	.quad	\from, \to, \target
	.popsection
	.endm

/* clang-format on */
#endif
#endif
