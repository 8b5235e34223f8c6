/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include <cordon/rt.h>
#include <tasks/common/observe.h>

#define OBSERVER_TIMEOUT_NS UINT64_C(60000000000)

int observe_pause(void)
{
	cordon_handle_t ready = cordon_handle_named("ready");
	struct cordon_wait wait = {
	        .handle = cordon_handle_named("go"),
	        .signals = CORDON_SIGNAL_READABLE,
	};
	uint64_t count;
	int64_t result;

	if (ready == CORDON_HANDLE_NONE || wait.handle == CORDON_HANDLE_NONE)
		return 0;
	fflush(stdout); /* what was printed before the pause is seen before it */
	result = cordon_event_signal(ready, 1);
	if (result == 0)
		result = cordon_object_wait(&wait, 1, cordon_now() + OBSERVER_TIMEOUT_NS);
	if (result >= 0)
		result = cordon_event_take(wait.handle, &count);
	return result < 0 ? (int)result : 0;
}
