/* SPDX-License-Identifier: MIT */
/*
 * The compiler may call memcpy, memmove, memset and memcmp for its own purposes, so these are
 * written with string instructions: a loop could be recognised and become a call to itself.
 * The direction flag is clear everywhere in the kernel (System V ABI, AMD64, 3.2.1).
 */
#include <kernel/asan.h>
#include <kernel/string.h>
#include <stdint.h>

void string_copy(char *to, const char *from, unsigned long size)
{
	unsigned long length;

	if (size == 0)
		return;
	length = strnlen(from, size - 1);
	memcpy(to, from, length);
	to[length] = '\0';
}

/* The host has these in its libc; a test compiles them there under other names. */
#if !__STDC_HOSTED__ || defined(CORDON_STRING_ALL)

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	void *result = to;
	size_t words = size / 8;
	size_t rest = size % 8;

	asan_check(from, size, ASAN_READ);
	asan_check(to, size, ASAN_WRITE);
	__asm__ volatile("rep movsq\n\t"
	                 "movl %k3, %%ecx\n\t"
	                 "rep movsb"
	                 : "+D"(to), "+S"(from), "+c"(words)
	                 : "r"(rest)
	                 : "memory");
	return result;
}

void *memmove(void *to, const void *from, size_t size)
{
	if ((uintptr_t)to - (uintptr_t)from >= size)
		return memcpy(to, from, size);
	/* The end of the source would be overwritten before it is read: go downwards. */
	if (size > 0) {
		char *to_last = (char *)to + size - 1;
		const char *from_last = (const char *)from + size - 1;

		asan_check(from, size, ASAN_READ);
		asan_check(to, size, ASAN_WRITE);
		__asm__ volatile("std\n\t"
		                 "rep movsb\n\t"
		                 "cld"
		                 : "+D"(to_last), "+S"(from_last), "+c"(size)
		                 :
		                 : "memory", "cc");
	}
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	void *result = to;
	size_t words = size / 8;
	size_t rest = size % 8;

	asan_check(to, size, ASAN_WRITE);
	__asm__ volatile("rep stosq\n\t"
	                 "movl %k2, %%ecx\n\t"
	                 "rep stosb"
	                 : "+D"(to), "+c"(words)
	                 : "r"(rest), "a"(UINT64_C(0x0101010101010101) * (uint8_t)byte)
	                 : "memory");
	return result;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const uint8_t *left = a;
	const uint8_t *right = b;

	for (size_t i = 0; i < size; i++)
		if (left[i] != right[i])
			return left[i] - right[i];
	return 0;
}

size_t strlen(const char *text)
{
	return strnlen(text, SIZE_MAX);
}

size_t strnlen(const char *text, size_t max)
{
	size_t length = 0;

	while (length < max && text[length] != '\0')
		length++;
	return length;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t max)
{
	for (size_t i = 0; i < max; i++) {
		uint8_t left = (uint8_t)a[i];
		uint8_t right = (uint8_t)b[i];

		if (left != right)
			return left - right;
		if (left == '\0')
			break;
	}
	return 0;
}

#endif
