/* SPDX-License-Identifier: MIT */
/*
 * Services: how tasks find each other. A manifest says who publishes a name and who may connect to
 * it (docs/manifest.md); init passes the ends of channels on, and is out of the way then.
 */
#ifndef CORDON_SERVICE_H
#define CORDON_SERVICE_H

#include <cordon/rt.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CORDON_SERVICE_PREFIX   "serve."   /* handle of the publisher: this and the name */
#define CORDON_SERVICE_HANDLE   "services" /* handle of a task that may connect */
#define CORDON_SERVICE_NAME_MAX (CORDON_NAME_MAX - (sizeof(CORDON_SERVICE_PREFIX) - 1))

/*
 * What init is asked for (in channel_call, with one end of a new channel), and what it answers. A
 * message that is longer than this or has more than one handle closes the sender's `services`, for
 * good: it would stay in front of all others. Servers do well to receive likewise, with room for as
 * many handles as their protocol has: each that comes uses up a number of theirs (CAVEATS.md).
 */
struct cordon_service_request {
	char name[CORDON_NAME_MAX]; /* zero-terminated */
};

struct cordon_service_answer {
	int64_t error; /* 0, or a negated error number */
};

/* What the publisher receives, with the end. */
struct cordon_service_client {
	char task[CORDON_NAME_MAX]; /* name of the task that connects, zero-terminated */
};

/*
 * Connects to a service. *out: one end of a new channel, whose other end the publisher gets; the
 * caller's. It can be used at once, also before the publisher takes it. Needs a line `connect NAME`
 * in the manifest. deadline: monotonic nanoseconds, for init's answer.
 * -EPERM no such line, or no manifest
 * -ENAMETOOLONG the name is longer than any
 * -ENOENT the publisher ended and will not be started again
 * -EAGAIN too many wait for the publisher
 * -ETIMEDOUT, and what channel_create and channel_call return
 */
int cordon_service_connect(const char *name, uint64_t deadline, cordon_handle_t *out);

/*
 * Takes the next task that connects to a service that this task publishes. client: NULL, or who it
 * is. *out: one end of its channel; the caller's. To wait for more than that, wait for READABLE on
 * cordon_handle_named("serve.NAME") and give CORDON_TIME_POLL.
 * -EPERM no line `publish NAME` in the manifest
 * -EAGAIN, -ETIMEDOUT nobody connects, as channel_receive
 */
int cordon_service_accept(const char *name, uint64_t deadline, struct cordon_service_client *client,
                          cordon_handle_t *out);

#ifdef __cplusplus
}
#endif
#endif
