/* SPDX-License-Identifier: MIT */
/*
 * Services: a channel for each name that the manifest publishes, whose one end the publisher has;
 * what init sends into the other are ends of channels that clients made. init holds both, so that
 * clients wait while a publisher is started again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "init.h"

_Static_assert(MANIFEST_NAME_MAX <= CORDON_SERVICE_NAME_MAX, "every name fits into a handle's");

#define REQUESTS_AT_ONCE 8 /* of one task, before others are looked at */

static struct service *service_find(struct init *init, const char *name)
{
	for (unsigned int i = 0; i < init->service_count; i++)
		if (strcmp(init->services[i].name, name) == 0)
			return &init->services[i];
	return NULL;
}

static int service_open(struct init *init, const char *name, const struct manifest_task *publisher)
{
	struct service *service = &init->services[init->service_count];
	cordon_handle_t ends[2];
	int64_t err = cordon_channel_create(ends);

	if (err != 0) {
		printf("init: service %s: %s\n", name, cordon_strerror(err));
		return (int)err;
	}
	*service = (struct service){
	        .name = name, .publisher = publisher, .forward = ends[0], .accept = ends[1]};
	init->service_count++;
	return 0;
}

int services_open(struct init *init)
{
	for (unsigned int i = 0; i < init->manifest.task_count; i++) {
		const struct manifest_task *task = &init->manifest.tasks[i];

		for (unsigned int j = 0; j < task->publish_count; j++) {
			int err = service_open(init, task->publish[j], task);

			if (err != 0)
				return err;
		}
	}
	return 0;
}

cordon_handle_t services_accept_end(struct init *init, const char *name)
{
	return service_find(init, name)->accept;
}

static bool may_connect(const struct manifest_task *entry, const char *name)
{
	for (unsigned int i = 0; i < entry->connect_count; i++)
		if (strcmp(entry->connect[i], name) == 0)
			return true;
	return false;
}

/* A publisher that is yet to be started is waited for; one that ended for good is not. */
static bool has_publisher(struct init *init, const struct service *service)
{
	const struct manifest_task *publisher = service->publisher;

	return !init->started[publisher - init->manifest.tasks] ||
	       running_find(init, publisher->name) != NULL;
}

/* Passes the end of a client to the publisher. Returns what the client is told. */
static int64_t connect_client(struct init *init, const struct running *client, const char *name,
                              struct cordon_message_handle *end)
{
	struct cordon_service_client who = {0};
	const struct cordon_message message = {
	        .bytes = (uintptr_t)&who,
	        .size = sizeof(who),
	        .handles = (uintptr_t)end,
	        .handle_count = 1,
	};
	const struct service *service;

	if (end->type != CORDON_OBJECT_CHANNEL)
		return -EINVAL;
	if (!may_connect(client->entry, name))
		return -EPERM;
	service = service_find(init, name);
	if (!has_publisher(init, service))
		return -ENOENT;
	*end = (struct cordon_message_handle){.handle = end->handle};
	strlcpy(who.task, client->name, sizeof(who.task));
	return cordon_channel_send(service->forward, &message);
}

/* Takes one request of a client. Returns whether there was one. */
static bool serve_one(struct init *init, struct running *client)
{
	struct cordon_service_request request = {0};
	struct cordon_service_answer answer;
	/* No room for more than a request has: each handle that comes uses up one of init's
	 * numbers. */
	struct cordon_message_handle end = {0};
	struct cordon_message message = {
	        .bytes = (uintptr_t)&request,
	        .size = sizeof(request),
	        .handles = (uintptr_t)&end,
	        .handle_count = 1,
	};
	int64_t err = cordon_channel_receive(client->services, &message, CORDON_TIME_POLL);
	struct cordon_message reply = {
	        .bytes = (uintptr_t)&answer, .size = sizeof(answer), .id = message.id};

	if (err == -EAGAIN || err == -EPIPE)
		return false;
	if (err != 0) { /* the message would stay, and be looked at for ever */
		printf("init: services are closed to %s: %s\n", client->name, cordon_strerror(err));
		cordon_handle_close(client->services);
		client->services = CORDON_HANDLE_NONE;
		return false;
	}
	answer.error = -EINVAL;
	request.name[sizeof(request.name) - 1] = '\0';
	if (message.size == sizeof(request) && message.handle_count == 1)
		answer.error = connect_client(init, client, request.name, &end);
	/* What was passed on is not here any more. */
	if (message.handle_count == 1)
		cordon_handle_close(end.handle);
	if (message.id != 0)
		cordon_channel_send(client->services, &reply);
	return true;
}

void services_serve(struct init *init, struct running *client)
{
	for (unsigned int i = 0; i < REQUESTS_AT_ONCE; i++)
		if (!serve_one(init, client))
			return;
}
