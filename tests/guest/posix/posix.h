/* SPDX-License-Identifier: MIT */
/*
 * Tests of the POSIX face. Each program here also runs on the host's Linux (posix_test.py), which
 * so judges the tests: what they expect is what an independent system does.
 */
#ifndef TESTS_GUEST_POSIX_H
#define TESTS_GUEST_POSIX_H

#include <errno.h>
#include <stdbool.h>
#include <tests/guest/support/tap.h>

/* An expression that must return -1 with this errno. */
#define FAILS(expression, error, ...)                                                        \
	do {                                                                                 \
		long long result_;                                                           \
		errno = 0;                                                                   \
		result_ = (long long)(expression);                                           \
		if (!tap_ok(result_ == -1 && errno == (error), __VA_ARGS__))                 \
			tap_note("returned %lld, errno %d, not %s", result_, errno, #error); \
	} while (0)

/* A folder in which the test may write: "/tmp" in the image. */
extern const char *scratch;

/* Whether the file system at "/" is read-only, as the image's is. */
extern const bool root_is_read_only;

/* A second thread. */
void thread_begin(void (*function)(void *), void *argument);
void thread_end(void); /* waits for it */

void sleep_ms(unsigned int milliseconds);
unsigned long long now_ms(void);

#endif
