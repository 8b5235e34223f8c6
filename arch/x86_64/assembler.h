/* SPDX-License-Identifier: MIT */
/* Included by assembler files only: macros, and through asm.h the constants shared with C. */
#ifndef ARCH_X86_64_ASSEMBLER_H
#define ARCH_X86_64_ASSEMBLER_H

#include "asm.h"

#include <cordon/errno.h>

#ifdef __ASSEMBLER__
/* clang-format off */

#define FUNCTION(name)         \
	.globl name;           \
	.type name, @function; \
	.balign 16;            \
	name:

#define END(name) .size name, . - name

/*
 * Room for CLAC or STAC. Processors without SMAP do not know them, so the place holds a
 * no-operation of the same length until cpu.c finds SMAP and writes the instruction
 * (code: third byte of its encoding).
 */
#define SMAP_CLAC 0xca
#define SMAP_STAC 0xcb
	.macro	smap_place code
.Lsmap_\@:
	.byte	0x0f, 0x1f, 0x00
	.pushsection .rodata.smap_sites, "a", @progbits
	.quad	.Lsmap_\@, \code
	.popsection
	.endm

/* An access in [from, to) to an unmapped user address continues at target. */
	.macro	extable from, to, target
	.pushsection .rodata.extable, "a", @progbits
	.quad	\from, \to, \target
	.popsection
	.endm

/* clang-format on */
#endif
#endif
