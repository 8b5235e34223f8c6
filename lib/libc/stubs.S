/* SPDX-License-Identifier: MIT */
/*
 * One function for each line of the system-call table: cordon_NAME. The C calling convention
 * passes the fourth argument in %rcx, which SYSCALL overwrites; the kernel takes it in %r10.
 * Everything else already lies where the kernel wants it. Each stub has its own section, so
 * that a program contains only those it calls.
 */
#define SYSCALL(number, name, prototype)				\
	.section .text.cordon_##name, "ax", @progbits ;			\
	.globl	cordon_##name ;						\
	.type	cordon_##name, @function ;				\
	.balign	16 ;							\
cordon_##name: ;							\
	movq	%rcx, %r10 ;						\
	movl	$number, %eax ;						\
	syscall ;							\
	ret ;								\
	.size	cordon_##name, . - cordon_##name

#include <cordon/syscalls.def>

	.section .note.GNU-stack, "", @progbits
