/* SPDX-License-Identifier: MIT */
/*
 * Children with several threads that start threads, map, unmap, wait for and wake each other, and
 * are killed at any moment. What they do comes from a seed, when it happens from the machine.
 */
#include <cordon/errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tests/guest/smp/smp.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>

#define PAGE     4096u
#define MS       UINT64_C(1000000)
#define WORKERS  3
#define STEPS    12
#define CHILDREN 8 /* for each seed */
#define AT_ONCE  4
#define PATIENCE (200 * 1000 * MS) /* emulated CPUs share real ones with others */

static uint32_t next(uint32_t *random)
{
	*random = *random * 1664525u + 1013904223u;
	return *random >> 8;
}

/* --- a child --- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t tokens;

static int map_and_unmap(uint32_t *random)
{
	uint32_t pages = next(random) % 8 + 1;
	struct cordon_memory_map map = {.size = pages * PAGE,
	                                .prot = CORDON_PROT_READ | CORDON_PROT_WRITE};
	volatile uint32_t *words;
	cordon_handle_t memory;

	if (cordon_memory_create(map.size, 0, &memory))
		return 1;
	if (cordon_memory_map(memory, &map))
		return 1;
	words = (volatile uint32_t *)(uintptr_t)map.address;
	for (uint32_t i = 0; i < pages; i++)
		words[i * PAGE / 4] = i + 1;
	for (uint32_t i = 0; i < pages; i++)
		if (words[i * PAGE / 4] != i + 1)
			return 2;
	if (cordon_memory_unmap(map.address, map.size) || cordon_handle_close(memory))
		return 1;
	return 0;
}

static void *brief(void *argument)
{
	sem_post(&tokens);
	return argument;
}

static int start_and_join(void)
{
	pthread_t thread;
	void *result = NULL;

	if (pthread_create(&thread, NULL, brief, &thread))
		return 0; /* the budget is used up: fine */
	pthread_join(thread, &result);
	return result == &thread ? 0 : 3;
}

static int wait_a_little(void)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec = (until.tv_nsec + 200000) % 1000000000;
	pthread_mutex_lock(&mutex);
	pthread_cond_timedwait(&cond, &mutex, &until);
	pthread_mutex_unlock(&mutex);
	return 0;
}

static int step(uint32_t *random)
{
	switch (next(random) % 6) {
	case 0:
	case 1:
		return map_and_unmap(random);
	case 2:
		return start_and_join();
	case 3:
		return wait_a_little();
	case 4:
		pthread_mutex_lock(&mutex);
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&mutex);
		return 0;
	default:
		sem_post(&tokens);
		sem_wait(&tokens);
		return 0;
	}
}

static void *work(void *argument)
{
	uint32_t random = (uint32_t)(uintptr_t)argument;
	intptr_t error = 0;

	for (int i = 0; i < STEPS && !error; i++)
		error = step(&random);
	return (void *)error;
}

int child_stress(char **argv)
{
	uint32_t seed = (uint32_t)strtoul(argv[2], NULL, 10);
	pthread_t threads[WORKERS];
	intptr_t worst = 0;
	void *result;

	sem_init(&tokens, 0, 0);
	for (uint32_t i = 0; i < WORKERS; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)(seed * 31 + i)))
			return 4;
	for (int i = 0; i < WORKERS; i++) {
		pthread_join(threads[i], &result);
		if ((intptr_t)result > worst)
			worst = (intptr_t)result;
	}
	return (int)worst;
}

/* --- the test --- */

struct runner {
	cordon_handle_t task;
	bool killed;
};

/* Ends a child, some by force. Returns whether it ended as it should. */
static bool finish(struct runner *runner, uint32_t *random)
{
	struct cordon_task_info info;

	runner->killed = next(random) % 2;
	if (runner->killed) {
		cordon_clock_sleep(cordon_now() + next(random) % 4000 * 1000);
		cordon_task_kill(runner->task, -1);
	}
	if (cordon_task_wait(runner->task, cordon_now() + PATIENCE, &info))
		tap_bail("a child of the stress does not end");
	cordon_handle_close(runner->task);
	if (info.threads || info.frames || info.handles || info.mappings)
		return false;
	return info.code == 0 || (runner->killed && info.cause == CORDON_CAUSE_KILL);
}

static unsigned int run_seed(uint32_t seed)
{
	struct runner runners[AT_ONCE];
	uint32_t random = seed;
	unsigned int wrong = 0;
	char text[16];

	for (int done = 0; done < CHILDREN; done += AT_ONCE) {
		for (uint32_t i = 0; i < AT_ONCE; i++) {
			snprintf(text, sizeof(text), "%u", (unsigned int)(next(&random) % 100000));
			if (child_start(&(struct child){.arguments = {"stress", text}},
			                &runners[i].task) < 0)
				tap_bail("no child");
		}
		for (uint32_t i = 0; i < AT_ONCE; i++)
			wrong += !finish(&runners[i], &random);
	}
	return wrong;
}

void test_stress(void)
{
	static const uint32_t seeds[] = {1, 20, 300};
	uint64_t pages = 0, heap = 0, threads = test_counter("objects.thread");

	run_seed(7); /* what is kept for the next user is there from now on */
	test_await_threads(threads);
	for (int i = 0; i < 3; i++) {
		if (i == 0) {
			pages = test_free_frames();
			heap = test_counter("heap.bytes");
		}
		tap_is(run_seed(seeds[i]), 0,
		       "S10: stress with seed %u: every child ends as it should",
		       (unsigned int)seeds[i]);
	}
	test_await_threads(threads);
	tap_ok(test_await_counter("heap.bytes", heap), "no kernel memory is lost");
	tap_ok(test_free_frames() + 64 >= pages, "no frames are lost");
}
