/* SPDX-License-Identifier: MIT */
/*
 * The seam between libstdc++ and threads (gthr.h of GCC says what it has to offer). The host's
 * asks whether a program is linked with threads by looking for a function that there is none of
 * here, and would take every program for one without.
 */
#ifndef CORDON_CXX_GTHR_DEFAULT_H
#define CORDON_CXX_GTHR_DEFAULT_H

#include <pthread.h>
#include <sched.h>
#include <time.h>

#define __GTHREADS                     1
#define __GTHREADS_CXX0X               1
#define __GTHREAD_HAS_COND             1
#define _GTHREAD_USE_MUTEX_TIMEDLOCK   1
#define __GTHREAD_ONCE_INIT            PTHREAD_ONCE_INIT
#define __GTHREAD_MUTEX_INIT           PTHREAD_MUTEX_INITIALIZER
#define __GTHREAD_RECURSIVE_MUTEX_INIT PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP
#define __GTHREAD_COND_INIT            PTHREAD_COND_INITIALIZER
#define __GTHREAD_TIME_INIT \
	{                   \
		0, 0        \
	}

typedef pthread_t __gthread_t;
typedef pthread_key_t __gthread_key_t;
typedef pthread_once_t __gthread_once_t;
typedef pthread_mutex_t __gthread_mutex_t;
typedef pthread_mutex_t __gthread_recursive_mutex_t;
typedef pthread_cond_t __gthread_cond_t;
typedef struct timespec __gthread_time_t;

static inline int __gthread_active_p(void)
{
	return 1;
}

static inline int __gthread_create(__gthread_t *thread, void *(*function)(void *), void *argument)
{
	return pthread_create(thread, NULL, function, argument);
}

static inline int __gthread_join(__gthread_t thread, void **result)
{
	return pthread_join(thread, result);
}

static inline int __gthread_detach(__gthread_t thread)
{
	return pthread_detach(thread);
}

static inline int __gthread_equal(__gthread_t a, __gthread_t b)
{
	return pthread_equal(a, b);
}

static inline __gthread_t __gthread_self(void)
{
	return pthread_self();
}

static inline int __gthread_yield(void)
{
	return sched_yield();
}

static inline int __gthread_once(__gthread_once_t *once, void (*function)(void))
{
	return pthread_once(once, function);
}

static inline int __gthread_key_create(__gthread_key_t *key, void (*destructor)(void *))
{
	return pthread_key_create(key, destructor);
}

static inline int __gthread_key_delete(__gthread_key_t key)
{
	return pthread_key_delete(key);
}

static inline void *__gthread_getspecific(__gthread_key_t key)
{
	return pthread_getspecific(key);
}

static inline int __gthread_setspecific(__gthread_key_t key, const void *value)
{
	return pthread_setspecific(key, value);
}

#define CORDON_GTHR_MUTEX(name)                                                   \
	static inline int __gthread_##name##_lock(pthread_mutex_t *mutex)         \
	{                                                                         \
		return pthread_mutex_lock(mutex);                                 \
	}                                                                         \
	static inline int __gthread_##name##_trylock(pthread_mutex_t *mutex)      \
	{                                                                         \
		return pthread_mutex_trylock(mutex);                              \
	}                                                                         \
	static inline int __gthread_##name##_timedlock(pthread_mutex_t *mutex,    \
	                                               const __gthread_time_t *t) \
	{                                                                         \
		return pthread_mutex_timedlock(mutex, t);                         \
	}                                                                         \
	static inline int __gthread_##name##_unlock(pthread_mutex_t *mutex)       \
	{                                                                         \
		return pthread_mutex_unlock(mutex);                               \
	}                                                                         \
	static inline int __gthread_##name##_destroy(pthread_mutex_t *mutex)      \
	{                                                                         \
		return pthread_mutex_destroy(mutex);                              \
	}
CORDON_GTHR_MUTEX(mutex)
CORDON_GTHR_MUTEX(recursive_mutex)
#undef CORDON_GTHR_MUTEX

static inline void __gthread_cond_init_function(__gthread_cond_t *cond)
{
	pthread_cond_init(cond, NULL);
}

static inline int __gthread_cond_broadcast(__gthread_cond_t *cond)
{
	return pthread_cond_broadcast(cond);
}

static inline int __gthread_cond_signal(__gthread_cond_t *cond)
{
	return pthread_cond_signal(cond);
}

static inline int __gthread_cond_wait(__gthread_cond_t *cond, __gthread_mutex_t *mutex)
{
	return pthread_cond_wait(cond, mutex);
}

static inline int __gthread_cond_timedwait(__gthread_cond_t *cond, __gthread_mutex_t *mutex,
                                           const __gthread_time_t *until)
{
	return pthread_cond_timedwait(cond, mutex, until);
}

static inline int __gthread_cond_wait_recursive(__gthread_cond_t *cond,
                                                __gthread_recursive_mutex_t *mutex)
{
	return pthread_cond_wait(cond, mutex);
}

static inline int __gthread_cond_destroy(__gthread_cond_t *cond)
{
	return pthread_cond_destroy(cond);
}

#endif
