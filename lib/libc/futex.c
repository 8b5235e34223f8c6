/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "futex.h"

#define NS_PER_S       INT64_C(1000000000)
#define AWAIT_SLEEP_NS 50000u

/* On its first turn a waiter takes the lock as 2 where 1 would do: it cannot know whether others
 * wait too, and one wake too many costs only time. */
int word_lock_wait(uint32_t *word, uint64_t deadline, uint32_t flags)
{
	while (__atomic_exchange_n(word, 2, __ATOMIC_ACQUIRE) != 0) {
		if (cordon_futex_wait(word, 2, deadline, flags) == -ETIMEDOUT)
			return -ETIMEDOUT;
	}
	return 0;
}

void word_await_zero(const uint32_t *word)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != 0)
		cordon_clock_sleep(cordon_now() + AWAIT_SLEEP_NS);
}

bool deadline_from(clockid_t clock, const struct timespec *time, uint64_t *deadline)
{
	struct timespec now;
	int64_t seconds, distance;

	*deadline = CORDON_TIME_FOREVER;
	if (!time)
		return true;
	if (time->tv_nsec < 0 || time->tv_nsec >= NS_PER_S || !clock_is_waited_for(clock) ||
	    clock_gettime(clock, &now) != 0)
		return false;
	*deadline = 1; /* has passed, and is not CORDON_TIME_POLL */
	if (time->tv_sec < now.tv_sec)
		return true;
	*deadline = CORDON_TIME_FOREVER;
	/* The distance from now is what all clocks have in common: they run at one rate. */
	if (__builtin_sub_overflow(time->tv_sec, now.tv_sec, &seconds) ||
	    __builtin_mul_overflow(seconds, NS_PER_S, &distance) ||
	    __builtin_add_overflow(distance, time->tv_nsec - now.tv_nsec, &distance))
		return true;
	if (distance <= 0)
		*deadline = 1;
	else if (__builtin_add_overflow(cordon_now(), (uint64_t)distance, deadline))
		*deadline = CORDON_TIME_FOREVER;
	return true;
}
