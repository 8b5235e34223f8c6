/* SPDX-License-Identifier: MIT */
/* Lines into words, for the manifest, the command line and the prompt. Hardware-free. */
#ifndef INIT_WORDS_H
#define INIT_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Splits a line into words at spaces, tabs and carriage returns, in place. Double quotes keep
 * them inside a word and disappear; with `comments`, a # at the start of a word ends the line.
 * Returns how many words there are, -E2BIG when more than max, -EINVAL when a quote is not
 * closed. The words point into line.
 */
int words_split(char *line, char **words, size_t max, bool comments);

/* Reads a whole decimal (or, with base 16, hexadecimal) number. -EINVAL: not one, or above
 * max. No sign, no prefix. */
int words_number(const char *text, unsigned int base, uint64_t max, uint64_t *out);

#endif
