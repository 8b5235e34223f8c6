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
#include <kernel/account.h>
#include <kernel/handle.h>
#include <kernel/heap.h>
#include <kernel/object.h>
#include <kernel/waiting.h>

/* A message; the bytes follow the handles. */
struct message {
	struct list link;
	struct account *account; /* of the sender; pays for it until it is received */
	uint64_t id;             /* of the call that it is, or answers; 0: of none */
	bool answer;
	uint32_t cost;             /* in bytes of kernel memory */
	struct channel *waits_at;  /* whose queue its ends are counted for; NULL: none */
	struct channel_pair *home; /* where it goes when it is free; NULL: to the heap */
	uint32_t size;
	uint32_t handle_count;
	struct handle_moved handles[];
};

/* A thread in channel_call; in channel.calls until the answer is there. */
struct channel_call {
	struct waiting waiting;
	uint64_t id;
	struct message *answer;
	int error; /* why there will be none */
};

/* A thread in channel_receive; in channel.receivers until a message is there that it has room for,
 * or something else to be looked at. */
struct receiver {
	struct waiting waiting;
	uint32_t size, handle_count; /* its room */
	struct message *message;     /* NULL: to be looked for */
};

struct channel {
	struct object object;
	struct channel_pair *pair;
	struct list queue;     /* struct message.link, received here next first */
	struct list calls;     /* made here */
	struct list receivers; /* then the queue is empty */
	uint64_t next_id;
	uint32_t queued;
	bool open;         /* it has handles, or had none yet */
	uint32_t carries;  /* ends in queue, under transit_lock */
	uint32_t in_queue; /* how often it waits in a queue itself, under transit_lock */
};

/* Both ends; goes with the second of them. */
struct channel_pair {
	struct spinlock lock; /* queues, calls, open */
	uint32_t references;
	struct account *account;
	struct message *spare; /* a small one that is free, for the next who sends; or NULL */
	struct channel ends[2];
};

/* Room in every small message, so that one can be used again for another. The channel pays for one
 * that it keeps, the sender for each that is under way. */
#define SPARE_ROOM 192u
#define SPARE_COST heap_cost(sizeof(struct message) + SPARE_ROOM)

static inline struct channel *channel_from(struct object *object)
{
	return container_of(object, struct channel, object);
}

/* What a message with that room costs its sender. */
static inline uint64_t message_cost(uint32_t room)
{
	return room > SPARE_ROOM ? heap_cost(sizeof(struct message) + room) : SPARE_COST;
}

static inline uint32_t message_room(uint32_t size, uint32_t handle_count)
{
	return handle_count * (uint32_t)sizeof(struct handle_moved) + size;
}

/* Makes two ends, each with one reference for the caller and charged as one object. Returns 0 or
 * -ENOMEM. */
int channel_create(struct account *account, struct channel *ends[2]);

/* Memory for a message, not cleared: the spare one of the channel if that is there. */
static inline struct message *message_memory(struct channel_pair *pair, uint32_t room)
{
	struct message *message;

	if (room > SPARE_ROOM)
		return heap_alloc(sizeof(*message) + room);
	message = __atomic_exchange_n(&pair->spare, NULL, __ATOMIC_ACQUIRE);
	if (!message)
		message = heap_alloc(sizeof(*message) + SPARE_ROOM);
	if (message)
		message->home = pair;
	return message;
}

/* Room for a message of the sender, to be sent from an end; contents and handles are the caller's
 * to fill in. Sizes are within the limits of cordon/channel.h. NULL: out of memory or budget. */
static inline __attribute__((always_inline)) struct message *message_create(struct channel *end,
                                                                            struct account *account,
                                                                            uint32_t size,
                                                                            uint32_t handle_count)
{
	struct message *message;
	uint32_t room = message_room(size, handle_count);
	uint64_t cost = message_cost(room);

	if (account_charge(account, CHARGE_KERNEL, cost) != 0)
		return NULL;
	message = message_memory(end->pair, room);
	if (!message) {
		account_uncharge(account, CHARGE_KERNEL, cost);
		return NULL;
	}
	account_ref(account);
	message->account = account;
	message->cost = (uint32_t)cost;
	message->id = 0;
	message->answer = false;
	message->waits_at = NULL;
	message->size = size;
	message->handle_count = handle_count;
	return message;
}

static inline void *message_bytes(struct message *message)
{
	return &message->handles[message->handle_count];
}

/* Notes that the ends in a message do not wait in a queue any more. */
void transit_end(struct message *message);

/* Frees a message, while its channel is there, whose handles are not its own any more, or not yet:
 * delivered, or not sent. */
static inline __attribute__((always_inline)) void message_free(struct message *message)
{
	struct channel_pair *pair = message->home;
	struct message *none = NULL;

	if (message->waits_at)
		transit_end(message);
	account_uncharge(message->account, CHARGE_KERNEL, message->cost);
	account_unref(message->account);
	if (pair && __atomic_compare_exchange_n(&pair->spare, &none, message, false,
	                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		return;
	heap_free(message);
}

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
 * the limits take its measures then and otherwise. Waits while there is none until the deadline
 * (monotonic ns). What is sent meanwhile goes to who waits longest, past the queue, as if that
 * thread had been there first.
 * -EPIPE there is none nor will there be, -EMSGSIZE it is larger
 * -EAGAIN there is none, and the deadline is CORDON_TIME_POLL
 * -ETIMEDOUT, -EINTR of the wait
 */
int channel_receive(struct channel *end, uint32_t *size, uint32_t *handle_count, uint64_t deadline,
                    struct message **out);

/*
 * Puts a message that could not be delivered back as the next one, whatever the bound. An answer
 * becomes a message like any other. Drops it when the end was closed meanwhile, and an
 * answer with ends in it when this end waits in a queue (-ELOOP above).
 */
void channel_put_back(struct channel *end, struct message *message);

/* Waits for the answer to a call that was sent. Returns 0 with the answer, or what sched_wait
 * returned, or why there was no answer. */
static inline int channel_call_wait(struct channel *end, struct channel_call *call,
                                    uint64_t deadline, struct message **answer)
{
	int error = waiting_block(&call->waiting, &end->pair->lock, deadline);

	if (error)
		return error;
	*answer = call->answer;
	return call->error;
}

#endif
