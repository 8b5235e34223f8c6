/* SPDX-License-Identifier: MIT */
/*
 * Services and restarts, as the manifest manifest.service says. `service client` is the test; the
 * others are the tasks that it meets: `service server` answers, and fails when it is asked to.
 */
#include <cordon/errno.h>
#include <cordon/service.h>
#include <stdio.h>
#include <string.h>
#include <tests/guest/support/tap.h>

#define SECOND_NS UINT64_C(1000000000)

static int64_t ask(cordon_handle_t channel, const char *text, char answer[64])
{
	const struct cordon_message request = {.bytes = (uintptr_t)text,
	                                       .size = (uint32_t)strlen(text) + 1};
	struct cordon_message reply = {.bytes = (uintptr_t)answer, .size = 64};

	return cordon_channel_call(channel, &request, &reply, cordon_now() + 10 * SECOND_NS);
}

/* Answers one client until it is gone: with the client's name, or by failing. */
static int serve(void)
{
	struct cordon_service_client client;
	cordon_handle_t channel;
	char text[64];

	for (;;) {
		if (cordon_service_accept("greeter", CORDON_TIME_FOREVER, &client, &channel) < 0)
			return 2;
		struct cordon_message message = {.bytes = (uintptr_t)text, .size = sizeof(text)};

		while (cordon_channel_receive(channel, &message, CORDON_TIME_FOREVER) == 0) {
			if (strcmp(text, "fail") == 0)
				return 3;
			snprintf(text, sizeof(text), "hello, %s", client.task);
			message.size = (uint32_t)strlen(text) + 1;
			cordon_channel_send(channel, &message);
			message.size = sizeof(text);
		}
		cordon_handle_close(channel);
	}
}

static int connect_to(const char *name, cordon_handle_t *out)
{
	return cordon_service_connect(name, cordon_now() + 10 * SECOND_NS, out);
}

/* What init must survive: requests that are none. */
static void test_nonsense(void)
{
	cordon_handle_t services = cordon_handle_named(CORDON_SERVICE_HANDLE), ends[2];
	struct cordon_service_answer answer = {0};
	struct cordon_message_handle moved = {0};
	struct cordon_service_request request = {"greeter"};
	struct cordon_message ask_init = {.bytes = (uintptr_t)&request, .size = sizeof(request)};
	struct cordon_message reply = {.bytes = (uintptr_t)&answer, .size = sizeof(answer)};

	cordon_channel_call(services, &ask_init, &reply, CORDON_TIME_FOREVER);
	tap_is(answer.error, -EINVAL, "a request without an end is EINVAL");
	ask_init.handles = (uintptr_t)&moved;
	ask_init.handle_count = 1;
	cordon_event_create(0, &moved.handle);
	cordon_channel_call(services, &ask_init, &reply, CORDON_TIME_FOREVER);
	tap_is(answer.error, -EINVAL, "a request with an event is EINVAL");
	cordon_channel_create(ends);
	moved.handle = ends[0];
	ask_init.size = 3;
	cordon_channel_call(services, &ask_init, &reply, CORDON_TIME_FOREVER);
	tap_is(answer.error, -EINVAL, "a short request is EINVAL");
	cordon_handle_close(ends[1]);
}

/* init has no room for it, and what does not fit would stay in front of everything else. */
static void test_too_many_handles(cordon_handle_t other)
{
	cordon_handle_t services = cordon_handle_named(CORDON_SERVICE_HANDLE);
	struct cordon_message_handle moved[2] = {{0}};
	struct cordon_service_request request = {"greeter"};
	struct cordon_message message = {.bytes = (uintptr_t)&request,
	                                 .size = sizeof(request),
	                                 .handles = (uintptr_t)moved,
	                                 .handle_count = 2};
	struct cordon_service_answer answer;
	struct cordon_message reply = {.bytes = (uintptr_t)&answer, .size = sizeof(answer)};
	char text[64];

	cordon_event_create(0, &moved[0].handle);
	cordon_event_create(0, &moved[1].handle);
	tap_is(cordon_channel_call(services, &message, &reply, CORDON_TIME_FOREVER), -EPIPE,
	       "a request with two handles closes the services of its sender");
	tap_is(ask(other, "?", text), 0, "and nothing else");
}

static int test(void)
{
	cordon_handle_t channel, again;
	char text[64] = "";

	tap_is(connect_to("greeter", &channel), 0, "a task connects to what it may");
	tap_is(ask(channel, "?", text), 0, "and is answered");
	tap_ok(strcmp(text, "hello, client") == 0, "by a server that knows who it is: %s", text);
	tap_is(connect_to("secret", &again), -EPERM, "it does not connect to what it may not");
	tap_is(connect_to("a-name-that-is-longer-than-any", &again), -ENAMETOOLONG,
	       "a name that is too long");
	tap_is(cordon_service_accept("greeter", CORDON_TIME_POLL, NULL, &again), -EPERM,
	       "it cannot pass for the server");
	test_nonsense();
	tap_is(connect_to("gone", &again), -ENOENT, "a server that ended for good is ENOENT");
	tap_is(ask(channel, "fail", text), -EPIPE, "a server that fails is EPIPE to its client");
	tap_is(connect_to("greeter", &again), 0,
	       "a new connection waits for it to be started again");
	tap_is(ask(again, "?", text), 0, "and is answered then");
	test_too_many_handles(again);
	return tap_done();
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "server") == 0)
		return serve();
	if (strcmp(what, "client") == 0)
		return test();
	return strcmp(what, "end") == 0 ? 0 : 1;
}
