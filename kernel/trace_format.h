/* SPDX-License-Identifier: MIT */
/*
 * System calls as text, from the tables that tools/mktrace.py makes of the interface. Reads the
 * memory of the current task, and only that, as its call does.
 */
#ifndef KERNEL_TRACE_FORMAT_H
#define KERNEL_TRACE_FORMAT_H

#include <kernel/types.h>

#define TRACE_ARGUMENTS 6

/* What a number, or a place in memory, means. */
enum trace_kind {
	TRACE_NUMBER,
	TRACE_SIGNED,
	TRACE_HANDLE,
	TRACE_BDF,
	TRACE_DEADLINE,
	TRACE_NAMES,  /* table: struct trace_names */
	TRACE_TEXT,   /* characters of a structure, up to a zero byte */
	TRACE_STRUCT, /* table: struct trace_type */
	TRACE_BYTES,  /* what a pointer to bytes leads to */
};

/* Whether an argument is a number, or where its contents go. */
enum trace_way {
	TRACE_VALUE,
	TRACE_IN,
	TRACE_OUT,
	TRACE_BOTH,
};

struct trace_name {
	const char *text;
	uint32_t value;
};

struct trace_names {
	bool flags; /* bits; else one of the values */
	uint32_t count;
	const struct trace_name *list;
};

struct trace_member {
	const char *name;
	uint16_t offset;
	uint16_t size;
	enum trace_kind kind;
	const void *table;
};

struct trace_type {
	uint32_t count;
	const struct trace_member *members;
};

struct trace_argument {
	const char *name;
	uint8_t way;  /* enum trace_way */
	uint8_t kind; /* enum trace_kind */
	const void *table;
	uint16_t size;    /* of the number, or of one element that is pointed to */
	uint8_t counted;  /* the argument that says how many elements or bytes; 0: none does */
	uint8_t elements; /* how many, if none does */
};

struct trace_call {
	uint32_t count;
	const struct trace_argument *arguments;
};

/* "NAME(argument=value, ...)": what the call is given. Returns the length; what does not fit is cut
 * and ends in "...". */
size_t trace_format_call(char *text, size_t size, uint64_t number,
                         const uint64_t arguments[TRACE_ARGUMENTS]);

/* "-EINVAL" or "0 (out=5)": the result and, of a call that succeeded, what it stored. */
size_t trace_format_result(char *text, size_t size, uint64_t number,
                           const uint64_t arguments[TRACE_ARGUMENTS], int64_t result);

/* Whether the call may wait for something, for as long as these arguments say. */
bool trace_may_wait(uint64_t number, const uint64_t arguments[TRACE_ARGUMENTS]);

#endif
