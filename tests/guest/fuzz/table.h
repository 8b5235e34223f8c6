/* SPDX-License-Identifier: MIT */
/* The system calls and what kinds of arguments they take. */
#ifndef TESTS_GUEST_FUZZ_TABLE_H
#define TESTS_GUEST_FUZZ_TABLE_H

#include <cordon/syscall.h>

#define CALL_ARGUMENTS 6
#define CALLS_MAX      (CORDON_SYSCALL_LIMIT + 1)

/* Kinds of arguments. OUT and the following point into the arena, mostly. */
enum argument {
	NONE,
	HANDLE, /* the type is in the upper bits: OF(type) */
	NUMBER, /* small, mostly */
	RIGHTS,
	MEMORY_FLAGS,
	PROTECTION,
	REGION,
	SIZE,
	ADDRESS,
	OFFSET,
	IOVA,
	PHYSICAL,
	DEADLINE, /* has passed, or will soon */
	BDF,
	OUT,
	OUT_HANDLE,
	IN_WAIT,
	IN_MAP,
	IN_REGION_MAP,
	IN_DMA_MAP,
	IN_DMA_OPS,
	IN_SPAWN,
	IN_THREAD,
	IN_MESSAGE,
	OUT_MESSAGE, /* where one is received */
	IN_WORD,     /* one that may be waited on */
	IN_BYTES,    /* a structure that is not known here, or bytes */
};
#define OF(type)    (HANDLE | (uint32_t)(type) << 8)
#define KIND(coded) ((enum argument)((coded)&0xff))
#define TYPE(coded) ((coded) >> 8)

struct call {
	uint32_t number;
	uint32_t weight; /* how often, compared with others; 0: never */
	const char *name;
	uint32_t count;
	uint32_t arguments[CALL_ARGUMENTS]; /* enum argument, coded */
};

/* Fills calls from the table of system calls. Returns how many there are. */
uint32_t calls_read(struct call calls[CALLS_MAX]);

/* Makes a call with any arguments. What it does to the thread pointer is undone. Returns what the
 * call returned. */
int64_t call_raw(uint64_t number, const uint64_t arguments[CALL_ARGUMENTS]);

#endif
