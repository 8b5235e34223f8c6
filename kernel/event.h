/* SPDX-License-Identifier: MIT */
/* Events: a 64-bit counter that can be waited on. The object's lock keeps counter and signal
 * together. */
#ifndef KERNEL_EVENT_H
#define KERNEL_EVENT_H

#include <kernel/object.h>

struct event {
	struct object object;
	uint64_t count;
	struct account *account;
};

struct account;

/* -EINVAL when initial is above CORDON_EVENT_MAX, or -ENOMEM. */
int event_create(struct account *account, uint64_t initial, struct event **out);

/* Adds; -EOVERFLOW when it would exceed CORDON_EVENT_MAX. */
int event_add(struct event *event, uint64_t add);

/* Takes the whole count; -EAGAIN when it is zero. */
int event_take(struct event *event, uint64_t *count);

/* The same, but waits while it is zero until the deadline (monotonic ns): -ETIMEDOUT or -EINTR. */
int event_wait(struct event *event, uint64_t deadline, uint64_t *count);

#endif
