/* SPDX-License-Identifier: MIT */
/*
 * The first instructions of a task. The kernel enters with %rsp (16-byte aligned) and %rdi
 * at the struct cordon_startup.
 */
	.section .text._start, "ax", @progbits
	.globl	_start
	.type	_start, @function
_start:
	xorl	%ebp, %ebp		/* the outermost frame: backtraces end here */
	call	cordon_rt_start
	ud2
	.size	_start, . - _start

/* newlib calls these around the constructor and destructor arrays; we need nothing there. */
	.section .text._init, "ax", @progbits
	.globl	_init
	.type	_init, @function
_init:
	ret
	.size	_init, . - _init

	.globl	_fini
	.type	_fini, @function
_fini:
	ret
	.size	_fini, . - _fini

	.section .note.GNU-stack, "", @progbits
