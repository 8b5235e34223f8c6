/* SPDX-License-Identifier: MIT */
#include <cordon/errno.h>
#include <cordon/service.h>
#include <stdio.h>
#include <string.h>

int cordon_service_connect(const char *name, uint64_t deadline, cordon_handle_t *out)
{
	cordon_handle_t services = cordon_handle_named(CORDON_SERVICE_HANDLE), ends[2];
	struct cordon_service_request request = {0};
	struct cordon_service_answer answer = {0};
	struct cordon_message_handle moved = {0};
	const struct cordon_message ask = {
	        .bytes = (uintptr_t)&request,
	        .size = sizeof(request),
	        .handles = (uintptr_t)&moved,
	        .handle_count = 1,
	};
	struct cordon_message reply = {.bytes = (uintptr_t)&answer, .size = sizeof(answer)};
	int64_t error;

	if (services == CORDON_HANDLE_NONE)
		return -EPERM;
	if (strlcpy(request.name, name, sizeof(request.name)) >= CORDON_SERVICE_NAME_MAX)
		return -ENAMETOOLONG;
	error = cordon_channel_create(ends);
	if (error)
		return (int)error;
	moved.handle = ends[1];
	error = cordon_channel_call(services, &ask, &reply, deadline);
	/* When nothing was sent the end is still here; otherwise this number is stale. */
	if (error)
		cordon_handle_close(ends[1]);
	else
		error = answer.error;
	if (error)
		cordon_handle_close(ends[0]);
	else
		*out = ends[0];
	return (int)error;
}

int cordon_service_accept(const char *name, uint64_t deadline, struct cordon_service_client *client,
                          cordon_handle_t *out)
{
	struct cordon_message_handle moved;
	struct cordon_service_client who;
	struct cordon_message message = {
	        .bytes = (uintptr_t)&who,
	        .size = sizeof(who),
	        .handles = (uintptr_t)&moved,
	        .handle_count = 1,
	};
	char handle[sizeof(CORDON_SERVICE_PREFIX) + CORDON_NAME_MAX];
	cordon_handle_t accept;
	int64_t error;

	snprintf(handle, sizeof(handle), CORDON_SERVICE_PREFIX "%s", name);
	accept = cordon_handle_named(handle);
	if (accept == CORDON_HANDLE_NONE)
		return -EPERM;
	error = cordon_channel_receive(accept, &message, deadline);
	if (error)
		return (int)error;
	/* Only init can send here. */
	*out = moved.handle;
	if (client)
		*client = who;
	return 0;
}
