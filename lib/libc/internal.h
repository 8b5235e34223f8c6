/* SPDX-License-Identifier: MIT */
/* What the parts of the C library know of each other; not for tasks. */
#ifndef CORDON_LIBC_INTERNAL_H
#define CORDON_LIBC_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/reent.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <cordon/rt.h>

/*
 * The thread control block, at %fs:0. newlib asks for the current thread's struct _reent
 * (errno and the like) in every function that can fail, also before main, so this exists
 * before anything else runs.
 */
struct tcb {
	struct tcb *self; /* %fs:0 holds its own address, as the ABI wants it */
	struct _reent *reent;
};

/* Nanoseconds that the task had on CPUs. Returns 0 or an error of task_info. */
int task_time(uint64_t *out);

/* What a thread keeps under one key (pthread_key.c). */
struct key_value {
	uint32_t generation;
	void *value;
};

/* How a thread ends up: who frees what it leaves behind. */
enum thread_end {
	THREAD_JOINABLE,
	THREAD_DETACHED,
	THREAD_ENDED, /* was joinable when it ended */
};

/* What a thread does: a function with a result, or a procedure. */
struct thread_start {
	void *(*function)(void *);
	void (*procedure)(void *);
	void *argument;
};

/* One thread. It lies above its stack, thread-local variables directly below it, as the ABI has it.
 */
struct cordon_thread_control {
	struct tcb tcb; /* first: what %fs points at; the first thread uses newlib's global reent */
	struct _reent own_reent;
	struct thread_start start;
	void *result;
	cordon_handle_t handle;
	enum thread_end end;
	uint64_t mapping; /* guard, stack and this; 0: the program's own memory */
	uint64_t mapping_size;
	uint64_t guard_size;
	struct cordon_thread_control *next; /* in a list of thread.c */
	struct _pthread_cleanup *cleanup;   /* innermost */
	char name[CORDON_NAME_MAX];
	uint32_t values_used; /* all keys from here on have no value */
	struct key_value values[PTHREAD_KEYS_MAX];
};

static inline struct tcb *tcb_current(void)
{
	struct tcb *tcb;

	/* Constant within a thread, so the compiler may read it once. */
	__asm__("movq %%fs:0, %0" : "=r"(tcb));
	return tcb;
}

static inline struct cordon_thread_control *thread_self(void)
{
	return (struct cordon_thread_control *)tcb_current();
}

/* Makes the first thread what every other thread is; ends the task if that cannot be. Nothing else
 * of the library works before. */
void thread_first(void);

/* Thread-local variables (tls.c). tls_size: bytes below a thread pointer that is aligned to
 * tls_align. tls_fill: gives them their first values. */
uint64_t tls_size(void);
uint64_t tls_align(void);
void tls_fill(void *thread_pointer);

/* Calls the destructors of a thread's values (pthread_key.c). */
void keys_destroy(struct cordon_thread_control *thread);

/* C entry of a task, called by _start. */
void cordon_rt_start(const struct cordon_startup *startup) __attribute__((noreturn));

/* A lock of newlib's kind: also for our own tables. Zero is unlocked. */
struct __lock {
	uint32_t word;     /* futex.h */
	uint32_t depth;    /* recursive locks: how often the owner holds it */
	struct tcb *owner; /* recursive locks only */
};
void lock_acquire(struct __lock *lock);
void lock_release(struct __lock *lock);

#endif
