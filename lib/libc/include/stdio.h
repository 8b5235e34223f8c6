/* SPDX-License-Identifier: MIT */
/* newlib's <stdio.h> with the functions that it has under other names only. */
#ifndef CORDON_STDIO_H
#define CORDON_STDIO_H

#include_next <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reads to a newline (getdelim: to the byte `end`) into *line, which is made larger as needed.
 * Returns the length, or -1 at the end or for an error. */
ssize_t getline(char **__restrict line, size_t *__restrict room, FILE *__restrict file);
ssize_t getdelim(char **__restrict line, size_t *__restrict room, int end, FILE *__restrict file);

#ifdef __cplusplus
}
#endif
#endif
