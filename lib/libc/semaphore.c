/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <semaphore.h>

#include "futex.h"

int sem_init(sem_t *sem, int shared, unsigned int value)
{
	if (value > SEM_VALUE_MAX)
		return cordon_errno(-EINVAL);
	*sem = (sem_t){._state = value, ._flags = shared ? CORDON_FUTEX_SHARED : 0};
	return 0;
}

int sem_destroy(sem_t *sem)
{
	(void)sem;
	return 0;
}

static bool take(sem_t *sem)
{
	uint64_t state = __atomic_load_n(&sem->_state, __ATOMIC_RELAXED);

	while ((uint32_t)state > 0)
		if (__atomic_compare_exchange_n(&sem->_state, &state, state - 1, true,
		                                __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
	return false;
}

int sem_trywait(sem_t *sem)
{
	return take(sem) ? 0 : cordon_errno(-EAGAIN);
}

int sem_clockwait(sem_t *sem, clockid_t clock, const struct timespec *time)
{
	uint64_t deadline;
	int64_t result = 0;
	bool taken;

	if (take(sem))
		return 0;
	if (!deadline_from(clock, time, &deadline))
		return cordon_errno(-EINVAL);
	__atomic_add_fetch(&sem->_state, WAITER_ONE, __ATOMIC_SEQ_CST);
	while (!(taken = take(sem)) && result != -ETIMEDOUT)
		result = cordon_futex_wait(low_half(&sem->_state), 0, deadline, sem->_flags);
	__atomic_sub_fetch(&sem->_state, WAITER_ONE, __ATOMIC_RELAXED);
	return taken ? 0 : cordon_errno(-ETIMEDOUT);
}

int sem_timedwait(sem_t *sem, const struct timespec *realtime)
{
	return sem_clockwait(sem, CLOCK_REALTIME, realtime);
}

int sem_wait(sem_t *sem)
{
	return sem_clockwait(sem, CLOCK_REALTIME, NULL);
}

int sem_post(sem_t *sem)
{
	uint64_t state = __atomic_load_n(&sem->_state, __ATOMIC_RELAXED);
	uint32_t flags = sem->_flags; /* afterwards it may be gone */

	do {
		if ((uint32_t)state == SEM_VALUE_MAX)
			return cordon_errno(-EOVERFLOW);
	} while (!__atomic_compare_exchange_n(&sem->_state, &state, state + 1, true,
	                                      __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	if (state >= WAITER_ONE)
		cordon_futex_wake(low_half(&sem->_state), 1, flags);
	return 0;
}

int sem_getvalue(sem_t *sem, int *value)
{
	*value = (int)(uint32_t)__atomic_load_n(&sem->_state, __ATOMIC_RELAXED);
	return 0;
}
