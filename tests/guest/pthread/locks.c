/* SPDX-License-Identifier: MIT */
/* Mutexes, spin locks, read-write locks. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <tests/guest/pthread/shared.h>
#include <tests/guest/support/tap.h>

#define THREADS 6
#define ROUNDS  2000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_spinlock_t spin;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static volatile int64_t counter, twin;

static void count_apart(int i)
{
	int64_t before = counter;

	if (i % 64 == 0)
		sched_yield();
	counter = before + 1;
}

static void *count_mutex(void *argument)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&mutex);
		count_apart(i);
		pthread_mutex_unlock(&mutex);
	}
	return argument;
}

static void *count_spin(void *argument)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_spin_lock(&spin);
		count_apart(i);
		pthread_spin_unlock(&spin);
	}
	return argument;
}

static int64_t count_with(void *(*function)(void *))
{
	pthread_t threads[THREADS];

	counter = 0;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, function, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return counter;
}

/* What another thread gets from an operation on a mutex. */
static void *try_lock(void *argument)
{
	int error = pthread_mutex_trylock(argument);

	if (error == 0)
		pthread_mutex_unlock(argument);
	return (void *)(intptr_t)error;
}

static void *try_unlock(void *argument)
{
	return (void *)(intptr_t)pthread_mutex_unlock(argument);
}

static void *lock_timed(void *argument)
{
	int64_t start = now_ns();
	struct timespec until = in_ms(CLOCK_REALTIME, 20);
	int error = pthread_mutex_timedlock(argument, &until);

	if (error == ETIMEDOUT && now_ns() - start < 15000000)
		error = -1; /* it came too early */
	return (void *)(intptr_t)error;
}

static int elsewhere(void *(*function)(void *), void *argument)
{
	pthread_t thread;
	void *result;

	pthread_create(&thread, NULL, function, argument);
	pthread_join(thread, &result);
	return (int)(intptr_t)result;
}

static void mutex_of_type(pthread_mutex_t *out, int type)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, type);
	pthread_mutex_init(out, &attr);
	pthread_mutexattr_destroy(&attr);
}

static void test_types(void)
{
	pthread_mutex_t m;
	struct timespec past = in_ms(CLOCK_REALTIME, -1000);
	pthread_mutexattr_t attr;

	mutex_of_type(&m, PTHREAD_MUTEX_RECURSIVE);
	tap_ok(pthread_mutex_lock(&m) == 0 && pthread_mutex_lock(&m) == 0 &&
	               pthread_mutex_trylock(&m) == 0,
	       "a recursive mutex is locked again by its owner");
	pthread_mutex_unlock(&m);
	pthread_mutex_unlock(&m);
	tap_is(elsewhere(try_lock, &m), EBUSY, "and is held until it is unlocked as often");
	tap_is(elsewhere(try_unlock, &m), EPERM, "nobody else can unlock it");
	pthread_mutex_unlock(&m);
	tap_is(elsewhere(try_lock, &m), 0, "then others get it");
	tap_is(pthread_mutex_unlock(&m), EPERM, "unlocking what is not locked is EPERM");
	pthread_mutex_destroy(&m);

	mutex_of_type(&m, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_lock(&m);
	tap_is(pthread_mutex_lock(&m), EDEADLK, "an error-checking mutex says EDEADLK");
	tap_is(pthread_mutex_trylock(&m), EBUSY, "and EBUSY to a try");
	tap_is(elsewhere(try_unlock, &m), EPERM, "and EPERM to others that unlock");
	tap_is(elsewhere(lock_timed, &m), ETIMEDOUT, "a timed lock ends at its time");
	pthread_mutex_unlock(&m);
	tap_is(elsewhere(try_lock, &m), 0, "and leaves the mutex usable");
	tap_is(pthread_mutex_timedlock(&m, &past), 0, "a free mutex is locked whatever the time");
	pthread_mutex_unlock(&m);
	pthread_mutex_destroy(&m);
	pthread_mutexattr_init(&attr);
	tap_is(pthread_mutexattr_settype(&attr, 99), EINVAL, "an unknown type is EINVAL");
}

void test_mutexes(void)
{
	struct timespec bad = {0, 1000000000};

	tap_is(count_with(count_mutex), THREADS * ROUNDS, "a mutex lets one thread in at a time");
	pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
	tap_is(count_with(count_spin), THREADS * ROUNDS, "so does a spin lock");
	tap_is(pthread_spin_trylock(&spin), 0, "a free spin lock is taken by a try");
	tap_is(pthread_spin_trylock(&spin), EBUSY, "a taken one is not");
	pthread_spin_unlock(&spin);
	pthread_mutex_lock(&mutex);
	tap_is(pthread_mutex_trylock(&mutex), EBUSY, "trylock of a normal mutex that is held");
	tap_is(pthread_mutex_timedlock(&mutex, &bad), EINVAL, "a time that is none is EINVAL");
	pthread_mutex_unlock(&mutex);
	test_types();
}

/* --- read-write locks --- */

static volatile int broken;

static void *read_often(void *argument)
{
	for (int i = 0; i < ROUNDS / 4; i++) {
		pthread_rwlock_rdlock(&rwlock);
		if (counter != twin)
			broken++;
		if (i % 16 == 0)
			sched_yield();
		pthread_rwlock_unlock(&rwlock);
	}
	return argument;
}

static void *write_often(void *argument)
{
	for (int i = 0; i < ROUNDS / 4; i++) {
		pthread_rwlock_wrlock(&rwlock);
		counter = counter + 1;
		if (i % 16 == 0)
			sched_yield();
		twin = twin + 1;
		pthread_rwlock_unlock(&rwlock);
		if (i % 8 == 0)
			sched_yield();
	}
	return argument;
}

static void *try_read(void *argument)
{
	int error = pthread_rwlock_tryrdlock(argument);

	if (error == 0)
		pthread_rwlock_unlock(argument);
	return (void *)(intptr_t)error;
}

static void *try_write(void *argument)
{
	int error = pthread_rwlock_trywrlock(argument);

	if (error == 0)
		pthread_rwlock_unlock(argument);
	return (void *)(intptr_t)error;
}

static void *write_timed(void *argument)
{
	struct timespec until = in_ms(CLOCK_REALTIME, 10);

	return (void *)(intptr_t)pthread_rwlock_timedwrlock(argument, &until);
}

static void *read_timed(void *argument)
{
	struct timespec until = in_ms(CLOCK_REALTIME, 10);

	return (void *)(intptr_t)pthread_rwlock_timedrdlock(argument, &until);
}

void test_rwlocks(void)
{
	pthread_t threads[THREADS];

	counter = twin = 0;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, i < 2 ? write_often : read_often, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	tap_ok(broken == 0 && counter == 2 * (ROUNDS / 4) && twin == counter,
	       "no reader sees what a writer has half done, and no write is lost");
	pthread_rwlock_rdlock(&rwlock);
	tap_is(elsewhere(try_read, &rwlock), 0, "readers share the lock");
	tap_is(elsewhere(try_write, &rwlock), EBUSY, "and keep writers out");
	tap_is(elsewhere(write_timed, &rwlock), ETIMEDOUT, "a timed writer gives up");
	pthread_rwlock_unlock(&rwlock);
	pthread_rwlock_wrlock(&rwlock);
	tap_is(elsewhere(try_read, &rwlock), EBUSY, "a writer keeps readers out");
	tap_is(elsewhere(read_timed, &rwlock), ETIMEDOUT, "a timed reader gives up");
	pthread_rwlock_unlock(&rwlock);
	tap_is(elsewhere(try_write, &rwlock), 0, "a lock given back is free");
	tap_is(pthread_rwlock_destroy(&rwlock), 0, "and can be destroyed");
}
