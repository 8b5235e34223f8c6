/* SPDX-License-Identifier: MIT */
/* Condition variables, barriers, semaphores, clocks. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <tests/guest/pthread/shared.h>
#include <tests/guest/support/tap.h>

#define ITEMS   2000
#define THREADS 5
#define MS      1000000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static pthread_cond_t drained = PTHREAD_COND_INITIALIZER;
static int queue[4];
static unsigned int put, got;
static int64_t sum;

static void *produce(void *argument)
{
	for (int i = 1; i <= ITEMS; i++) {
		pthread_mutex_lock(&mutex);
		while (put - got == 4)
			pthread_cond_wait(&drained, &mutex);
		queue[put++ % 4] = i;
		pthread_cond_signal(&filled);
		pthread_mutex_unlock(&mutex);
	}
	return argument;
}

static void *consume(void *argument)
{
	for (int i = 0; i < ITEMS; i++) {
		pthread_mutex_lock(&mutex);
		while (put == got)
			pthread_cond_wait(&filled, &mutex);
		sum += queue[got++ % 4];
		pthread_cond_signal(&drained);
		pthread_mutex_unlock(&mutex);
	}
	return argument;
}

static int gate, through, arrived;

static void *pass_gate(void *argument)
{
	pthread_mutex_lock(&mutex);
	arrived++;
	while (!gate)
		pthread_cond_wait(&filled, &mutex);
	through++;
	pthread_mutex_unlock(&mutex);
	return argument;
}

/* Waits without a signal until a time of a clock; returns the error, or -1 if it came early. */
static int wait_timed(pthread_cond_t *cond, clockid_t clock)
{
	int64_t start = now_ns(); /* before, for whatever the host does in between */
	struct timespec until = in_ms(clock, 20);
	int error = 0;

	pthread_mutex_lock(&mutex);
	while (error == 0)
		error = pthread_cond_timedwait(cond, &mutex, &until);
	if (pthread_mutex_trylock(&mutex) != EBUSY)
		error = -2; /* it returned without the mutex */
	pthread_mutex_unlock(&mutex);
	return now_ns() - start < 15 * MS ? -1 : error;
}

void test_conditions(void)
{
	struct timespec past = in_ms(CLOCK_REALTIME, -5000);
	pthread_t threads[THREADS];
	pthread_condattr_t attr;
	pthread_cond_t monotonic;

	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, i % 2 ? consume : produce, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	tap_is(sum, (int64_t)ITEMS * (ITEMS + 1),
	       "producers and consumers lose nothing and take nothing twice");
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, pass_gate, NULL);
	for (int all = 0; !all; sleep_ms(1)) {
		pthread_mutex_lock(&mutex);
		all = arrived == THREADS;
		pthread_mutex_unlock(&mutex);
	}
	tap_is(through, 0, "nobody passes without a signal");
	pthread_mutex_lock(&mutex);
	gate = 1;
	pthread_cond_broadcast(&filled);
	pthread_mutex_unlock(&mutex);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	tap_is(through, THREADS, "a broadcast wakes all");
	tap_is(wait_timed(&filled, CLOCK_REALTIME), ETIMEDOUT, "a timed wait ends at its time");
	pthread_condattr_init(&attr);
	tap_is(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), 0, "the clock can be chosen");
	pthread_cond_init(&monotonic, &attr);
	tap_is(wait_timed(&monotonic, CLOCK_MONOTONIC), ETIMEDOUT, "also by the monotonic clock");
	pthread_mutex_lock(&mutex);
	tap_is(pthread_cond_timedwait(&filled, &mutex, &past), ETIMEDOUT, "a past time is at once");
	pthread_mutex_unlock(&mutex);
	tap_is(pthread_cond_destroy(&monotonic), 0, "a condition is destroyed");
}

/* --- barriers --- */

static pthread_barrier_t barrier;
static int phase[THREADS];
static volatile int out_of_step;

static void *walk(void *argument)
{
	int me = (int)(intptr_t)argument;
	intptr_t serial = 0;

	for (int i = 0; i < 200; i++) {
		phase[me] = i;
		serial += pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
		for (int other = 0; other < THREADS; other++)
			if (phase[other] != i)
				out_of_step++;
		pthread_barrier_wait(&barrier);
	}
	return (void *)serial;
}

void test_barriers(void)
{
	pthread_t threads[THREADS];
	intptr_t serials = 0;
	void *result;

	tap_is(pthread_barrier_init(&barrier, NULL, 0), EINVAL, "a barrier for nobody is EINVAL");
	pthread_barrier_init(&barrier, NULL, THREADS);
	for (intptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, walk, (void *)i);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &result);
		serials += (intptr_t)result;
	}
	tap_is(out_of_step, 0, "nobody leaves a barrier before all are there");
	tap_is(serials, 200, "one thread of each round is told that it was the serial one");
	tap_is(pthread_barrier_destroy(&barrier), 0, "a barrier is destroyed");
}

/* --- semaphores --- */

static sem_t ping, pong;

static void *answer_pings(void *argument)
{
	for (int i = 0; i < ITEMS; i++) {
		sem_wait(&ping);
		sem_post(&pong);
	}
	return argument;
}

void test_semaphores(void)
{
	int64_t start = now_ns();
	struct timespec until = in_ms(CLOCK_REALTIME, 20);
	pthread_t thread;
	int value = -1;

	sem_init(&ping, 0, 2);
	tap_ok(sem_getvalue(&ping, &value) == 0 && value == 2, "a semaphore tells its value");
	tap_ok(sem_trywait(&ping) == 0 && sem_wait(&ping) == 0, "it is taken as often");
	tap_ok(sem_trywait(&ping) == -1 && errno == EAGAIN, "and not once more");
	tap_ok(sem_timedwait(&ping, &until) == -1 && errno == ETIMEDOUT &&
	               now_ns() - start >= 15 * MS,
	       "a timed wait ends at its time");
	sem_init(&pong, 0, 0);
	pthread_create(&thread, NULL, answer_pings, NULL);
	for (int i = 0; i < ITEMS; i++) {
		sem_post(&ping);
		sem_wait(&pong);
	}
	pthread_join(thread, NULL);
	tap_ok(sem_getvalue(&ping, &value) == 0 && value == 0 && sem_trywait(&pong) == -1,
	       "two threads hand a token to and fro, and none is lost");
}

/* --- clocks --- */

static int64_t ns_of(clockid_t clock)
{
	struct timespec time = {-1, 0};

	clock_gettime(clock, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void test_cpu_time(void)
{
	int64_t thread = ns_of(CLOCK_THREAD_CPUTIME_ID), task = ns_of(CLOCK_PROCESS_CPUTIME_ID);
	int64_t start;
	struct timespec until = in_ms(CLOCK_REALTIME, 10);
	clockid_t clock;

	tap_ok(thread > 0 && task >= thread, "a thread's CPU time is part of its task's");
	/* Read after the task's: what the thread runs from here on, the task does as well. */
	start = ns_of(CLOCK_THREAD_CPUTIME_ID);
	while (ns_of(CLOCK_THREAD_CPUTIME_ID) < start + 5 * MS)
		;
	tap_ok(ns_of(CLOCK_PROCESS_CPUTIME_ID) >= task + 5 * MS, "both run while it runs");
	thread = ns_of(CLOCK_THREAD_CPUTIME_ID);
	sleep_ms(200);
	tap_ok(ns_of(CLOCK_THREAD_CPUTIME_ID) < thread + 100 * MS, "but not while it sleeps");
	tap_is(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &until, NULL), EINVAL,
	       "nobody sleeps by his own CPU time");
	tap_ok(clock_getcpuclockid(0, &clock) == 0 && ns_of(clock) >= task, "the clock of a task");
}

void test_clocks(void)
{
	static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW};
	struct timespec a, b, until, bad = {0, -1};
	int good = 0;

	for (int i = 0; i < 3; i++) {
		good += clock_gettime(clocks[i], &a) == 0;
		sleep_ms(2);
		good += clock_gettime(clocks[i], &b) == 0 &&
		        (b.tv_sec - a.tv_sec) * INT64_C(1000000000) + b.tv_nsec - a.tv_nsec >= MS;
	}
	tap_is(good, 6, "REALTIME, MONOTONIC and MONOTONIC_RAW run");
	tap_ok(clock_gettime((clockid_t)1234, &a) == -1 && errno == EINVAL, "no other clock does");
	for (int i = 0; i < 2; i++) {
		until = in_ms(clocks[i], 10);
		int error = clock_nanosleep(clocks[i], TIMER_ABSTIME, &until, NULL);
		clock_gettime(clocks[i], &b);
		tap_ok(error == 0 && (b.tv_sec > until.tv_sec ||
		                      (b.tv_sec == until.tv_sec && b.tv_nsec >= until.tv_nsec)),
		       "clock_nanosleep ends at a time of clock %d", i);
	}
	tap_is(clock_nanosleep(CLOCK_MONOTONIC, 0, &bad, NULL), EINVAL, "a bad time is EINVAL");
	tap_ok(nanosleep(&bad, NULL) == -1 && errno == EINVAL, "and nanosleep says it by errno");
	test_cpu_time();
}
