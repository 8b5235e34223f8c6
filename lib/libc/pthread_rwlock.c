/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>

#include "futex.h"

#define WRITER UINT32_MAX

int pthread_rwlockattr_init(pthread_rwlockattr_t *attr)
{
	attr->_shared = PTHREAD_PROCESS_PRIVATE;
	return 0;
}

int pthread_rwlockattr_destroy(pthread_rwlockattr_t *attr)
{
	(void)attr;
	return 0;
}

int pthread_rwlockattr_setpshared(pthread_rwlockattr_t *attr, int shared)
{
	if (shared != PTHREAD_PROCESS_PRIVATE && shared != PTHREAD_PROCESS_SHARED)
		return EINVAL;
	attr->_shared = shared;
	return 0;
}

int pthread_rwlockattr_getpshared(const pthread_rwlockattr_t *attr, int *shared)
{
	*shared = attr->_shared;
	return 0;
}

int pthread_rwlock_init(pthread_rwlock_t *lock, const pthread_rwlockattr_t *attr)
{
	*lock = (pthread_rwlock_t){._flags = attr && attr->_shared ? CORDON_FUTEX_SHARED : 0};
	return 0;
}

int pthread_rwlock_destroy(pthread_rwlock_t *lock)
{
	return __atomic_load_n(&lock->_state, __ATOMIC_RELAXED) ? EBUSY : 0;
}

/* A try: 0, EBUSY (what the word was is then in *seen) or EAGAIN (as many readers as can be). */
typedef int (*try_t)(pthread_rwlock_t *lock, uint32_t *seen);

static int try_read(pthread_rwlock_t *lock, uint32_t *seen)
{
	uint64_t state = __atomic_load_n(&lock->_state, __ATOMIC_RELAXED);

	do {
		*seen = (uint32_t)state;
		if (*seen == WRITER)
			return EBUSY;
		if (*seen == WRITER - 1)
			return EAGAIN;
	} while (!__atomic_compare_exchange_n(&lock->_state, &state, state + 1, true,
	                                      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return 0;
}

static int try_write(pthread_rwlock_t *lock, uint32_t *seen)
{
	uint64_t state = __atomic_load_n(&lock->_state, __ATOMIC_RELAXED);

	do {
		*seen = (uint32_t)state;
		if (*seen != 0)
			return EBUSY;
	} while (!__atomic_compare_exchange_n(&lock->_state, &state, state + WRITER, true,
	                                      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return 0;
}

static int wait_for(pthread_rwlock_t *lock, try_t try, uint64_t deadline)
{
	uint32_t seen;
	int error;

	__atomic_add_fetch(&lock->_state, WAITER_ONE, __ATOMIC_SEQ_CST);
	while ((error = try(lock, &seen)) == EBUSY)
		if (cordon_futex_wait(low_half(&lock->_state), seen, deadline, lock->_flags) ==
		    -ETIMEDOUT) {
			error = ETIMEDOUT;
			break;
		}
	__atomic_sub_fetch(&lock->_state, WAITER_ONE, __ATOMIC_RELAXED);
	return error;
}

static int lock_until(pthread_rwlock_t *lock, try_t try, const struct timespec *realtime)
{
	uint64_t deadline;
	uint32_t seen;
	int error = try(lock, &seen);

	if (error != EBUSY)
		return error;
	if (!deadline_from(CLOCK_REALTIME, realtime, &deadline))
		return EINVAL;
	return wait_for(lock, try, deadline);
}

int pthread_rwlock_tryrdlock(pthread_rwlock_t *lock)
{
	uint32_t seen;

	return try_read(lock, &seen);
}

int pthread_rwlock_timedrdlock(pthread_rwlock_t *lock, const struct timespec *realtime)
{
	return lock_until(lock, try_read, realtime);
}

int pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
	return lock_until(lock, try_read, NULL);
}

int pthread_rwlock_trywrlock(pthread_rwlock_t *lock)
{
	uint32_t seen;

	return try_write(lock, &seen);
}

int pthread_rwlock_timedwrlock(pthread_rwlock_t *lock, const struct timespec *realtime)
{
	return lock_until(lock, try_write, realtime);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
	return lock_until(lock, try_write, NULL);
}

int pthread_rwlock_unlock(pthread_rwlock_t *lock)
{
	uint64_t state = __atomic_load_n(&lock->_state, __ATOMIC_RELAXED);
	uint64_t mine = (uint32_t)state == WRITER ? WRITER : 1;
	uint32_t flags = lock->_flags; /* afterwards it may be gone */

	state = __atomic_sub_fetch(&lock->_state, mine, __ATOMIC_SEQ_CST);
	if ((uint32_t)state == 0 && state >= WAITER_ONE)
		cordon_futex_wake(low_half(&lock->_state), UINT32_MAX, flags);
	return 0;
}
