/* SPDX-License-Identifier: MIT */
/*
 * Types of POSIX threads, in place of newlib's (<sys/types.h> includes this). Zero is every
 * static initialiser. What begins with an underscore is the library's.
 */
#ifndef _SYS__PTHREADTYPES_H_
#define _SYS__PTHREADTYPES_H_

#include <stddef.h>
#include <stdint.h>
#include <sys/sched.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cordon_thread_control;
typedef struct cordon_thread_control *pthread_t;

typedef struct {
	void *_stack; /* lowest address of a stack that the program gives; null: the library's */
	size_t _stack_size;
	size_t _guard_size;
	int _detached;
} pthread_attr_t;

typedef struct {
	int _type;
	int _shared;
} pthread_mutexattr_t;

typedef struct {
	uint32_t _word; /* 0 free, 1 held, 2 held and waited for */
	uint32_t _type;
	uint32_t _depth;
	uint32_t _flags; /* of the calls that wait and wake: shared with other tasks or not */
	void *_owner;    /* types other than normal */
} pthread_mutex_t;

typedef struct {
	int _clock;
	int _shared;
} pthread_condattr_t;

typedef struct {
	uint32_t _sequence; /* counts signals */
	uint32_t _waiters;
	int _clock;
	uint32_t _flags;
} pthread_cond_t;

typedef struct {
	int _shared;
} pthread_rwlockattr_t;

typedef struct {
	uint64_t _state; /* low half: readers, or all ones for a writer; high half: who waits */
	uint32_t _flags;
} pthread_rwlock_t;

typedef struct {
	int _shared;
} pthread_barrierattr_t;

typedef struct {
	uint32_t _lock;
	uint32_t _generation;
	uint32_t _arrived;
	uint32_t _inside; /* who may still look at it */
	uint32_t _count;
	uint32_t _flags;
} pthread_barrier_t;

typedef struct {
	uint32_t _word; /* 0 not run, 1 running, 2 done, 3 running and waited for */
} pthread_once_t;

typedef uint32_t pthread_spinlock_t;
typedef uint32_t pthread_key_t;

#ifdef __cplusplus
}
#endif
#endif
