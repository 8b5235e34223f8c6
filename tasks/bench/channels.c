/* SPDX-License-Identifier: MIT */
/* Messages to another task and back, without and with a handle in them. */
#include "bench.h"

#define ROUNDS 1000

static uint64_t call_once(cordon_handle_t channel, uint32_t size, uint32_t handles,
                          struct cordon_message_handle *moved)
{
	uint64_t value = 1;
	const struct cordon_message request = {.bytes = (uintptr_t)&value,
	                                       .size = size,
	                                       .handles = (uintptr_t)moved,
	                                       .handle_count = handles};
	struct cordon_message reply = request;
	uint64_t start = bench_tick();
	int64_t error = cordon_channel_call(channel, &request, &reply, CORDON_TIME_FOREVER);
	uint64_t ticks = bench_tick() - start;

	bench_must("channel_call", error);
	moved->type = 0; /* what was received is sent again */
	return ticks;
}

void bench_channels(void)
{
	struct cordon_spawn_handle give = {.name = "channel"};
	struct cordon_message_handle moved = {0};
	struct cordon_task_info info;
	cordon_handle_t ends[2], task;

	bench_must("channel_create", cordon_channel_create(ends));
	give.handle = ends[1];
	task = bench_partner(&give, 1);
	cordon_handle_close(ends[1]);
	for (size_t i = 0; i < ROUNDS; i++)
		bench_a[i] = call_once(ends[0], sizeof(uint64_t), 0, &moved);
	bench_median("ipc.channel_call", bench_a, ROUNDS);
	bench_must("event_create", cordon_event_create(0, &moved.handle));
	for (size_t i = 0; i < ROUNDS; i++)
		bench_a[i] = call_once(ends[0], sizeof(uint64_t), 1, &moved);
	bench_median("ipc.handle_pass_pingpong", bench_a, ROUNDS);
	cordon_handle_close(moved.handle);
	cordon_handle_close(ends[0]);
	bench_must("the partner's end", cordon_task_wait(task, CORDON_TIME_FOREVER, &info));
	cordon_handle_close(task);
}
