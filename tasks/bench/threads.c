/* SPDX-License-Identifier: MIT */
/* Threads and tasks: starting, ending, and handing the turn to and fro. */
#include <lib/cpio/cpio.h>
#include <pthread.h>
#include <string.h>

#include "bench.h"

#define ROUNDS 1000

/* What the partner of a ping-pong needs: it takes from the first and answers with the second. */
struct pair {
	cordon_handle_t ping, pong;
};

static void *answer(void *argument)
{
	const struct pair *pair = argument;
	uint64_t count;

	while (cordon_event_wait(pair->ping, CORDON_TIME_FOREVER, &count) == 0 && count == 1)
		cordon_event_signal(pair->pong, 1);
	return NULL;
}

static void pair_create(struct pair *pair)
{
	bench_must("event_create", cordon_event_create(0, &pair->ping));
	bench_must("event_create", cordon_event_create(0, &pair->pong));
}

static void play(const char *name, const struct pair *pair)
{
	for (size_t i = 0; i < ROUNDS; i++) {
		uint64_t count, start = bench_tick();

		cordon_event_signal(pair->ping, 1);
		int64_t error = cordon_event_wait(pair->pong, CORDON_TIME_FOREVER, &count);
		bench_a[i] = bench_tick() - start;
		bench_must("a round trip", error);
	}
	bench_median(name, bench_a, ROUNDS);
	cordon_event_signal(pair->ping, 2); /* not 1: the end */
}

static void ping_pong_threads(void)
{
	struct pair pair;
	pthread_t thread;

	pair_create(&pair);
	bench_must("pthread_create", -pthread_create(&thread, NULL, answer, &pair));
	play("ipc.event_pingpong_threads", &pair);
	pthread_join(thread, NULL);
	cordon_handle_close(pair.ping);
	cordon_handle_close(pair.pong);
}

static void *nothing(void *argument)
{
	return argument;
}

static void thread_life(void)
{
	for (size_t i = 0; i < ROUNDS; i++) {
		pthread_t thread;
		uint64_t start = bench_tick();
		int error = pthread_create(&thread, NULL, nothing, NULL);

		error |= pthread_join(thread, NULL);
		bench_a[i] = bench_tick() - start;
		bench_must("a thread's life", -error);
	}
	bench_median("thread.create_join", bench_a, ROUNDS);
}

/* Where a program lies in the archive. */
static struct cordon_cpio_entry program_find(cordon_handle_t archive, const char *path)
{
	struct cordon_memory_map map = {.prot = CORDON_PROT_READ};
	struct cordon_memory_info info;
	struct cordon_cpio_entry entry;

	bench_must("memory_info", cordon_memory_info(archive, &info));
	map.size = info.size;
	bench_must("memory_map", cordon_memory_map(archive, &map));
	bench_must(path,
	           cordon_cpio_find((const void *)(uintptr_t)map.address, map.size, path, &entry));
	bench_must("memory_unmap", cordon_memory_unmap(map.address, map.size));
	return entry;
}

cordon_handle_t bench_partner(const struct cordon_spawn_handle *gives, uint32_t count)
{
	static char argv[] = "partner";
	static struct cordon_cpio_entry program;
	cordon_handle_t archive = cordon_handle_named("initramfs"), task;
	struct cordon_spawn spawn;

	if (!program.size)
		program = program_find(archive, "/bin/bench_partner");
	spawn = (struct cordon_spawn){
	        .image = archive,
	        .image_offset = program.offset,
	        .image_size = program.size,
	        .argv = (uintptr_t)argv,
	        .argv_bytes = sizeof(argv),
	        .handles = (uintptr_t)gives,
	        .handle_count = count,
	        .name = "partner",
	};
	bench_must("task_spawn", cordon_task_spawn(&spawn, &task));
	return task;
}

static void task_life(void)
{
	struct cordon_task_info info;

	for (size_t i = 0; i < ROUNDS / 10; i++) {
		uint64_t start = bench_tick();
		cordon_handle_t task = bench_partner(NULL, 0);
		int error = cordon_task_wait(task, CORDON_TIME_FOREVER, &info);

		cordon_handle_close(task);
		bench_a[i] = bench_tick() - start;
		bench_must("a task's life", error);
	}
	bench_median("sys.spawn_exit_wait", bench_a, ROUNDS / 10);
}

static void ping_pong_tasks(void)
{
	struct cordon_spawn_handle gives[2] = {{.name = "ping"}, {.name = "pong"}};
	struct cordon_task_info info;
	cordon_handle_t task;
	struct pair pair;

	pair_create(&pair);
	gives[0].handle = pair.ping;
	gives[1].handle = pair.pong;
	task = bench_partner(gives, 2);
	play("ipc.event_pingpong_tasks", &pair);
	bench_must("the partner's end", cordon_task_wait(task, CORDON_TIME_FOREVER, &info));
	cordon_handle_close(task);
	cordon_handle_close(pair.ping);
	cordon_handle_close(pair.pong);
}

void bench_threads(void)
{
	task_life();
	thread_life();
	ping_pong_tasks();
	ping_pong_threads();
}
