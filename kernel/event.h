/* SPDX-License-Identifier: MIT */
/*
 * Events: a 64-bit counter that can be waited on. The object's lock keeps counter and signal
 * together.
 *
 * While threads wait in event_wait, what is added goes to the one that waits longest, past the
 * counter: nobody else sees it, as if that thread had been there first.
 */
#ifndef KERNEL_EVENT_H
#define KERNEL_EVENT_H

#include <kernel/object.h>
#include <kernel/waiting.h>

struct event {
	struct object object;
	uint64_t count;
	struct list takers; /* struct taker.waiting, who waits longest first; then count is zero */
	struct account *account;
};

struct account;

/* -EINVAL when initial is above CORDON_EVENT_MAX, or -ENOMEM. */
int event_create(struct account *account, uint64_t initial, struct event **out);

/* A thread in event_wait; in the list until it is given a count. */
struct taker {
	struct waiting waiting;
	uint64_t count;
};

/* The rest of event_add: nobody waits for what is added, or it does not fit. */
int event_add_locked(struct event *event, uint64_t add);

/* Adds; -EOVERFLOW when it would exceed CORDON_EVENT_MAX. */
static inline int event_add(struct event *event, uint64_t add)
{
	struct taker *taker;
	int error = 0;

	spin_lock(&event->object.lock);
	if (list_empty(&event->takers) || add - 1 >= CORDON_EVENT_MAX) {
		error = event_add_locked(event, add);
	} else {
		taker = list_first(&event->takers, struct taker, waiting.link);
		taker->count = add;
		waiting_tell_locked(&taker->waiting);
	}
	spin_unlock(&event->object.lock);
	return error;
}

/* Takes the whole count; -EAGAIN when it is zero. */
int event_take(struct event *event, uint64_t *count);
bool event_take_locked(struct event *event, uint64_t *count); /* false when it is zero */

/* The same, but waits while it is zero until the deadline (monotonic ns): -ETIMEDOUT or -EINTR. */
static inline int event_wait(struct event *event, uint64_t deadline, uint64_t *count)
{
	struct taker taker;
	int error;

	spin_lock(&event->object.lock);
	if (event->count > 0) {
		event_take_locked(event, count);
		spin_unlock(&event->object.lock);
		return 0;
	}
	waiting_enter_locked(&taker.waiting, &event->takers);
	spin_unlock(&event->object.lock);
	error = waiting_block(&taker.waiting, &event->object.lock, deadline);
	if (!error)
		*count = taker.count;
	return error;
}

#endif
