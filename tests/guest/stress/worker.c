/* SPDX-License-Identifier: MIT */
/*
 * A task that maps, starts threads and tasks, sends and receives, touches its stack, drives DMA
 * mappings if it was given a container, and may fault. It leaves things as they are: whatever it
 * holds when it ends, or is ended, the kernel has to give back.
 */
#include <tests/guest/stress/stress.h>

#include <cordon/errno.h>
#include <cordon/rt.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <tests/guest/support/support.h>

#define PAGE      CORDON_PAGE_SIZE
#define ROUNDS    24
#define FAULT_ODD 8u /* one worker in so many ends by a fault */
#define PATIENCE  UINT64_C(2000000)
#define IOVA      UINT64_C(0x10000000)

static struct random numbers;
static cordon_handle_t channel, container, group;

/* Want of memory, of handles, or of room is no error here. */
static bool is_want(int64_t result)
{
	return result == -ENOMEM || result == -EMFILE || result == -ENOSPC;
}

static int judge(int64_t result, int step)
{
	return result >= 0 || is_want(result) ? 0 : WORKER_WRONG + step;
}

/* Writes and reads back a word of each page. */
static bool holds(uint64_t address, uint64_t size)
{
	volatile uint64_t *words = (volatile uint64_t *)(uintptr_t)address;
	uint64_t step = PAGE / sizeof(*words), seed = random_next(&numbers);

	for (uint64_t i = 0; i < size / sizeof(*words); i += step)
		words[i] = seed + i;
	for (uint64_t i = 0; i < size / sizeof(*words); i += step)
		if (words[i] != seed + i)
			return false;
	return true;
}

/* --- steps ----------------------------------------------------------------------------------- */

static int private_memory(void)
{
	uint64_t size = (1 + random_below(&numbers, 8)) * PAGE;
	int64_t address = cordon_memory_map_new(0, size, CORDON_PROT_READ | CORDON_PROT_WRITE, 0,
	                                        0);

	if (address < 0)
		return judge(address, 1);
	if (!holds((uint64_t)address, size))
		return WORKER_WRONG + 2;
	if (random_below(&numbers, 4))
		return judge(cordon_memory_unmap((uint64_t)address, size), 3);
	return 0;
}

static int shared_memory(void)
{
	uint64_t size = (1 + random_below(&numbers, 6)) * PAGE;
	struct cordon_memory_map map = {.size = size, .prot = CORDON_PROT_READ | CORDON_PROT_WRITE};
	cordon_handle_t memory;
	int64_t result = cordon_memory_create(size, 0, &memory);

	if (result < 0)
		return judge(result, 4);
	result = cordon_memory_map(memory, &map);
	if (result < 0)
		return judge(result, 5);
	if (!holds(map.address, size))
		return WORKER_WRONG + 6;
	if (random_below(&numbers, 2))
		cordon_memory_protect(map.address, PAGE, CORDON_PROT_READ);
	if (random_below(&numbers, 2))
		cordon_memory_unmap(map.address + size - PAGE, PAGE);
	if (container != CORDON_HANDLE_NONE && random_below(&numbers, 2)) {
		const struct cordon_dma_map dma = {
		        .memory = memory,
		        .flags = CORDON_DMA_READ | CORDON_DMA_WRITE,
		        .iova = IOVA + random_below(&numbers, 16) * PAGE,
		        .size = size,
		};

		cordon_container_map(container, &dma); /* overlaps are refused */
		cordon_container_unmap(container, IOVA + random_below(&numbers, 16) * PAGE, PAGE,
		                       NULL);
	}
	return random_below(&numbers, 3) ? judge(cordon_handle_close(memory), 7) : 0;
}

static void *thread_body(void *argument)
{
	if ((uintptr_t)argument & 1)
		cordon_clock_sleep(cordon_now() + PATIENCE);
	else
		cordon_thread_yield();
	return argument;
}

static int threads(void)
{
	pthread_t thread;
	void *result = NULL;
	void *argument = (void *)(uintptr_t)random_below(&numbers, 1000);

	if (pthread_create(&thread, NULL, thread_body, argument))
		return 0; /* no budget left */
	if (random_below(&numbers, 3) == 0) {
		pthread_detach(thread);
		return 0;
	}
	pthread_join(thread, &result);
	return result == argument ? 0 : WORKER_WRONG + 8;
}

static int tasks(void)
{
	const struct child child = {
	        .arguments = {"stress", "brief"},
	        .budget = {
	                .frames = 120, .handles = 12, .threads = 2, .mappings = 16, .objects = 16}};
	cordon_handle_t initramfs = cordon_handle_of_type(CORDON_OBJECT_MEMORY, 0), task;
	int64_t result;

	if (initramfs == CORDON_HANDLE_NONE)
		return 0;
	result = child_start(&child, &task);
	if (result < 0)
		return judge(result, 9);
	if (random_below(&numbers, 2))
		cordon_task_kill(task, 7);
	return random_below(&numbers, 2) ? judge(cordon_handle_close(task), 10) : 0;
}

/* To whoever started it: bytes, and perhaps an end of a channel or an event. */
static int message(void)
{
	struct cordon_message_handle handle = {0};
	uint8_t bytes[64];
	struct cordon_message message = {.bytes = (uintptr_t)bytes,
	                                 .handles = (uintptr_t)&handle,
	                                 .size = random_below(&numbers, sizeof(bytes))};
	int64_t result;

	memset(bytes, (int)random_below(&numbers, 256), sizeof(bytes));
	if (random_below(&numbers, 2) && cordon_event_create(0, &handle.handle) == 0)
		message.handle_count = 1;
	result = cordon_channel_send(channel, &message);
	return result == -EAGAIN || result == -EPIPE ? 0 : judge(result, 11);
}

static int receive(void)
{
	struct cordon_message_handle handle;
	uint8_t bytes[64];
	struct cordon_message message = {.bytes = (uintptr_t)bytes,
	                                 .handles = (uintptr_t)&handle,
	                                 .size = sizeof(bytes),
	                                 .handle_count = 1};
	struct cordon_memory_map map = {.size = PAGE, .prot = CORDON_PROT_READ | CORDON_PROT_WRITE};
	int64_t result = cordon_channel_receive(channel, &message, cordon_now() + PATIENCE);

	if (result == -ETIMEDOUT || result == -EPIPE)
		return 0;
	if (result < 0)
		return judge(result, 12);
	for (uint32_t i = 1; i < message.size; i++)
		if (bytes[i] != bytes[0])
			return WORKER_WRONG + 13;
	if (message.handle_count && handle.type == CORDON_OBJECT_MEMORY &&
	    cordon_memory_map(handle.handle, &map) == 0)
		*(volatile uint64_t *)(uintptr_t)map.address = 1; /* others write there, too */
	return 0;
}

static int channels(void)
{
	cordon_handle_t ends[2];
	int64_t result = cordon_channel_create(ends);
	struct cordon_message_handle handle = {0};
	struct cordon_message message = {.handles = (uintptr_t)&handle, .handle_count = 1};

	if (result < 0)
		return judge(result, 14);
	handle.handle = ends[1];
	if (random_below(&numbers, 2))
		result = cordon_channel_send(ends[0], &message);
	if (result < 0 && result != -ELOOP)
		return judge(result, 15);
	return random_below(&numbers, 2) ? judge(cordon_handle_close(ends[0]), 16) : 0;
}

__attribute__((noinline)) static uint64_t deep(uint32_t level)
{
	volatile uint64_t room[256];

	room[0] = level;
	return level ? deep(level - 1) + room[0] : room[0];
}

static int stack(void)
{
	uint32_t level = random_below(&numbers, 60);

	return deep(level) == (uint64_t)level * (level + 1) / 2 ? 0 : WORKER_WRONG + 17;
}

static int device(void)
{
	struct cordon_device_desc desc;
	cordon_handle_t opened;

	if (group == CORDON_HANDLE_NONE || cordon_group_function(group, 0, &desc) < 0)
		return 0;
	cordon_group_device(group, desc.bdf, &opened); /* the one before may still be closing it */
	return 0;
}

static int rest(void)
{
	cordon_clock_sleep(cordon_now() + random_below(&numbers, 1000000));
	return 0;
}

int worker_main(uint64_t seed)
{
	static int (*const steps[])(void) = {
	        private_memory, private_memory, shared_memory, shared_memory, threads,
	        tasks,          message,        message,       receive,       channels,
	        stack,          device,         rest};
	bool faults;

	numbers = random_of(seed);
	channel = cordon_handle_named("channel");
	container = cordon_handle_named("container");
	group = cordon_handle_named("group");
	faults = random_below(&numbers, FAULT_ODD) == 0;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		int wrong = steps[random_below(&numbers, sizeof(steps) / sizeof(steps[0]))]();

		if (wrong)
			return wrong;
		if (faults && random_below(&numbers, ROUNDS) == 0)
			__asm__ volatile("ud2"); /* the fault that ends this worker */
	}
	return WORKER_DONE;
}
