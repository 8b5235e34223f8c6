/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>

#include "futex.h"
#include "internal.h"

static const pthread_mutexattr_t attr_default = {PTHREAD_MUTEX_DEFAULT, PTHREAD_PROCESS_PRIVATE};

int pthread_mutexattr_init(pthread_mutexattr_t *attr)
{
	*attr = attr_default;
	return 0;
}

int pthread_mutexattr_destroy(pthread_mutexattr_t *attr)
{
	(void)attr;
	return 0;
}

int pthread_mutexattr_settype(pthread_mutexattr_t *attr, int type)
{
	if (type < PTHREAD_MUTEX_NORMAL || type > PTHREAD_MUTEX_ERRORCHECK)
		return EINVAL;
	attr->_type = type;
	return 0;
}

int pthread_mutexattr_gettype(const pthread_mutexattr_t *attr, int *type)
{
	*type = attr->_type;
	return 0;
}

int pthread_mutexattr_setpshared(pthread_mutexattr_t *attr, int shared)
{
	if (shared != PTHREAD_PROCESS_PRIVATE && shared != PTHREAD_PROCESS_SHARED)
		return EINVAL;
	attr->_shared = shared;
	return 0;
}

int pthread_mutexattr_getpshared(const pthread_mutexattr_t *attr, int *shared)
{
	*shared = attr->_shared;
	return 0;
}

int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr)
{
	if (!attr)
		attr = &attr_default;
	/* The owner is known by an address, which means nothing in another task. */
	if (attr->_shared && attr->_type != PTHREAD_MUTEX_NORMAL)
		return EINVAL;
	*mutex = (pthread_mutex_t){
	        ._type = (uint32_t)attr->_type,
	        ._flags = attr->_shared ? CORDON_FUTEX_SHARED : 0,
	};
	return 0;
}

int pthread_mutex_destroy(pthread_mutex_t *mutex)
{
	return __atomic_load_n(&mutex->_word, __ATOMIC_RELAXED) ? EBUSY : 0;
}

/* Only the owner can find itself in the field, so the look needs no lock. */
static bool is_mine(const pthread_mutex_t *mutex)
{
	return mutex->_type != PTHREAD_MUTEX_NORMAL &&
	       __atomic_load_n(&mutex->_owner, __ATOMIC_RELAXED) == tcb_current();
}

static void own(pthread_mutex_t *mutex)
{
	if (mutex->_type == PTHREAD_MUTEX_NORMAL)
		return;
	__atomic_store_n(&mutex->_owner, (void *)tcb_current(), __ATOMIC_RELAXED);
	mutex->_depth = 1;
}

/* A lock of the caller's own once more. */
static int lock_again(pthread_mutex_t *mutex, int error)
{
	if (mutex->_type != PTHREAD_MUTEX_RECURSIVE)
		return error;
	if (mutex->_depth == UINT32_MAX)
		return EAGAIN;
	mutex->_depth++;
	return 0;
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
	if (is_mine(mutex))
		return lock_again(mutex, EDEADLK);
	word_lock_as(&mutex->_word, mutex->_flags);
	own(mutex);
	return 0;
}

int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
	if (is_mine(mutex))
		return lock_again(mutex, EBUSY);
	if (!word_lock_try(&mutex->_word))
		return EBUSY;
	own(mutex);
	return 0;
}

int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *time)
{
	uint64_t deadline;

	if (is_mine(mutex))
		return lock_again(mutex, EDEADLK);
	if (!word_lock_try(&mutex->_word)) {
		if (!deadline_from(clock, time, &deadline))
			return EINVAL;
		if (word_lock_wait(&mutex->_word, deadline, mutex->_flags))
			return ETIMEDOUT;
	}
	own(mutex);
	return 0;
}

int pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *realtime)
{
	return pthread_mutex_clocklock(mutex, CLOCK_REALTIME, realtime);
}

int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	if (mutex->_type != PTHREAD_MUTEX_NORMAL) {
		if (!is_mine(mutex))
			return EPERM;
		if (--mutex->_depth > 0)
			return 0;
		__atomic_store_n(&mutex->_owner, NULL, __ATOMIC_RELAXED);
	}
	word_unlock_as(&mutex->_word, mutex->_flags);
	return 0;
}
