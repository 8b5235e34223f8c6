/* SPDX-License-Identifier: MIT */
/*
 * The other task of a round trip. Given a channel, it answers each call with what it received, the
 * handle too; given two events, each signal of "ping" with one of "pong", until it counts more than
 * one. Without handles it ends at once.
 */
#include <cordon/rt.h>

static void answer_calls(cordon_handle_t channel)
{
	struct cordon_message_handle moved;
	struct cordon_message message = {.handles = (uintptr_t)&moved};
	uint64_t value;

	message.bytes = (uintptr_t)&value;
	for (;;) {
		message.size = sizeof(value);
		message.handle_count = 1;
		if (cordon_channel_receive(channel, &message, CORDON_TIME_FOREVER) < 0)
			return;
		moved.type = 0;
		cordon_channel_send(channel, &message);
	}
}

static void answer_events(cordon_handle_t ping, cordon_handle_t pong)
{
	uint64_t count;

	while (cordon_event_wait(ping, CORDON_TIME_FOREVER, &count) == 0 && count == 1)
		cordon_event_signal(pong, 1);
}

int main(void)
{
	cordon_handle_t channel = cordon_handle_named("channel");

	if (channel != CORDON_HANDLE_NONE)
		answer_calls(channel);
	else if (cordon_handle_named("ping") != CORDON_HANDLE_NONE)
		answer_events(cordon_handle_named("ping"), cordon_handle_named("pong"));
	return 0;
}
