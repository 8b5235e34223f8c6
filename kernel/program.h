/* SPDX-License-Identifier: MIT */
/*
 * The file that a task was started from, as far as it is part of the image: names of its functions,
 * for reports. tools/mkprogram.py says how they lie in it. Tasks start programs at any place of
 * the archive, so nothing in a file is believed.
 */
#ifndef KERNEL_PROGRAM_H
#define KERNEL_PROGRAM_H

#include <kernel/types.h>

#define PROGRAM_NAME_MAX 64 /* with the zero byte; longer names are cut */

struct memory;

struct program {
	const uint8_t *bytes; /* never freed; NULL: not part of the image */
	uint64_t size;
};

/* Remembers a file at an offset of a memory object; one that is not part of the image has no
 * names. */
void program_remember(struct program *program, const struct memory *image, uint64_t offset,
                      uint64_t size);

/* The function that contains an address, and how far behind its start that is. False: none is
 * known. Takes no lock: callable from a panic. */
bool program_function(const struct program *program, uint64_t address, char name[PROGRAM_NAME_MAX],
                      uint64_t *offset);

#endif
