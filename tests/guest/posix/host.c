/* SPDX-License-Identifier: MIT */
/* What the tests need of the system on the host, for posix_test.py. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <tests/guest/posix/posix.h>
#include <time.h>

#include <cordon/rt.h>

const char *scratch = ".";
const bool root_is_read_only = false;

static struct {
	pthread_t thread;
	void (*function)(void *);
	void *argument;
} second;

const char *cordon_strerror(int64_t result)
{
	return strerror((int)llabs(result));
}

static void *second_main(void *unused)
{
	second.function(second.argument);
	return unused;
}

void thread_begin(void (*function)(void *), void *argument)
{
	second.function = function;
	second.argument = argument;
	if (pthread_create(&second.thread, NULL, second_main, NULL) != 0)
		tap_bail("no second thread");
}

void thread_end(void)
{
	pthread_join(second.thread, NULL);
}

void sleep_ms(unsigned int milliseconds)
{
	struct timespec span = {.tv_nsec = milliseconds * 1000000L};

	nanosleep(&span, NULL);
}

unsigned long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned long long)now.tv_sec * 1000 + (unsigned long long)now.tv_nsec / 1000000;
}
