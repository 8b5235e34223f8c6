/* SPDX-License-Identifier: MIT */
#include "assembler.h"

	.text
/* context_switch(uint64_t *save_sp, uint64_t load_sp): what C may not change goes onto the old
 * stack and comes from the new one (struct initial_stack in context.c). */
FUNCTION(context_switch)
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	ret
END(context_switch)

/* Where a new thread's first switch arrives: entry in %r12, its argument in %r13. */
FUNCTION(thread_begin)
	movq	%r13, %rdi
	call	*%r12
	call	thread_entry_returned
END(thread_begin)

	.section .note.GNU-stack, "", @progbits
