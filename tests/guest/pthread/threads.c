/* SPDX-License-Identifier: MIT */
/* Threads, thread-local variables, keys, once. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <tests/guest/pthread/shared.h>
#include <tests/guest/support/tap.h>

#define THREADS 8

static __thread int local_zero;
static __thread int local_value = 42;
static __thread struct {
	_Alignas(64) char bytes[64];
} local_aligned = {"aligned"};

static void *answer(void *argument)
{
	return (char *)argument + 1;
}

/* --- thread-local variables --- */

static void *locals_check(void *argument)
{
	int number = (int)(intptr_t)argument;
	intptr_t wrong = local_zero != 0 || local_value != 42 ||
	                 strcmp(local_aligned.bytes, "aligned") != 0 ||
	                 (uintptr_t)&local_aligned % 64 != 0;

	for (int i = 0; i < 50; i++) {
		local_zero = number;
		local_value = -number;
		local_aligned.bytes[0] = (char)number;
		errno = number;
		sched_yield();
		wrong |= local_zero != number || local_value != -number ||
		         local_aligned.bytes[0] != (char)number || errno != number;
	}
	return (void *)wrong;
}

static void test_locals(void)
{
	pthread_t threads[THREADS];
	intptr_t wrong = 0;
	void *result;

	for (int round = 0; round < 3; round++) { /* memory is used again: it begins afresh */
		for (intptr_t i = 0; i < THREADS; i++)
			pthread_create(&threads[i], NULL, locals_check, (void *)(i + 1));
		for (int i = 0; i < THREADS; i++) {
			pthread_join(threads[i], &result);
			wrong |= (intptr_t)result;
		}
	}
	tap_is(wrong, 0, "each thread has its own thread-local variables and errno");
	tap_ok(local_value == 42 && local_zero == 0, "also the first one");
}

/* --- ends --- */

static int order[4];
static int order_count;

static void note(void *argument)
{
	order[order_count++] = (int)(intptr_t)argument;
}

static void *leave_deep(void *argument)
{
	pthread_cleanup_push(note, (void *)1);
	pthread_cleanup_push(note, (void *)2);
	pthread_cleanup_push(note, (void *)3);
	pthread_cleanup_pop(0);
	pthread_exit(argument);
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return NULL;
}

static volatile int detached_runs;

static void *count_down(void *argument)
{
	(void)argument;
	__atomic_add_fetch(&detached_runs, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void test_detached(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	int errors = 0;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < 300; i++) {
		while (pthread_create(&thread, &attr, count_down, NULL) == EAGAIN &&
		       errors++ < 1000)
			sleep_ms(1);
		if (i % 10 == 9)
			sched_yield();
	}
	for (int i = 0; i < 1000 && detached_runs < 300; i++)
		sleep_ms(1);
	tap_is(detached_runs, 300, "detached threads run and leave nothing behind that runs out");
	pthread_create(&thread, NULL, count_down, NULL);
	sleep_ms(5);
	tap_is(pthread_detach(thread), 0, "a thread that has ended is detached");
	pthread_attr_destroy(&attr);
}

static void *use_stack(void *argument)
{
	char bytes[100000];

	memset(bytes, 1, sizeof(bytes));
	__asm__ volatile("" ::"r"(bytes) : "memory");
	return argument;
}

static void test_attributes(void)
{
	_Alignas(16) static char stack[65536];
	pthread_attr_t attr;
	pthread_t thread;
	void *result = NULL;
	size_t size;

	pthread_attr_init(&attr);
	tap_is(pthread_attr_setstacksize(&attr, 200000), 0, "a stack size is taken");
	pthread_attr_getstacksize(&attr, &size);
	tap_ok(size >= 200000, "and told");
	tap_ok(pthread_create(&thread, &attr, use_stack, &attr) == 0 &&
	               pthread_join(thread, &result) == 0 && result == &attr,
	       "a thread uses as much stack as it asked for");
	tap_is(pthread_attr_setstacksize(&attr, 1), EINVAL, "too small a stack is EINVAL");
	pthread_attr_setstack(&attr, stack, sizeof(stack));
	tap_ok(pthread_create(&thread, &attr, answer, stack) == 0 &&
	               pthread_join(thread, &result) == 0 && result == stack + 1,
	       "a thread runs on a stack of the program");
	tap_is(pthread_attr_setdetachstate(&attr, 77), EINVAL, "an unknown state is EINVAL");
}

static void *tell_self(void *argument)
{
	*(pthread_t *)argument = pthread_self();
	return NULL;
}

void test_threads(void)
{
	pthread_t threads[THREADS], self;
	char name[32] = "";
	void *result;
	int good = 0;

	for (int round = 0; round < 20; round++)
		for (intptr_t i = 0; i < THREADS; i++) {
			if (pthread_create(&threads[i], NULL, answer, (void *)i) == 0 &&
			    pthread_join(threads[i], &result) == 0)
				good += (intptr_t)result == i + 1;
		}
	tap_is(good, 20 * THREADS, "threads start, run, and their results are joined");
	pthread_create(&threads[0], NULL, tell_self, &self);
	pthread_join(threads[0], NULL);
	tap_ok(pthread_equal(self, threads[0]) && !pthread_equal(self, pthread_self()),
	       "pthread_self is what pthread_create told");
	tap_is(pthread_join(pthread_self(), NULL), EDEADLK, "joining oneself is EDEADLK");
	pthread_create(&threads[0], NULL, leave_deep, &good);
	pthread_join(threads[0], &result);
	tap_ok(result == &good && order_count == 2 && order[0] == 2 && order[1] == 1,
	       "pthread_exit calls the clean-up handlers, innermost first");
	tap_ok(pthread_setname_np(pthread_self(), "tester") == 0 &&
	               pthread_getname_np(pthread_self(), name, sizeof(name)) == 0 &&
	               strcmp(name, "tester") == 0,
	       "a thread has a name");
	test_locals();
	test_detached();
	test_attributes();
}

/* --- keys and once --- */

static pthread_key_t key;
static int destroyed;

static void destroy(void *value)
{
	destroyed += *(int *)value;
	if (destroyed == 1) /* once more: the destructor is called again */
		pthread_setspecific(key, value);
}

static void *use_key(void *argument)
{
	static int one = 1;
	intptr_t wrong = pthread_getspecific(key) != NULL;

	pthread_setspecific(key, &one);
	wrong |= pthread_getspecific(key) != &one;
	(void)argument;
	return (void *)wrong;
}

static int once_runs;

static void once_function(void)
{
	sleep_ms(5); /* so that others arrive meanwhile */
	once_runs++;
}

static void *call_once(void *argument)
{
	pthread_once(argument, once_function);
	return (void *)(intptr_t)(once_runs == 1);
}

void test_keys(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_t threads[THREADS];
	pthread_key_t many[128];
	void *result;
	int good = 0, value = 7;

	tap_is(pthread_key_create(&key, destroy), 0, "a key is created");
	pthread_setspecific(key, &value);
	pthread_create(&threads[0], NULL, use_key, NULL);
	pthread_join(threads[0], &result);
	tap_ok(result == NULL && pthread_getspecific(key) == &value,
	       "each thread has its own value");
	tap_is(destroyed, 2, "the destructor runs when a thread ends, again if it set the value");
	tap_is(pthread_key_delete(key), 0, "a key is deleted");
	pthread_key_create(&many[0], NULL);
	tap_ok(pthread_getspecific(many[0]) == NULL, "a new key has no value from before");
	pthread_key_delete(many[0]);
	for (int i = 0; i < 100; i++)
		good += pthread_key_create(&many[i], NULL) == 0 &&
		        pthread_setspecific(many[i], &many[i]) == 0;
	for (int i = 0; i < 100; i++)
		good += pthread_getspecific(many[i]) == &many[i] &&
		        pthread_key_delete(many[i]) == 0;
	tap_is(good, 200, "a hundred keys");

	good = 0;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, call_once, &once);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &result);
		good += result != NULL;
	}
	tap_ok(good == THREADS && once_runs == 1,
	       "pthread_once runs its function once, and all wait for its end");
}
