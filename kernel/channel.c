/* SPDX-License-Identifier: MIT */
#include <cordon/errno.h>
#include <kernel/account.h>
#include <kernel/channel.h>
#include <kernel/heap.h>

/* carries and in_queue of all ends; only messages with ends in them take it. */
static struct spinlock transit_lock = SPINLOCK_INIT(RANK_TRANSIT, "ends in messages");

static struct channel *channel_other(struct channel *end)
{
	struct channel_pair *pair = end->pair;

	return end == &pair->ends[0] ? &pair->ends[1] : &pair->ends[0];
}

/* --- ends in messages ------------------------------------------------------------------------ */

static struct channel *moved_end(const struct handle_moved *moved)
{
	return moved->object->ops->type == CORDON_OBJECT_CHANNEL ? channel_from(moved->object)
	                                                         : NULL;
}

static bool message_has_ends(const struct message *message)
{
	for (uint32_t i = 0; i < message->handle_count; i++) {
		if (moved_end(&message->handles[i]))
			return true;
	}
	return false;
}

/* Whether a message may wait at an end; see the rule in channel.h. */
static bool transit_is_allowed_locked(const struct channel *to, const struct message *message)
{
	for (uint32_t i = 0; i < message->handle_count; i++) {
		const struct channel *end = moved_end(&message->handles[i]);

		if (end && (end == to || end->carries > 0 || to->in_queue > 0))
			return false;
	}
	return true;
}

/* Counts the ends in a message, one up or down. */
static void transit_count_locked(struct channel *to, const struct message *message, int32_t by)
{
	for (uint32_t i = 0; i < message->handle_count; i++) {
		struct channel *end = moved_end(&message->handles[i]);

		if (!end)
			continue;
		end->in_queue += (uint32_t)by;
		to->carries += (uint32_t)by;
	}
}

/* Notes that the ends in a message wait at another, and keeps them. Returns 0 or -ELOOP. */
static int transit_begin(struct channel *to, struct message *message)
{
	int error = 0;

	if (!message_has_ends(message))
		return 0;
	spin_lock(&transit_lock);
	if (transit_is_allowed_locked(to, message))
		transit_count_locked(to, message, 1);
	else
		error = -ELOOP;
	spin_unlock(&transit_lock);
	if (error)
		return error;
	message->waits_at = to;
	for (uint32_t i = 0; i < message->handle_count; i++)
		object_ref(message->handles[i].object);
	return 0;
}

void transit_end(struct message *message)
{
	spin_lock(&transit_lock);
	transit_count_locked(message->waits_at, message, -1);
	spin_unlock(&transit_lock);
	message->waits_at = NULL;
	for (uint32_t i = 0; i < message->handle_count; i++)
		object_unref(message->handles[i].object);
}

/* A message that nobody will receive: its handles go. Without locks, for objects act on that. */
static void message_drop(struct message *message)
{
	for (uint32_t i = 0; i < message->handle_count; i++)
		object_handle_removed(message->handles[i].object);
	message_free(message);
}

/* --- ends ------------------------------------------------------------------------------------ */

/* No answer will come to the calls made at an end. */
static void calls_fail_locked(struct channel *end, int error)
{
	while (!list_empty(&end->calls)) {
		struct channel_call *call;

		call = list_first(&end->calls, struct channel_call, waiting.link);
		call->error = error;
		waiting_tell_locked(&call->waiting);
	}
}

/* There is something else to look at than messages that go past the queue. */
static void receivers_wake_locked(struct channel *end)
{
	while (!list_empty(&end->receivers))
		waiting_tell_locked(
		        &list_first(&end->receivers, struct receiver, waiting.link)->waiting);
}

/* The last handle to an end went. */
static void channel_unreachable(struct object *object)
{
	struct channel *end = channel_from(object);
	struct channel *other = channel_other(end);
	struct message *message, *after;
	struct list dropped;

	list_init(&dropped);
	spin_lock(&end->pair->lock);
	end->open = false;
	while (!list_empty(&end->queue)) {
		message = list_first(&end->queue, struct message, link);
		list_remove(&message->link);
		list_append(&dropped, &message->link);
	}
	end->queued = 0;
	calls_fail_locked(end, -ECANCELED);
	calls_fail_locked(other, -EPIPE);
	receivers_wake_locked(end);
	receivers_wake_locked(other);
	object_signal(&end->object, CORDON_SIGNAL_READABLE, CORDON_SIGNAL_PEER_CLOSED);
	object_signal(&other->object, CORDON_SIGNAL_WRITABLE, CORDON_SIGNAL_PEER_CLOSED);
	spin_unlock(&end->pair->lock);
	list_for_each_safe(message, after, &dropped, link) message_drop(message);
}

static void channel_destroy(struct object *object)
{
	struct channel_pair *pair = channel_from(object)->pair;
	struct account *account;

	/* An end that never had a handle is not there for the other one, either. */
	if (channel_from(object)->open)
		channel_unreachable(object);
	account_uncharge(pair->account, CHARGE_OBJECTS, 1);
	if (__atomic_fetch_sub(&pair->references, 1, __ATOMIC_ACQ_REL) > 1)
		return;
	heap_free(pair->spare);
	account = pair->account;
	account_free(account, pair, sizeof(*pair));
	account_uncharge(account, CHARGE_KERNEL, SPARE_COST);
	account_unref(account);
}

static const struct object_ops channel_ops = {
        .name = "channel",
        .type = CORDON_OBJECT_CHANNEL,
        .rights = CORDON_RIGHT_READ | CORDON_RIGHT_WRITE | CORDON_RIGHT_DUP |
                  CORDON_RIGHT_TRANSFER | CORDON_RIGHT_WAIT,
        .unreachable = channel_unreachable,
        .destroy = channel_destroy,
};

int channel_create(struct account *account, struct channel *ends[2])
{
	struct channel_pair *pair;

	if (account_charge(account, CHARGE_OBJECTS, 2) != 0)
		return -ENOMEM;
	if (account_charge(account, CHARGE_KERNEL, SPARE_COST) != 0)
		goto uncharge_objects;
	pair = account_alloc(account, sizeof(*pair));
	if (!pair)
		goto uncharge_spare;
	account_ref(account);
	pair->account = account;
	pair->references = 2;
	spin_init(&pair->lock, RANK_CHANNEL, "channel");
	for (int i = 0; i < 2; i++) {
		struct channel *end = &pair->ends[i];

		end->pair = pair;
		end->open = true;
		list_init(&end->queue);
		list_init(&end->calls);
		list_init(&end->receivers);
		object_init(&end->object, &channel_ops);
		object_signal(&end->object, 0, CORDON_SIGNAL_WRITABLE);
		ends[i] = end;
	}
	return 0;

uncharge_spare:
	account_uncharge(account, CHARGE_KERNEL, SPARE_COST);
uncharge_objects:
	account_uncharge(account, CHARGE_OBJECTS, 2);
	return -ENOMEM;
}

/* --- sending --------------------------------------------------------------------------------- */

static struct channel_call *call_find_locked(struct channel *end, uint64_t id)
{
	struct channel_call *call;

	list_for_each(call, &end->calls, waiting.link)
	{
		if (call->id == id)
			return call;
	}
	return NULL;
}

/* Takes what a message carries out of the sender's table, where it stays when this fails. */
static inline int handles_take(struct message *message, struct handle_table *from)
{
	if (message->handle_count == 0)
		return 0;
	return handle_take_all(from, message->handles, message->handle_count);
}

/* Hands an answer to the thread that waits for it: it never is in a queue. */
static int answer_locked(struct channel *to, struct message *message, struct handle_table *from)
{
	struct channel_call *call = call_find_locked(to, message->id);
	int error;

	if (!call)
		return -ENOENT;
	error = handles_take(message, from);
	if (error)
		return error;
	call->answer = message;
	waiting_tell_locked(&call->waiting);
	return 0;
}

/* Who waits longest for a message, if it has room for this one; or NULL. */
static struct receiver *receiver_find_locked(struct channel *to, const struct message *message)
{
	struct receiver *receiver;

	if (list_empty(&to->receivers))
		return NULL;
	receiver = list_first(&to->receivers, struct receiver, waiting.link);
	if (message->size > receiver->size || message->handle_count > receiver->handle_count)
		return NULL;
	return receiver;
}

/* Hands a message to the thread that waits for one. */
static int give_locked(struct receiver *receiver, struct message *message,
                       struct handle_table *from)
{
	int error = handles_take(message, from);

	if (error)
		return error;
	receiver->message = message;
	waiting_tell_locked(&receiver->waiting);
	return 0;
}

static int enqueue_locked(struct channel *end, struct channel *to, struct message *message,
                          struct handle_table *from)
{
	struct receiver *receiver = receiver_find_locked(to, message);
	int error;

	if (receiver)
		return give_locked(receiver, message, from);
	if (to->queued >= CORDON_CHANNEL_DEPTH)
		return -EAGAIN;
	error = transit_begin(to, message);
	if (error)
		return error;
	error = handles_take(message, from);
	if (error) {
		if (message->waits_at)
			transit_end(message);
		return error;
	}
	list_append(&to->queue, &message->link);
	receivers_wake_locked(to); /* who waits has no room for it, and is to say so */
	if (to->queued++ == 0)
		object_signal(&to->object, 0, CORDON_SIGNAL_READABLE);
	if (to->queued == CORDON_CHANNEL_DEPTH)
		object_signal(&end->object, CORDON_SIGNAL_WRITABLE, 0);
	return 0;
}

int channel_send(struct channel *end, struct message *message, struct handle_table *from,
                 struct channel_call *call)
{
	struct channel *to = channel_other(end);
	int error = -EPIPE;

	spin_lock(&end->pair->lock);
	if (!to->open)
		goto unlock;
	if (message->answer) {
		error = answer_locked(to, message, from);
		goto unlock;
	}
	if (call)
		message->id = call->id = ++end->next_id;
	error = enqueue_locked(end, to, message, from);
	if (!error && call)
		waiting_enter_locked(&call->waiting, &end->calls);
unlock:
	spin_unlock(&end->pair->lock);
	return error;
}

/* --- receiving ------------------------------------------------------------------------------- */

static int take_locked(struct channel *end, uint32_t *size, uint32_t *handle_count,
                       struct message **out)
{
	struct channel *other = channel_other(end);
	struct message *message;
	int error;

	if (list_empty(&end->queue))
		return other->open && end->open ? -EAGAIN : -EPIPE;
	message = list_first(&end->queue, struct message, link);
	error = message->size > *size || message->handle_count > *handle_count ? -EMSGSIZE : 0;
	*size = message->size;
	*handle_count = message->handle_count;
	if (error)
		return error;
	list_remove(&message->link);
	if (--end->queued == 0)
		object_signal(&end->object, CORDON_SIGNAL_READABLE, 0);
	if (end->queued == CORDON_CHANNEL_DEPTH - 1 && other->open)
		object_signal(&other->object, 0, CORDON_SIGNAL_WRITABLE);
	*out = message;
	return 0;
}

int channel_receive(struct channel *end, uint32_t *size, uint32_t *handle_count, uint64_t deadline,
                    struct message **out)
{
	struct spinlock *lock = &end->pair->lock;
	struct receiver receiver;
	int error;

	do {
		spin_lock(lock);
		error = take_locked(end, size, handle_count, out);
		if (error != -EAGAIN || deadline == CORDON_TIME_POLL) {
			spin_unlock(lock);
			return error;
		}
		receiver.size = *size;
		receiver.handle_count = *handle_count;
		receiver.message = NULL;
		waiting_enter_locked(&receiver.waiting, &end->receivers);
		spin_unlock(lock);
		error = waiting_block(&receiver.waiting, lock, deadline);
		if (error)
			return error;
	} while (!receiver.message);
	*size = receiver.message->size;
	*handle_count = receiver.message->handle_count;
	*out = receiver.message;
	return 0;
}

void channel_put_back(struct channel *end, struct message *message)
{
	bool kept;

	message->id = message->answer ? 0 : message->id;
	message->answer = false;
	spin_lock(&end->pair->lock);
	kept = end->open && (message->waits_at || transit_begin(end, message) == 0);
	if (kept) {
		list_push(&end->queue, &message->link);
		if (++end->queued >= CORDON_CHANNEL_DEPTH) /* the room that was taken for free */
			object_signal(&channel_other(end)->object, CORDON_SIGNAL_WRITABLE, 0);
		receivers_wake_locked(end);
		object_signal(&end->object, 0, CORDON_SIGNAL_READABLE);
	}
	spin_unlock(&end->pair->lock);
	if (!kept)
		message_drop(message);
}
