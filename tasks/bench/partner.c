/* SPDX-License-Identifier: MIT */
/* Answers each signal of "ping" with one of "pong" until it counts more than one; without these
 * handles it ends at once. */
#include <cordon/rt.h>

int main(void)
{
	cordon_handle_t ping = cordon_handle_named("ping"), pong = cordon_handle_named("pong");
	uint64_t count;

	if (ping == CORDON_HANDLE_NONE)
		return 0;
	while (cordon_event_wait(ping, CORDON_TIME_FOREVER, &count) == 0 && count == 1)
		cordon_event_signal(pong, 1);
	return 0;
}
