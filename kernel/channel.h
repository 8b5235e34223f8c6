/* SPDX-License-Identifier: MIT */
/*
 * Channels: two ends, each with a bounded queue of messages that wait to be received there. A
 * message carries bytes and handles.
 *
 * A handle in a message is in no table, but the object counts it: a device does not quiesce because
 * its only handle is on its way. When an end goes, what waits there is dropped, so a handle
 * must never wait in a queue that only itself keeps reachable: its object would never be released
 * (S8). Ends in queues of ends could form such circles, and so an end that waits in a queue has no
 * end in its own.
 */
#ifndef KERNEL_CHANNEL_H
#define KERNEL_CHANNEL_H

#include <cordon/channel.h>
#include <kernel/handle.h>
#include <kernel/object.h>

struct thread;

/* A message; the bytes follow the handles. */
struct message {
	struct list link;
	struct account *account; /* of the sender; pays for it as for one object */
	uint64_t id;             /* of the call that it is, or answers; 0: of none */
	bool answer;
	struct channel *waits_at; /* whose queue its ends are counted for; NULL: none */
	uint32_t size;
	uint32_t handle_count;
	struct handle_moved handles[];
};

/* A thread in channel_call; on its stack, in channel.calls until the answer is there. */
struct channel_call {
	struct list link;
	uint64_t id;
	struct thread *thread;
	struct message *answer;
	int error; /* why there will be none */
};

struct channel {
	struct object object;
	struct channel_pair *pair;
	struct list queue; /* struct message.link, received here next first */
	struct list calls; /* made here */
	uint64_t next_id;
	uint32_t queued;
	bool open;         /* it has handles, or had none yet */
	uint32_t carries;  /* ends in queue, under transit_lock */
	uint32_t in_queue; /* how often it waits in a queue itself, under transit_lock */
};

static inline struct channel *channel_from(struct object *object)
{
	return container_of(object, struct channel, object);
}

/* Makes two ends, each with one reference for the caller and charged as one object. Returns 0 or
 * -ENOMEM. */
int channel_create(struct account *account, struct channel *ends[2]);

/* Room for a message of the sender; contents and handles are the caller's to fill in. Sizes are
 * within the limits of cordon/channel.h. NULL: out of memory or budget. */
struct message *message_create(struct account *account, uint32_t size, uint32_t handle_count);

static inline void *message_bytes(struct message *message)
{
	return &message->handles[message->handle_count];
}

/* Frees a message whose handles are not its own any more, or not yet: delivered, or not sent. */
void message_free(struct message *message);

/*
 * Sends from an end, and moves the message's handles out of a table (handle_take_all). The caller
 * has a reference to the object of each. On success the message belongs to the channel; on failure
 * to the caller, and every handle is where it was. call: NULL, or the call that waits for its
 * answer.
 * -EPIPE the other end is gone
 * -EAGAIN the queue is full: wait for WRITABLE
 * -ENOENT it answers a call that does not wait any more
 * -ELOOP it would put an end into the queue of an end that is itself in a queue
 * and the errors of handle_take_all
 */
int channel_send(struct channel *end, struct message *message, struct handle_table *from,
                 struct channel_call *call);

/*
 * Takes the next message off an end's queue, if it has at most size bytes and handles handles;
 * the limits take its measures then and otherwise.
 * -EAGAIN there is none, -EPIPE nor will there be, -EMSGSIZE it is larger
 */
int channel_take(struct channel *end, uint32_t *size, uint32_t *handle_count, struct message **out);

/*
 * Puts a message that could not be delivered back as the next one, whatever the bound. An answer
 * becomes a message like any other. Drops it when the end was closed meanwhile, and an
 * answer with ends in it when this end waits in a queue (-ELOOP above).
 */
void channel_put_back(struct channel *end, struct message *message);

/* Whether a call has its answer, or will get none. */
bool channel_call_ended(struct channel *end, const struct channel_call *call);

/* Ends a call, answered or not. Returns 0 with the answer, or what sched_wait returned, or why
 * there was no answer. */
int channel_call_finish(struct channel *end, struct channel_call *call, int waited,
                        struct message **answer);

#endif
