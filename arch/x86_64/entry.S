/* SPDX-License-Identifier: MIT */
/*
 * Entries of the interrupt descriptor table: they complete a struct arch_trap_frame and call
 * trap_dispatch(frame).
 *
 * A message-signalled interrupt can carry any vector, so an exception's entry cannot trust its
 * number. The processor aligns the stack to 16 bytes before it pushes five words, and a sixth
 * for exceptions with an error code: the alignment of %rsp tells which it was. For
 * exceptions without an error code trap.c asks the local APIC.
 */
#include "assembler.h"

	.macro	push_registers
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	%rax
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	cld
	smap_place SMAP_CLAC
	.endm

	.macro	pop_registers
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rax
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
	.endm

	.text
FUNCTION(trap_common)
	push_registers
	testb	$SELECTOR_RPL, FRAME_CS(%rsp)
	jz	trap_from_kernel
	swapgs
trap_from_user:
	xorl	%ebp, %ebp			/* backtraces end here */
	movq	%rsp, %rdi
	call	trap_dispatch
	.globl	trap_exit
trap_exit:					/* to ring 3, %rsp at a frame */
	cmpl	$0, %gs:PERCPU_NEED_RETURN
	je	1f
	call	trap_return
	jmp	trap_exit
1:	swapgs
	pop_registers
	addq	$16, %rsp			/* vector and error code */
	iretq

trap_from_kernel:
	movq	%rsp, %rdi
	call	trap_dispatch
	pop_registers
	addq	$16, %rsp
	iretq
END(trap_common)

/*
 * Vectors with a stack of their own (debug, NMI, double fault, machine check) come at any
 * instruction, also between the entry of a system call and its swapgs. In ring 0 %gs can be
 * anything then, and a task may load its own %gs with any value, so its sign says nothing:
 * the percpu pointer is read from the top of the stack instead.
 */
FUNCTION(trap_common_ist)
	push_registers
	testb	$SELECTOR_RPL, FRAME_CS(%rsp)
	jnz	1f

	movl	$MSR_GS_BASE, %ecx
	rdmsr
	movl	%eax, %r12d
	movl	%edx, %r13d
	movq	%rsp, %rdx
	orq	$STACK_SIZE - 1, %rdx
	movl	1 - IST_TOP_RESERVE(%rdx), %eax
	movl	1 - IST_TOP_RESERVE + 4(%rdx), %edx
	wrmsr
	movq	%rsp, %rdi
	call	trap_dispatch
	movl	$MSR_GS_BASE, %ecx
	movl	%r12d, %eax
	movl	%r13d, %edx
	wrmsr
	pop_registers
	addq	$16, %rsp
	iretq

	/* From ring 3 the state is simple, and the handler may give up the CPU: go on with the
	 * frame on the thread's own stack, which is empty. */
1:	swapgs
	movq	%rsp, %rsi
	movq	%gs:PERCPU_KERNEL_SP, %rdi
	subq	$FRAME_SIZE, %rdi
	movq	%rdi, %rsp
	movl	$FRAME_WORDS, %ecx
	rep movsq
	jmp	trap_from_user
END(trap_common_ist)

/* Goes to ring 3 for the first time: arch_enter_user_frame(rip, rsp, argument). */
FUNCTION(arch_enter_user_frame)
	movq	%gs:PERCPU_KERNEL_SP, %rsp
	pushq	$SELECTOR_USER_DATA
	pushq	%rsi
	pushq	$RFLAGS_USER
	pushq	$SELECTOR_USER_CODE
	pushq	%rdi
	pushq	$0
	pushq	$0
	pushq	%rdx			/* rdi */
	.rept	14
	pushq	$0
	.endr
	jmp	trap_exit
END(arch_enter_user_frame)

	/* Vectors whose exceptions push an error code, and those with a stack of their own
	 * (Intel SDM 3, table 6-1; descriptors.c sets the stacks). */
	.macro	stub vector
	.set	has_error, 0
	.irp	n, 8, 10, 11, 12, 13, 14, 17, 21, 29, 30
	.if	\vector == \n
	.set	has_error, 1
	.endif
	.endr
	.set	has_stack, 0
	.irp	n, 1, 2, 8, 18
	.if	\vector == \n
	.set	has_stack, 1
	.endif
	.endr

.Lstub_\vector:
	.if	has_error
	testb	$8, %spl
	jnz	1f
	pushq	$\vector
	.else
	pushq	$0
	pushq	$\vector
	.endif
	.if	has_stack
	jmp	trap_common_ist
	.else
	jmp	trap_common
	.endif
	.if	has_error
1:	pushq	$0
	pushq	$\vector | TRAP_NO_ERROR_CODE
	.if	has_stack
	jmp	trap_common_ist
	.else
	jmp	trap_common
	.endif
	.endif
	.pushsection .rodata.trap_stubs, "a", @progbits
	.quad	.Lstub_\vector
	.popsection
	.endm

	.section .rodata.trap_stubs, "a", @progbits
	.balign	8
	.globl	trap_stubs
trap_stubs:

	.text
	.globl	trap_entries
trap_entries:
	.altmacro
	.macro	stub_number n
	stub	\n
	.endm
	.set	number, 0
	.rept	256
	stub_number %number
	.set	number, number + 1
	.endr

	.section .note.GNU-stack, "", @progbits
