/* SPDX-License-Identifier: MIT */
/*
 * The trace of system calls: a line in the log for each call of the tasks whose name is traced
 * (docs/debugging.md). Off, it costs nothing: the system-call entry has one flag for all who want
 * to see calls (syscall_watched).
 */
#ifndef KERNEL_TRACE_H
#define KERNEL_TRACE_H

#include <kernel/trace_format.h>

#define TRACE_NAMES_MAX 8u

/* Lines in a second, of all tasks; those beyond are counted and not shown. */
#define TRACE_LINES_MAX 2000u

struct task;
struct thread;

/* Reads the option trace=NAME[,NAME...]. */
void trace_init(void);

/* Switches the trace of a name on or off, for tasks that exist and those to come. Returns 0,
 * -ENOSPC (too many names) or -ENOENT (off, and not traced). */
int trace_set(const char *name, bool on);

/* A task that is in the list of tasks by now: whether it is traced. */
void trace_task_begins(struct task *task);

/* Around a system call of the running thread, whose task is traced. */
void trace_enter(uint64_t number, const uint64_t arguments[TRACE_ARGUMENTS]);
void trace_leave(uint64_t number, const uint64_t arguments[TRACE_ARGUMENTS], int64_t result);

/* The running thread ends, in whatever call it is. */
void trace_thread_ends(struct thread *thread);

/* Gives back what the trace of a thread needed. */
void trace_thread_destroy(struct thread *thread);

#endif
