/* SPDX-License-Identifier: MIT */
#include "assembler.h"

	.text
/* Where a new thread's first switch arrives: its entry function and the argument of that are on the
 * stack (struct initial_stack in context.c). */
FUNCTION(thread_begin)
	xorl	%ebp, %ebp		/* backtraces end here */
	popq	%rax
	popq	%rdi
	call	*%rax
	call	thread_entry_returned
END(thread_begin)

	.section .note.GNU-stack, "", @progbits
