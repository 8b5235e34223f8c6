/* SPDX-License-Identifier: MIT */
/*
 * Names of the kernel's functions, for backtraces. The table is made by tools/mksyms.py
 * from a first link of the image and contained in the second; a first link has none.
 */
#ifndef KERNEL_SYMBOLS_H
#define KERNEL_SYMBOLS_H

#include <stdint.h>

/* Number of entries. The last one may have an empty name: it is the end of the text. */
extern const uint32_t ksyms_count;

/* Start of each function, minus KERNEL_BASE, ascending. */
extern const uint32_t ksyms_addresses[];

/* Where the name of each function begins in ksyms_names. */
extern const uint32_t ksyms_offsets[];

/* The names, each ending in a zero byte. */
extern const char ksyms_names[];

/*
 * The function that contains the virtual address addr, or NULL when none does (addr lies
 * outside the kernel's text, or the image has no table). *offset, when not NULL, receives
 * the distance from the function's start in bytes; it is not written for NULL. The string
 * is constant data of the image. Takes no lock and touches no other memory: callable from
 * a panic.
 */
const char *symbol_lookup(uint64_t addr, uint64_t *offset);

#endif
