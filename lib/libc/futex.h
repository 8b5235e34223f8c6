/* SPDX-License-Identifier: MIT */
/*
 * Locks of one word, and deadlines, for the parts of the C library. A lock's word is 0 free, 1
 * held, 2 held and perhaps waited for: whoever gives it back makes a system call for 2 only.
 *
 * A wake names an address and may come late, when others wait there for something else. So nobody
 * takes having been woken for what he waits for: all look again.
 */
#ifndef CORDON_LIBC_FUTEX_H
#define CORDON_LIBC_FUTEX_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <cordon/rt.h>

static inline bool word_lock_try(uint32_t *word)
{
	uint32_t none = 0;

	return __atomic_compare_exchange_n(word, &none, 1, false, __ATOMIC_ACQUIRE,
	                                   __ATOMIC_RELAXED);
}

/* Returns 0 or -ETIMEDOUT. deadline: monotonic nanoseconds. flags: CORDON_FUTEX_SHARED or 0. */
int word_lock_wait(uint32_t *word, uint64_t deadline, uint32_t flags);

static inline void word_lock_as(uint32_t *word, uint32_t flags)
{
	if (!word_lock_try(word))
		word_lock_wait(word, CORDON_TIME_FOREVER, flags);
}

static inline void word_unlock_as(uint32_t *word, uint32_t flags)
{
	if (__atomic_exchange_n(word, 0, __ATOMIC_RELEASE) == 2)
		cordon_futex_wake(word, 1, flags);
}

/* The same for a lock that no other task uses. */
static inline void word_lock(uint32_t *word)
{
	word_lock_as(word, 0);
}

static inline void word_unlock(uint32_t *word)
{
	word_unlock_as(word, 0);
}

/* Until the threads that are still on their way out of what is being destroyed have left. */
void word_await_zero(const uint32_t *word);

/*
 * Two halves in one, so that one instruction both changes the low half and tells who waits for it:
 * after that instruction another thread may free the whole. Waits are for the low half.
 */
#define WAITER_ONE UINT64_C(0x100000000)

static inline const uint32_t *low_half(const uint64_t *state)
{
	return (const uint32_t *)state;
}

/* False: the clock tells what was used, and a wait cannot end by it. */
bool clock_is_waited_for(clockid_t clock);

/* An absolute time of one of POSIX's clocks as monotonic nanoseconds. False for a clock or a time
 * that is none. Null: never. */
bool deadline_from(clockid_t clock, const struct timespec *time, uint64_t *deadline);

#endif
