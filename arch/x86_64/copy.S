/* SPDX-License-Identifier: MIT */
/*
 * int user_copy(void *to, const void *from, size_t size): one side is user memory, checked to
 * lie below CORDON_USER_MAX. A page fault at a user address inside continues at the end and
 * returns -EFAULT (trap.c); one at a kernel address is a panic as anywhere else.
 */
#include "assembler.h"

	.macro	copy_word offset
	movq	\offset(%rsi), %rax
	movq	%rax, \offset(%rdi)
	.endm

	.text
FUNCTION(user_copy)
	smap_place SMAP_STAC
.Lbegin:
	cmpq	$64, %rdx
	ja	.Lbulk
	testb	$7, %dl
	jnz	.Lodd
	/* Small structures: jump to where as many words are left to copy. The code of each word is
	 * 8 bytes long, as long as the word itself. */
	leaq	.Lwords_end(%rip), %rax
	subq	%rdx, %rax
	jmp	*%rax
.Lwords:
	copy_word 56
	copy_word 48
	copy_word 40
	copy_word 32
	copy_word 24
	copy_word 16
	copy_word 8
	movq	(%rsi), %rax
	movq	%rax, (%rdi)
	.byte	0x66, 0x90		/* these two have no offset: fill up to 8 bytes */
.Lwords_end:
	.if	.Lwords_end - .Lwords - 64
	.error	"the code of a word is not as long as a word"
	.endif
.Ldone:
	smap_place SMAP_CLAC
	xorl	%eax, %eax
	ret

.Lodd:
	cmpq	$4, %rdx
	jne	.Lbulk
	movl	(%rsi), %eax
	movl	%eax, (%rdi)
	jmp	.Ldone

.Lbulk:
	movq	%rdx, %rcx
	shrq	$3, %rcx
	rep movsq
	movl	%edx, %ecx
	andl	$7, %ecx
	rep movsb
	jmp	.Ldone
.Lend:
	extable	.Lbegin, .Lend, .Lfault

.Lfault:
	smap_place SMAP_CLAC
	movl	$-EFAULT, %eax
	ret
END(user_copy)

/* Leaves the function unless that many bytes from an address on are below CORDON_USER_MAX. */
	.macro	check_user address, size
	movabsq	$((1 << USER_MAX_SHIFT) - \size), %rax
	cmpq	%rax, \address
	ja	.Lbad_address
	.endm

	.macro	copy_32
	copy_word 0
	copy_word 8
	copy_word 16
	copy_word 24
	.endm

/* int user_write_u64(uaddr_t to, uint64_t value) */
FUNCTION(user_write_u64)
	check_user %rdi, 8
.Lfixed:
	smap_place SMAP_STAC
	movq	%rsi, (%rdi)
	smap_place SMAP_CLAC
	xorl	%eax, %eax
	ret
END(user_write_u64)

/* int user_read_32(void *to, uaddr_t from) */
FUNCTION(user_read_32)
	check_user %rsi, 32
	smap_place SMAP_STAC
	copy_32
	smap_place SMAP_CLAC
	xorl	%eax, %eax
	ret
END(user_read_32)

/* int user_write_32(uaddr_t to, const void *from) */
FUNCTION(user_write_32)
	check_user %rdi, 32
	smap_place SMAP_STAC
	copy_32
	smap_place SMAP_CLAC
	xorl	%eax, %eax
	ret
END(user_write_32)
.Lfixed_end:
	extable	.Lfixed, .Lfixed_end, .Lfixed_missing

.Lfixed_missing:
	smap_place SMAP_CLAC
.Lbad_address:
	movl	$-EFAULT, %eax
	ret

	.section .note.GNU-stack, "", @progbits
