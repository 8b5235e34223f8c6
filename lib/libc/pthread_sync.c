/* SPDX-License-Identifier: MIT */
/* Barriers, spin locks and pthread_once. */
#include <errno.h>
#include <pthread.h>

#include "futex.h"

#define SPINS 100 /* turns before the CPU is given away: the holder may wait for it */

/* --- barriers --- */

int pthread_barrierattr_init(pthread_barrierattr_t *attr)
{
	attr->_shared = PTHREAD_PROCESS_PRIVATE;
	return 0;
}

int pthread_barrierattr_destroy(pthread_barrierattr_t *attr)
{
	(void)attr;
	return 0;
}

int pthread_barrierattr_setpshared(pthread_barrierattr_t *attr, int shared)
{
	if (shared != PTHREAD_PROCESS_PRIVATE && shared != PTHREAD_PROCESS_SHARED)
		return EINVAL;
	attr->_shared = shared;
	return 0;
}

int pthread_barrierattr_getpshared(const pthread_barrierattr_t *attr, int *shared)
{
	*shared = attr->_shared;
	return 0;
}

int pthread_barrier_init(pthread_barrier_t *barrier, const pthread_barrierattr_t *attr,
                         unsigned int count)
{
	if (count == 0)
		return EINVAL;
	*barrier = (pthread_barrier_t){
	        ._count = count,
	        ._flags = attr && attr->_shared ? CORDON_FUTEX_SHARED : 0,
	};
	return 0;
}

/* Those who were let through may still be on their way out: they are waited for. */
int pthread_barrier_destroy(pthread_barrier_t *barrier)
{
	if (__atomic_load_n(&barrier->_arrived, __ATOMIC_RELAXED))
		return EBUSY;
	word_await_zero(&barrier->_inside);
	return 0;
}

/* The last look at the barrier: another thread may destroy it now. */
static void leave(pthread_barrier_t *barrier)
{
	__atomic_sub_fetch(&barrier->_inside, 1, __ATOMIC_RELEASE);
}

/* The wake may come so late that those it was meant for already wait for the next generation. */
int pthread_barrier_wait(pthread_barrier_t *barrier)
{
	uint32_t *word = &barrier->_generation;
	uint32_t generation, flags = barrier->_flags;

	word_lock_as(&barrier->_lock, flags);
	generation = *word;
	__atomic_add_fetch(&barrier->_inside, 1, __ATOMIC_RELAXED);
	if (++barrier->_arrived == barrier->_count) {
		barrier->_arrived = 0;
		__atomic_store_n(word, generation + 1, __ATOMIC_RELEASE);
		word_unlock_as(&barrier->_lock, flags);
		leave(barrier);
		cordon_futex_wake(word, UINT32_MAX, flags);
		return PTHREAD_BARRIER_SERIAL_THREAD;
	}
	word_unlock_as(&barrier->_lock, flags);
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == generation)
		cordon_futex_wait(word, generation, CORDON_TIME_FOREVER, flags);
	leave(barrier);
	return 0;
}

/* --- spin locks --- */

int pthread_spin_init(pthread_spinlock_t *lock, int shared)
{
	(void)shared;
	__atomic_store_n(lock, 0, __ATOMIC_RELAXED);
	return 0;
}

int pthread_spin_destroy(pthread_spinlock_t *lock)
{
	(void)lock;
	return 0;
}

int pthread_spin_trylock(pthread_spinlock_t *lock)
{
	return __atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE) ? EBUSY : 0;
}

int pthread_spin_lock(pthread_spinlock_t *lock)
{
	for (unsigned int turn = 1; pthread_spin_trylock(lock); turn++) {
		if (turn % SPINS == 0)
			cordon_thread_yield();
		else
			__builtin_ia32_pause();
	}
	return 0;
}

int pthread_spin_unlock(pthread_spinlock_t *lock)
{
	__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
	return 0;
}

/* --- once --- */

enum { ONCE_NEW, ONCE_RUNS, ONCE_DONE, ONCE_WAITED_FOR };

int pthread_once(pthread_once_t *once, void (*function)(void))
{
	uint32_t state = ONCE_NEW;

	if (__atomic_load_n(&once->_word, __ATOMIC_ACQUIRE) == ONCE_DONE)
		return 0;
	if (__atomic_compare_exchange_n(&once->_word, &state, ONCE_RUNS, false, __ATOMIC_ACQUIRE,
	                                __ATOMIC_ACQUIRE)) {
		function();
		if (__atomic_exchange_n(&once->_word, ONCE_DONE, __ATOMIC_RELEASE) ==
		    ONCE_WAITED_FOR)
			cordon_futex_wake(&once->_word, UINT32_MAX, 0);
		return 0;
	}
	while (state != ONCE_DONE) {
		if (state == ONCE_WAITED_FOR ||
		    __atomic_compare_exchange_n(&once->_word, &state, ONCE_WAITED_FOR, false,
		                                __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
			cordon_futex_wait(&once->_word, ONCE_WAITED_FOR, CORDON_TIME_FOREVER, 0);
		state = __atomic_load_n(&once->_word, __ATOMIC_ACQUIRE);
	}
	return 0;
}
