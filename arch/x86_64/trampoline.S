/* SPDX-License-Identifier: MIT */
/*
 * The first instructions of the other processors, copied to a page below 1 MiB: from real mode
 * to long mode on the boot tables, which map that page to itself, and from there on the kernel's
 * own tables into smp_secondary.
 */
#include "assembler.h"

#define CR0_PE       0x1
#define CR0_PE_WP_PG 0x80010001 /* caches on: CD and NW, which INIT sets, are clear */
#define CR4_PAE      0x20
#define MSR_EFER     0xc0000080
#define EFER_LME_NXE 0x900

#define CODE32 0x08
#define DATA   0x10
#define CODE64 0x18

#define OFFSET(label) (label - trampoline_start)

	.section .rodata.trampoline, "a", @progbits
	.balign	16
	.code16
	.globl	trampoline_start
trampoline_start:
	cli
	cld
	movw	%cs, %ax
	movw	%ax, %ds
	xorl	%ebx, %ebx
	movw	%ax, %bx
	shll	$4, %ebx			/* where this page lies */
	/* What names addresses is written here, because only now they are known. */
	leal	OFFSET(gdt)(%ebx), %eax
	movl	%eax, OFFSET(gdt_register) + 2
	leal	OFFSET(protected)(%ebx), %eax
	movl	%eax, OFFSET(to_protected)
	leal	OFFSET(long_mode)(%ebx), %eax
	movl	%eax, OFFSET(to_long_mode)
	lgdtl	OFFSET(gdt_register)
	movl	%cr0, %eax
	orl	$CR0_PE, %eax
	movl	%eax, %cr0
	ljmpl	*OFFSET(to_protected)

	.code32
protected:
	movl	$DATA, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$boot_pml4, %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$EFER_LME_NXE, %eax
	wrmsr
	movl	$CR0_PE_WP_PG, %eax
	movl	%eax, %cr0
	ljmpl	*OFFSET(to_long_mode)(%ebx)

	.code64
long_mode:
	movabsq	$secondary_entry, %rax
	jmp	*%rax

	.balign	8
gdt:
	.quad	0
	.quad	0x00cf9b000000ffff		/* CODE32 */
	.quad	0x00cf93000000ffff		/* DATA */
	.quad	0x00af9b000000ffff		/* CODE64 */
gdt_register:
	.word	gdt_register - gdt - 1
	.long	0
	.balign	4
to_protected:
	.long	0
	.word	CODE32
	.balign	4
to_long_mode:
	.long	0
	.word	CODE64
	.globl	trampoline_end
trampoline_end:

	.text
FUNCTION(secondary_entry)
	movq	secondary_root(%rip), %rax
	movq	%rax, %cr3
	movq	secondary_stack(%rip), %rsp
	movq	secondary_local(%rip), %rdi
	xorl	%ebp, %ebp			/* ends backtraces */
	xorl	%eax, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	%eax, %fs
	movl	%eax, %gs
	call	smp_secondary
	ud2
END(secondary_entry)

	.data
	.balign	8
	.globl	secondary_root, secondary_stack, secondary_local
secondary_root:
	.quad	0
secondary_stack:
	.quad	0
secondary_local:
	.quad	0

	.section .note.GNU-stack, "", @progbits
