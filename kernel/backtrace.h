/* SPDX-License-Identifier: MIT */
/*
 * The calls that a task was in, out of its registers and its stack. Both are whatever the task made
 * of them: the walk is bounded, and each read is checked.
 */
#ifndef KERNEL_BACKTRACE_H
#define KERNEL_BACKTRACE_H

#include <kernel/program.h>

#define BACKTRACE_FRAMES_MAX 32u

struct backtrace {
	const struct program *program;
	uint64_t ip; /* the next instruction */
	uint64_t sp;
	uint64_t fp; /* %rbp: the chain of frames, if the program has one */
	/* Reads the task's memory; 0 or -EFAULT. */
	int (*read)(void *context, void *to, uint64_t from, size_t size);
	void *context;
	/* Takes a place in the task's code. guess: it was on the stack, and may be old. */
	void (*put)(void *context, uint64_t address, const char *name, uint64_t offset, bool guess);
};

/* Gives at most BACKTRACE_FRAMES_MAX places to put, innermost first. Name is "" where none is
 * known; an address behind a call is named by the call. */
void backtrace_walk(const struct backtrace *backtrace);

#endif
