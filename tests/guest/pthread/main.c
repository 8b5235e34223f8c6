/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <pthread.h>
#include <tests/guest/pthread/shared.h>
#include <tests/guest/support/tap.h>

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

struct timespec in_ms(clockid_t clock, int64_t milliseconds)
{
	struct timespec time;
	int64_t ns;

	clock_gettime(clock, &time);
	ns = time.tv_nsec + milliseconds * NS_PER_MS;
	time.tv_sec += ns / NS_PER_S;
	time.tv_nsec = ns % NS_PER_S;
	if (time.tv_nsec < 0) {
		time.tv_sec--;
		time.tv_nsec += NS_PER_S;
	}
	return time;
}

int64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * NS_PER_S + time.tv_nsec;
}

void sleep_ms(int64_t milliseconds)
{
	struct timespec time = {milliseconds / 1000, milliseconds % 1000 * NS_PER_MS};

	nanosleep(&time, NULL);
}

int main(void)
{
	test_threads();
	test_keys();
	test_mutexes();
	test_rwlocks();
	test_conditions();
	test_barriers();
	test_semaphores();
	test_clocks();
	test_library();
	return tap_done();
}
