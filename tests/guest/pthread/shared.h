/* SPDX-License-Identifier: MIT */
/*
 * Tests of POSIX threads that hold on every system that has them: the same sources are run on
 * the host, whose C library is the judge (tests/tools/pthread_test.py).
 */
#ifndef TESTS_GUEST_PTHREAD_H
#define TESTS_GUEST_PTHREAD_H

#include <stdint.h>
#include <time.h>

/* A clock's time some milliseconds from now. */
struct timespec in_ms(clockid_t clock, int64_t milliseconds);

/* Nanoseconds of the monotonic clock, and a sleep. */
int64_t now_ns(void);
void sleep_ms(int64_t milliseconds);

void test_threads(void); /* threads.c */
void test_keys(void);
void test_mutexes(void); /* locks.c */
void test_rwlocks(void);
void test_conditions(void); /* waits.c */
void test_barriers(void);
void test_semaphores(void);
void test_clocks(void);
void test_library(void); /* library.c */

#endif
