/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <pthread.h>

#include "futex.h"
#include "internal.h"

int pthread_condattr_init(pthread_condattr_t *attr)
{
	*attr = (pthread_condattr_t){CLOCK_REALTIME, PTHREAD_PROCESS_PRIVATE};
	return 0;
}

int pthread_condattr_destroy(pthread_condattr_t *attr)
{
	(void)attr;
	return 0;
}

int pthread_condattr_setclock(pthread_condattr_t *attr, clockid_t clock)
{
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return EINVAL;
	attr->_clock = (int)clock;
	return 0;
}

int pthread_condattr_getclock(const pthread_condattr_t *attr, clockid_t *clock)
{
	*clock = (clockid_t)attr->_clock;
	return 0;
}

int pthread_condattr_setpshared(pthread_condattr_t *attr, int shared)
{
	if (shared != PTHREAD_PROCESS_PRIVATE && shared != PTHREAD_PROCESS_SHARED)
		return EINVAL;
	attr->_shared = shared;
	return 0;
}

int pthread_condattr_getpshared(const pthread_condattr_t *attr, int *shared)
{
	*shared = attr->_shared;
	return 0;
}

int pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attr)
{
	*cond = (pthread_cond_t){
	        ._clock = attr ? attr->_clock : (int)CLOCK_REALTIME,
	        ._flags = attr && attr->_shared ? CORDON_FUTEX_SHARED : 0,
	};
	return 0;
}

/* Those who were woken may still be on their way out: they are waited for. */
int pthread_cond_destroy(pthread_cond_t *cond)
{
	word_await_zero(&cond->_waiters);
	return 0;
}

/* The sequence is read while the mutex is held: a signal sent after that changes it, and the wait
 * then does not begin. */
static int wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t deadline)
{
	uint32_t sequence = __atomic_load_n(&cond->_sequence, __ATOMIC_ACQUIRE);
	int64_t result;
	int error;

	__atomic_add_fetch(&cond->_waiters, 1, __ATOMIC_SEQ_CST);
	error = pthread_mutex_unlock(mutex);
	if (error) {
		__atomic_sub_fetch(&cond->_waiters, 1, __ATOMIC_RELAXED);
		return error;
	}
	result = cordon_futex_wait(&cond->_sequence, sequence, deadline, cond->_flags);
	__atomic_sub_fetch(&cond->_waiters, 1, __ATOMIC_RELEASE);
	error = pthread_mutex_lock(mutex);
	if (error)
		return error;
	return result == -ETIMEDOUT ? ETIMEDOUT : 0;
}

int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	return wait_until(cond, mutex, CORDON_TIME_FOREVER);
}

int pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t clock,
                           const struct timespec *time)
{
	uint64_t deadline;

	if (!deadline_from(clock, time, &deadline))
		return EINVAL;
	return wait_until(cond, mutex, deadline);
}

int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                           const struct timespec *time)
{
	return pthread_cond_clockwait(cond, mutex, (clockid_t)cond->_clock, time);
}

static int wake(pthread_cond_t *cond, uint32_t count)
{
	if (__atomic_load_n(&cond->_waiters, __ATOMIC_SEQ_CST) == 0)
		return 0;
	__atomic_add_fetch(&cond->_sequence, 1, __ATOMIC_SEQ_CST);
	cordon_futex_wake(&cond->_sequence, count, cond->_flags);
	return 0;
}

int pthread_cond_signal(pthread_cond_t *cond)
{
	return wake(cond, 1);
}

int pthread_cond_broadcast(pthread_cond_t *cond)
{
	return wake(cond, UINT32_MAX);
}
