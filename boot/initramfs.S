/* SPDX-License-Identifier: MIT */
/*
 * The archive of programs inside the image (newc cpio, made by tools/mkcpio.py), between
 * initramfs_start and initramfs_end. Page aligned and padded to whole pages, so that the
 * pages can be mapped or given away without neighbours.
 */
	.section .rodata.initramfs, "a", @progbits
	.balign	4096
	.globl	initramfs_start
	.type	initramfs_start, @object
initramfs_start:
	.incbin	INITRAMFS_FILE
	.globl	initramfs_end
	.type	initramfs_end, @object
initramfs_end:
	.balign	4096

	.section .note.GNU-stack, "", @progbits
