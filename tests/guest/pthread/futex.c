/* SPDX-License-Identifier: MIT */
/* The kernel's calls beneath locks and threads: futex_wait, futex_wake, event_wait, thread_set. */
#include <cordon/errno.h>
#include <pthread.h>
#include <string.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>

#define PAGE    4096u
#define MS      UINT64_C(1000000)
#define THREADS 4

static uint32_t word;
static uint32_t woken[THREADS], woken_count;

/* --- what a child does: waits on the shared word until it is 1, then makes it 2 --- */

static int child_main(void)
{
	struct cordon_memory_map map = {.address = UINT64_C(0x3000000000),
	                                .size = 2 * PAGE,
	                                .prot = CORDON_PROT_READ | CORDON_PROT_WRITE,
	                                .flags = CORDON_MAP_FIXED};
	uint32_t *shared;

	if (cordon_memory_map(cordon_handle_named("shared"), &map) != 0)
		return 1;
	shared = (uint32_t *)(uintptr_t)(map.address + PAGE);
	__atomic_store_n(&shared[1], 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(shared, __ATOMIC_SEQ_CST) == 0)
		if (cordon_futex_wait(shared, 0, cordon_now() + 10000 * MS, CORDON_FUTEX_SHARED) ==
		    -ETIMEDOUT)
			return 2;
	__atomic_store_n(shared, 2, __ATOMIC_SEQ_CST);
	cordon_futex_wake(shared, 1, CORDON_FUTEX_SHARED);
	return 0;
}

/* --- the test --- */

static void test_errors(void)
{
	uint64_t start = cordon_now();

	tap_is(cordon_futex_wait((uint32_t *)((uintptr_t)&word + 2), 0, 0, 0), -EINVAL,
	       "futex_wait: an address between two words");
	tap_is(cordon_futex_wake((uint32_t *)((uintptr_t)&word + 1), 1, 0), -EINVAL,
	       "futex_wake: an address between two words");
	tap_is(cordon_futex_wait((uint32_t *)8, 0, 0, 0), -EFAULT, "futex_wait: nothing is there");
	tap_is(cordon_futex_wait((uint32_t *)8, 0, 0, CORDON_FUTEX_SHARED), -EFAULT,
	       "futex_wait: nothing that could be shared");
	tap_is(cordon_futex_wait(&word, 0, 0, 2), -EINVAL, "futex_wait: unknown flags");
	tap_is(cordon_futex_wake(&word, 0, 2), -EINVAL, "futex_wake: unknown flags");
	tap_is(cordon_futex_wake((uint32_t *)8, 0, CORDON_FUTEX_SHARED), -EFAULT,
	       "futex_wake: nothing is there");
	tap_is(cordon_futex_wait((uint32_t *)UINT64_C(0xffffffff80000000), 0, 0, 0), -EFAULT,
	       "futex_wait: the kernel's memory");
	tap_is(cordon_futex_wait(&word, 1, CORDON_TIME_FOREVER, 0), -EAGAIN,
	       "futex_wait: the word is another");
	tap_is(cordon_futex_wait(&word, 0, CORDON_TIME_POLL, 0), -ETIMEDOUT,
	       "a time that has passed");
	tap_is(cordon_futex_wait(&word, 0, start + 20 * MS, 0), -ETIMEDOUT, "futex_wait times out");
	tap_ok(cordon_now() >= start + 20 * MS, "and not too early");
	tap_is(cordon_futex_wake(&word, 100, 0), 0, "a wake that wakes nobody");
}

static void *wait_in_line(void *argument)
{
	int64_t result = cordon_futex_wait(&word, 0, cordon_now() + 5000 * MS, 0);

	if (result == 0)
		woken[__atomic_fetch_add(&woken_count, 1, __ATOMIC_SEQ_CST)] =
		        (uint32_t)(uintptr_t)argument;
	return (void *)(intptr_t)result;
}

static void await_count(uint32_t count)
{
	for (int i = 0; i < 1000 && __atomic_load_n(&woken_count, __ATOMIC_SEQ_CST) < count; i++)
		test_sleep_ms(1);
}

static void test_order(void)
{
	pthread_t threads[THREADS];
	bool in_order = true;

	for (uintptr_t i = 0; i < THREADS; i++) {
		pthread_create(&threads[i], NULL, wait_in_line, (void *)i);
		test_sleep_ms(5);
	}
	tap_is(cordon_futex_wake(&word + 1, 100, 0), 0, "a wake of the word beside wakes nobody");
	tap_is(cordon_futex_wake(&word, 1, 0), 1, "one is woken");
	await_count(1);
	test_sleep_ms(2);
	tap_ok(woken_count == 1 && woken[0] == 0, "only one, who waited longest");
	tap_is(cordon_futex_wake(&word, 2, 0), 2, "two are woken");
	await_count(3);
	tap_is(cordon_futex_wake(&word, 100, 0), 1, "and the rest");
	await_count(THREADS);
	for (uint32_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		in_order &= i == 0 || i == 3 ? woken[i] == i : true; /* the middle two may race */
	}
	tap_ok(woken_count == THREADS && in_order, "all in their order");
}

static void test_between_tasks(void)
{
	cordon_handle_t memory, task;
	struct cordon_task_info info;
	uint32_t *shared = (uint32_t *)((char *)test_memory(2 * PAGE, 0, &memory) + PAGE);

	if (child_start(&(struct child){.arguments = {"child"}, .gives = {{memory, "shared", 0}}},
	                &task) < 0)
		tap_bail("no child");
	while (__atomic_load_n(&shared[1], __ATOMIC_SEQ_CST) == 0)
		test_sleep_ms(1);
	test_sleep_ms(5);
	__atomic_store_n(shared, 1, __ATOMIC_SEQ_CST);
	tap_is(cordon_futex_wake(shared, 1, CORDON_FUTEX_SHARED), 1,
	       "a task is woken by the word of another task");
	while (__atomic_load_n(shared, __ATOMIC_SEQ_CST) == 1)
		cordon_futex_wait(shared, 1, cordon_now() + 100 * MS, CORDON_FUTEX_SHARED);
	info = child_wait(task);
	tap_ok(info.cause == CORDON_CAUSE_EXIT && info.code == 0 && *shared == 2,
	       "and answers, at whatever address each maps it");
	cordon_handle_close(task);

	__atomic_store_n(shared, 0, __ATOMIC_SEQ_CST);
	if (child_start(&(struct child){.arguments = {"child"}, .gives = {{memory, "shared", 0}}},
	                &task) < 0)
		tap_bail("no child");
	test_sleep_ms(20);
	cordon_task_kill(task, 9);
	info = child_wait(task);
	tap_ok(info.cause == CORDON_CAUSE_KILL && info.code == 9,
	       "a task that waits on a word is ended");
	tap_is(cordon_futex_wake(shared, 100, CORDON_FUTEX_SHARED), 0, "and waits no longer");
	cordon_handle_close(task);
}

static void *signal_later(void *argument)
{
	test_sleep_ms(5);
	cordon_event_signal((cordon_handle_t)(intptr_t)argument, 3);
	return NULL;
}

static void test_event_wait(void)
{
	uint64_t value = 77, start = cordon_now();
	cordon_handle_t event, weak;
	pthread_t thread;

	cordon_event_create(5, &event);
	tap_ok(cordon_event_wait(event, CORDON_TIME_FOREVER, &value) == 0 && value == 5,
	       "event_wait takes what is there");
	tap_is(cordon_event_wait(event, CORDON_TIME_POLL, &value), -ETIMEDOUT,
	       "event_wait asks without waiting");
	tap_is(cordon_event_wait(event, start + 20 * MS, &value), -ETIMEDOUT,
	       "event_wait ends at its time");
	tap_ok(cordon_now() >= start + 20 * MS, "and not too early");
	pthread_create(&thread, NULL, signal_later, (void *)(intptr_t)event);
	tap_ok(cordon_event_wait(event, CORDON_TIME_FOREVER, &value) == 0 && value == 3,
	       "event_wait waits for a signal");
	pthread_join(thread, NULL);
	cordon_event_signal(event, 1);
	tap_is(cordon_event_wait(event, 0, (uint64_t *)8), -EFAULT, "event_wait: a bad place");
	tap_ok(cordon_event_wait(event, 0, &value) == 0 && value == 1, "loses nothing");
	cordon_handle_dup(event, CORDON_RIGHT_READ, &weak);
	tap_is(cordon_event_wait(weak, 0, &value), -EACCES, "event_wait: a handle without WAIT");
	cordon_handle_close(weak);
	cordon_handle_close(event);
}

/* --- a wake for those who waited here before --- */

static pthread_barrier_t barrier;
static volatile bool passed;

static void *pass_barrier(void *argument)
{
	(void)argument;
	pthread_barrier_wait(&barrier);
	passed = true;
	return NULL;
}

static void test_late_wakes(void)
{
	pthread_t thread;

	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&thread, NULL, pass_barrier, NULL);
	for (int i = 0; i < 5; i++) {
		cordon_clock_sleep(cordon_now() + MS);
		cordon_futex_wake(&barrier._generation, UINT32_MAX, 0);
	}
	tap_ok(!passed, "a wake alone lets nobody through a barrier");
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
	tap_is(pthread_barrier_destroy(&barrier), 0, "the barrier opens when all are there");
}

static void test_settings(void)
{
	struct cordon_thread_settings settings = {.what = CORDON_THREAD_SET_NAME, .name = "named"};
	struct cordon_thread_info info;

	tap_is(cordon_thread_set(CORDON_HANDLE_NONE, &settings), 0, "a thread names itself");
	tap_ok(cordon_thread_info(CORDON_HANDLE_NONE, &info) == 0 &&
	               strcmp(info.name, "named") == 0 && info.cpu_ns > 0 && info.id > 0,
	       "thread_info tells its name and its time");
	memset(settings.name, 'x', sizeof(settings.name));
	tap_is(cordon_thread_set(CORDON_HANDLE_NONE, &settings), -EINVAL, "a name without end");
	settings = (struct cordon_thread_settings){.what = 0x80000000u};
	tap_is(cordon_thread_set(CORDON_HANDLE_NONE, &settings), -EINVAL, "an unknown setting");
	settings = (struct cordon_thread_settings){.what = CORDON_THREAD_SET_CLASS,
	                                           .scheduling = 2};
	tap_is(cordon_thread_set(CORDON_HANDLE_NONE, &settings), -EINVAL, "an unknown class");
	settings = (struct cordon_thread_settings){.what = CORDON_THREAD_SET_CPUS};
	tap_is(cordon_thread_set(CORDON_HANDLE_NONE, &settings), -EINVAL, "no CPU at all");
	settings = (struct cordon_thread_settings){0};
	tap_is(cordon_thread_set(CORDON_STDOUT, &settings), -EBADF, "a handle of something else");
	tap_is(cordon_thread_info(CORDON_STDOUT, &info), -EBADF, "thread_info likewise");
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return child_main();
	test_errors();
	test_order();
	test_between_tasks();
	test_event_wait();
	test_late_wakes();
	test_settings();
	return tap_done();
}
