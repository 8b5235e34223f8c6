/* SPDX-License-Identifier: MIT */
/*
 * The PVH entry (Xen "x86/HVM direct boot ABI"): 32-bit protected mode, flat segments, paging
 * and interrupts off, %ebx the physical address of struct hvm_start_info. Builds tables that
 * map RAM three times (identity, direct map, and the image's first GiB at KERNEL_BASE), enters
 * long mode and calls boot_pvh. These tables serve until arch_init_memory.
 */
#include <arch/x86_64/asm.h>

#define PTE_TABLE    0x003 /* present, writable */
#define PTE_LEAF     0x083 /* present, writable, large */
#define CR0_PE_WP_PG 0x80010001
#define CR4_PAE      0x20
#define MSR_EFER     0xc0000080
#define EFER_LME     0x100
#define CPUID_LM     (1 << 29) /* 0x80000001 edx: long mode */
#define CPUID_1G     (1 << 26) /* 0x80000001 edx: 1 GiB leaves */
#define BOOT_PDS     16

/* QEMU looks for note type 18 in a PT_NOTE segment, and needs an alignment of 4. */
	.section .note.pvh, "a", @note
	.balign	4
	.long	4, 4, 18		/* name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz	"Xen"
	.long	pvh_entry

	.section .boot, "ax", @progbits
	.code32
	.globl	pvh_entry
pvh_entry:
	cli
	cld
	movl	%ebx, %ebp
	rdtsc				/* what boot costs is measured from here */
	movl	%eax, boot_timestamp
	movl	%edx, boot_timestamp + 4

	movl	$0x80000001, %eax
	cpuid
	testl	$CPUID_LM, %edx
	jz	no_long_mode

	movl	$boot_pdpt + PTE_TABLE, boot_pml4		/* identity */
	movl	$boot_pdpt + PTE_TABLE, boot_pml4 + 256 * 8	/* direct map */
	movl	$boot_pdpt_image + PTE_TABLE, boot_pml4 + 511 * 8
	movl	$boot_pds + PTE_TABLE, boot_pdpt_image + 510 * 8

#if defined(CORDON_ASAN) && CORDON_ASAN
	/* All of the image's shadow is one page, until shadow_init. */
	movl	$boot_shadow_pdpt + PTE_TABLE, boot_pml4 + SHADOW_TOP_ENTRY * 8
	movl	$512, %ecx
0:	movl	$boot_shadow_pd + PTE_TABLE, boot_shadow_pdpt - 8(,%ecx,8)
	movl	$boot_shadow_pt + PTE_TABLE, boot_shadow_pd - 8(,%ecx,8)
	movl	$boot_shadow_page + PTE_TABLE, boot_shadow_pt - 8(,%ecx,8)
	decl	%ecx
	jnz	0b
#endif

	/* 2 MiB leaves: the first table serves the image, all of them where 1 GiB leaves lack. */
	movl	$512, %esi
	testl	$CPUID_1G, %edx
	jnz	0f
	movl	$BOOT_PDS * 512, %esi
0:	movl	$boot_pds, %edi
	xorl	%ecx, %ecx			/* number of the leaf */
1:	movl	%ecx, %eax
	shll	$21, %eax
	orl	$PTE_LEAF, %eax
	movl	%eax, (%edi)
	movl	%ecx, %eax
	shrl	$11, %eax
	movl	%eax, 4(%edi)
	addl	$8, %edi
	incl	%ecx
	cmpl	%esi, %ecx
	jne	1b

	movl	$boot_pdpt, %edi
	xorl	%ecx, %ecx			/* number of the GiB */
	testl	$CPUID_1G, %edx
	jz	3f
2:	movl	%ecx, %eax
	shll	$30, %eax
	orl	$PTE_LEAF, %eax
	movl	%eax, (%edi)
	movl	%ecx, %eax
	shrl	$2, %eax
	movl	%eax, 4(%edi)
	addl	$8, %edi
	incl	%ecx
	cmpl	$512, %ecx
	jne	2b
	jmp	4f
3:	movl	%ecx, %eax
	shll	$12, %eax
	addl	$boot_pds + PTE_TABLE, %eax
	movl	%eax, (%edi)
	addl	$8, %edi
	incl	%ecx
	cmpl	$BOOT_PDS, %ecx
	jne	3b

4:	movl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$boot_pml4, %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$EFER_LME, %eax
	wrmsr
	movl	%cr0, %eax
	orl	$CR0_PE_WP_PG, %eax
	movl	%eax, %cr0
	lgdt	boot_gdt_register
	ljmp	$SELECTOR_KERNEL_CODE, $5f

	.code64
5:	xorl	%eax, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %fs
	movl	%eax, %gs
	movl	%eax, %ss
	movl	%ebp, %edi		/* also clears the upper half */
	movq	$boot_stack_top, %rsp
	xorl	%ebp, %ebp		/* ends backtraces */
	movq	$boot_pvh, %rax
	call	*%rax
6:	hlt
	jmp	6b

/* Nothing else works yet: one sentence to the first serial port. */
	.code32
no_long_mode:
	movl	$boot_message, %esi
	movl	$0x3f8, %edx
7:	lodsb
	testb	%al, %al
	jz	8f
	outb	%al, %dx
	jmp	7b
8:	hlt
	jmp	8b

boot_message:
	.asciz	"Cordon needs a 64-bit processor.\r\n"
	.balign	8
boot_gdt:
	.quad	0, 0x00209b0000000000, 0x0000930000000000
boot_gdt_register:
	.word	boot_gdt_register - boot_gdt - 1
	.long	boot_gdt

	.section .boot.bss, "aw", @nobits
	.balign	4096
	.globl	boot_pml4		/* further processors start on these tables too */
boot_pml4:
	.skip	4096
boot_pdpt:
	.skip	4096
boot_pdpt_image:
	.skip	4096
boot_pds:
	.skip	4096 * BOOT_PDS
#if defined(CORDON_ASAN) && CORDON_ASAN
boot_shadow_pdpt:
	.skip	4096
boot_shadow_pd:
	.skip	4096
boot_shadow_pt:
	.skip	4096
boot_shadow_page:
	.skip	4096
#endif
	.globl	boot_timestamp
boot_timestamp:
	.skip	8

	.section .note.GNU-stack, "", @progbits
