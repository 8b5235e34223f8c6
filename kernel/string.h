/* SPDX-License-Identifier: MIT */
/* The part of <string.h> that the kernel has; on the host the libc's own serves. */
#ifndef KERNEL_STRING_H
#define KERNEL_STRING_H

#if __STDC_HOSTED__
#include <string.h>
#else
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *text);
size_t strnlen(const char *text, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t max);
#endif

/* Copies at most size - 1 bytes and always ends the result with a zero byte. */
void string_copy(char *to, const char *from, unsigned long size);

#endif
