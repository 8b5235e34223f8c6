/* SPDX-License-Identifier: MIT */
/*
 * System calls. SYSCALL leaves the return address in %rcx and the flags in %r11, loads the
 * kernel's code segment, clears the flags that MSR_SFMASK names (interrupts, direction, AC,
 * trap, NT) and does not touch the stack pointer. This is the whole fast path.
 */
#include "assembler.h"

	.text
FUNCTION(syscall_entry)
	swapgs
	movq	%rsp, %gs:PERCPU_USER_SP
	movq	%gs:PERCPU_KERNEL_SP, %rsp
	pushq	%gs:PERCPU_USER_SP
	pushq	%rcx
	pushq	%r11
	pushq	%rbp
	xorl	%ebp, %ebp		/* backtraces end here */

	cmpq	$SYSCALL_LIMIT, %rax
	jae	syscall_unknown
	/* A mispredicted branch above must not index beyond the table either. */
	sbbq	%rcx, %rcx
	andq	%rcx, %rax
	movq	%r10, %rcx
	cmpb	$0, syscall_watched
	jne	syscall_watch
	call	*syscall_table(, %rax, 8)
syscall_return:
	cmpl	$0, %gs:PERCPU_NEED_RETURN
	jne	syscall_slow
	popq	%rbp
	popq	%r11
	popq	%rcx
	/* SYSRET to a non-canonical address faults in ring 0 with the user's stack: never get
	 * there. */
	movq	%rcx, %rdi
	shrq	$USER_MAX_SHIFT, %rdi
	jnz	syscall_bad
	/* Nothing of the kernel stays in the registers that C may change; %rdi is zero by now. */
	xorl	%esi, %esi
	xorl	%edx, %edx
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	xorl	%r10d, %r10d
	popq	%rsp
	swapgs
	sysretq

syscall_unknown:
	movq	$-ENOSYS, %rax
	jmp	syscall_return

/* The same call between syscall_enter and syscall_leave, with the arguments in an array. */
syscall_watch:
	pushq	%r9
	pushq	%r8
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%rax			/* the number */
	pushq	%rax			/* alignment; then the result */
	movq	%rax, %rdi
	leaq	16(%rsp), %rsi
	call	syscall_enter
	movq	8(%rsp), %rax
	movq	16(%rsp), %rdi
	movq	24(%rsp), %rsi
	movq	32(%rsp), %rdx
	movq	40(%rsp), %rcx
	movq	48(%rsp), %r8
	movq	56(%rsp), %r9
	call	*syscall_table(, %rax, 8)
	movq	%rax, (%rsp)
	movq	8(%rsp), %rdi
	leaq	16(%rsp), %rsi
	movq	%rax, %rdx
	call	syscall_leave
	popq	%rax
	addq	$56, %rsp
	jmp	syscall_return

syscall_slow:
	pushq	%rax
	pushq	%rax			/* alignment */
	call	trap_return
	popq	%rax
	popq	%rax
	jmp	syscall_return

/* Completes a trap frame, so that the fault can be reported like any other. */
syscall_bad:
	popq	%rdi			/* user stack pointer */
	pushq	$SELECTOR_USER_DATA
	pushq	%rdi
	pushq	%r11
	pushq	$SELECTOR_USER_CODE
	pushq	%rcx
	pushq	$0			/* error code */
	pushq	$13			/* as if SYSRET's general protection fault were the task's */
	pushq	$0			/* rdi */
	pushq	$0			/* rsi */
	pushq	$0			/* rdx */
	pushq	%rcx
	pushq	%rax
	pushq	$0			/* r8 */
	pushq	$0			/* r9 */
	pushq	$0			/* r10 */
	pushq	%r11
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, %rdi
	call	syscall_bad_return
	jmp	trap_exit
END(syscall_entry)

	.section .note.GNU-stack, "", @progbits
