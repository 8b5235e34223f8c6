/* SPDX-License-Identifier: MIT */
/*
 * What a task gets from the C library beyond standard C: the handles it was started with,
 * errors in words, threads.
 */
#ifndef CORDON_RT_H
#define CORDON_RT_H

#include <stdint.h>

#include <cordon/syscall.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The block that the kernel left for this task. Never null; read only. */
const struct cordon_startup *cordon_startup(void);

/* The handle that whoever started this task gave it under that name, or CORDON_HANDLE_NONE.
 * The table is that of the start: a handle closed since is still listed. */
cordon_handle_t cordon_handle_named(const char *name);

/* The nth (from 0) handle of a type among those the task was started with, in the order in
 * which they were given, or CORDON_HANDLE_NONE. type: enum cordon_object_type. */
cordon_handle_t cordon_handle_of_type(uint32_t type, unsigned int nth);

/* The handle behind a file descriptor, for system calls; a number that is no descriptor of the C
 * library's is given back as it is. The descriptor keeps the handle. */
cordon_handle_t cordon_fd_handle(int fd);

/* A file descriptor for a handle: its slot number, small enough for select. The descriptor takes
 * the handle over: end both with close. -1 and errno: EBADF, ENOMEM. (read, write, poll and their
 * like also take any handle as it is.) */
int cordon_handle_fd(cordon_handle_t handle);

/* Translates the result of a system call to the convention of POSIX: a negated error number
 * sets errno and gives -1, everything else is passed through (and must fit an int). */
int cordon_errno(int64_t result);

/* A system-call error in words. result: an error number, negated or not; 0 is "success".
 * The text is constant or belongs to the thread until its next call. */
const char *cordon_strerror(int64_t result);

/* Names of enumerations for people, never null: "memory", "exit", "write denied", ... */
const char *cordon_object_type_name(uint32_t type);
const char *cordon_task_cause_name(uint32_t cause);
const char *cordon_fault_reason_name(uint32_t reason);

/* Name of a CPU exception, for cause CORDON_CAUSE_FAULT: "page fault", ... */
const char *cordon_exception_name(int64_t vector);

/* The monotonic clock in nanoseconds: deadlines are sums with it. */
uint64_t cordon_now(void);

/* Waits for the end of a task and tells how it ended. deadline: monotonic nanoseconds.
 * -ETIMEDOUT it still runs. Needs WAIT and READ on the task. */
int cordon_task_wait(cordon_handle_t task, uint64_t deadline, struct cordon_task_info *out);

/*
 * Starts another thread of this task: function(argument) on a stack of its own of stack_size
 * bytes (0: 128 KiB; rounded up to pages), with its own errno. When function returns the
 * thread ends. The library keeps the memory of ended threads until cordon_thread_join.
 * -EINVAL no function, or a stack above 1 GiB; -ENOMEM; or what thread_create returns.
 */
struct cordon_thread_control; /* opaque */
int cordon_thread_start(const char *name, void (*function)(void *), void *argument,
                        uint64_t stack_size, struct cordon_thread_control **out);

/* Waits until the thread has ended and frees it. */
int cordon_thread_join(struct cordon_thread_control *thread);

#ifdef __cplusplus
}
#endif
#endif
