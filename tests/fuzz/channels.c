/* SPDX-License-Identifier: MIT */
/*
 * Channels between two tasks, with ends and a device in messages, against queues of a model: what
 * was sent comes out once, in order, at the other end, with its handles; what was not sent
 * changed nothing. And whatever was put into what: when both tasks are gone, nothing keeps itself
 * alive (S8).
 */
#include <cordon/errno.h>
#include <kernel/account.h>
#include <kernel/channel.h>
#include <kernel/heap.h>
#include <tests/fuzz/fuzz.h>

#define ENDS_MAX    64
#define QUEUE_MAX   128 /* messages put back may exceed the depth */
#define GIVEN_MAX   256
#define TASKS       2
#define CARRIED_MAX 4
#define STEPS_MAX   400

/* A handle that a task has. */
struct given {
	struct object *object;
	cordon_handle_t handle;
	unsigned int task;
};

/* A message on its way to an end, known by its serial number, which is its contents. */
struct sent {
	uint32_t serial;
	uint32_t count;
	const struct object *carried[CARRIED_MAX];
};

/* An end, known by its object's id, since memory is used again. Its peer is its neighbour. */
struct end {
	uint64_t id;
	struct sent queue[QUEUE_MAX];
	uint32_t length;
};

static struct {
	struct account *account;
	struct handle_table tables[TASKS];
	struct given given[GIVEN_MAX];
	uint32_t given_count;
	struct end ends[ENDS_MAX];
	uint32_t end_count;
	uint32_t serial;
	struct object device;
	unsigned int unreachable, destroyed;
} bed;

static void device_unreachable(struct object *object)
{
	(void)object;
	bed.unreachable++;
}

static void device_destroy(struct object *object)
{
	(void)object;
	bed.destroyed++;
}

static const struct object_ops device_ops = {
        .name = "device",
        .type = CORDON_OBJECT_DEVICE,
        .rights = CORDON_RIGHT_READ | CORDON_RIGHT_WRITE | CORDON_RIGHT_DUP | CORDON_RIGHT_TRANSFER,
        .unreachable = device_unreachable,
        .destroy = device_destroy,
};

/* --- the model ------------------------------------------------------------------------------- */

static void remember(struct object *object, cordon_handle_t handle, unsigned int task)
{
	FUZZ_CHECK(bed.given_count < GIVEN_MAX);
	bed.given[bed.given_count++] = (struct given){object, handle, task};
}

static void forget(uint32_t index)
{
	bed.given[index] = bed.given[--bed.given_count];
}

static struct end *end_of(const struct channel *channel)
{
	for (uint32_t i = 0; i < bed.end_count; i++)
		if (bed.ends[i].id == channel->object.id)
			return &bed.ends[i];
	FUZZ_CHECK(false);
	return NULL;
}

static struct end *peer_of(const struct end *end)
{
	return &bed.ends[(uint32_t)(end - bed.ends) ^ 1];
}

static void model_push(struct end *end, uint32_t at, const struct sent *sent)
{
	FUZZ_CHECK(end->length < QUEUE_MAX);
	memmove(&end->queue[at + 1], &end->queue[at], (end->length - at) * sizeof(*sent));
	end->queue[at] = *sent;
	end->length++;
}

static struct sent model_pop(struct end *end)
{
	struct sent first = end->queue[0];

	FUZZ_CHECK(end->length > 0);
	end->length--;
	memmove(&end->queue[0], &end->queue[1], end->length * sizeof(first));
	return first;
}

/* Of each end that a task has: whether there is something to receive. */
static void check_signals(void)
{
	for (uint32_t i = 0; i < bed.given_count; i++) {
		struct object *object = bed.given[i].object;

		if (object == &bed.device)
			continue;
		FUZZ_CHECK(!(object->signals & CORDON_SIGNAL_READABLE) ==
		           !end_of(channel_from(object))->length);
	}
}

/* --- what tasks do --------------------------------------------------------------------------- */

/* A handle to a channel's end, or NULL. */
static struct given *pick_end(struct fuzz_input *input)
{
	struct given *given;

	if (bed.given_count == 0)
		return NULL;
	given = &bed.given[fuzz_below(input, bed.given_count)];
	return given->object == &bed.device ? NULL : given;
}

static void create(struct fuzz_input *input)
{
	unsigned int task = fuzz_below(input, TASKS);
	struct channel *ends[2];

	if (bed.end_count + 2 > ENDS_MAX || bed.given_count + 2 > GIVEN_MAX ||
	    channel_create(bed.account, ends) != 0)
		return;
	for (int i = 0; i < 2; i++) {
		cordon_handle_t handle;

		bed.ends[bed.end_count++] = (struct end){.id = ends[i]->object.id};
		if (handle_add(&bed.tables[task], &ends[i]->object, CORDON_RIGHTS_ALL, &handle) ==
		    0)
			remember(&ends[i]->object, handle, task);
	}
	for (int i = 0; i < 2; i++)
		object_unref(&ends[i]->object);
}

static void close_one(struct fuzz_input *input)
{
	struct given given;
	uint32_t index;

	if (bed.given_count == 0)
		return;
	index = fuzz_below(input, bed.given_count);
	given = bed.given[index];
	forget(index);
	FUZZ_CHECK(handle_close(&bed.tables[given.task], given.handle) == 0);
}

static void duplicate(struct fuzz_input *input)
{
	struct given *given;
	cordon_handle_t handle;

	if (bed.given_count == 0 || bed.given_count == GIVEN_MAX)
		return;
	given = &bed.given[fuzz_below(input, bed.given_count)];
	if (handle_add(&bed.tables[given->task], given->object, CORDON_RIGHTS_ALL, &handle) == 0)
		remember(given->object, handle, given->task);
}

/* Fills a message with handles of a task; some are named twice, which must be refused. Returns how
 * many; a reference to each is the caller's. */
static uint32_t fill(struct fuzz_input *input, unsigned int task, struct handle_moved *moved,
                     uint32_t want)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < want && bed.given_count > 0; i++) {
		const struct given *given = &bed.given[fuzz_below(input, bed.given_count)];

		if (given->task != task)
			continue;
		FUZZ_CHECK(handle_get(&bed.tables[task], given->handle, CORDON_OBJECT_NONE, 0,
		                      &moved[count].object, &moved[count].rights) == 0);
		moved[count++].handle = given->handle;
	}
	return count;
}

static bool named_twice(const struct handle_moved *moved, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t j = 0; j < i; j++)
			if (moved[i].handle == moved[j].handle)
				return true;
	return false;
}

/* They are nobody's now. */
static void forget_moved(unsigned int task, const struct handle_moved *moved, uint32_t count)
{
	struct object *object;

	for (uint32_t i = 0; i < count; i++) {
		FUZZ_CHECK(handle_get(&bed.tables[task], moved[i].handle, CORDON_OBJECT_NONE, 0,
		                      &object, NULL) == -EBADF);
		for (uint32_t j = 0; j < bed.given_count; j++)
			if (bed.given[j].task == task && bed.given[j].handle == moved[i].handle) {
				forget(j);
				break;
			}
	}
}

static void send_one(struct fuzz_input *input)
{
	struct given *given = pick_end(input);
	struct handle_moved moved[CARRIED_MAX];
	struct sent sent = {.serial = bed.serial + 1};
	struct message *message;
	struct channel *end;
	unsigned int task;
	int error;

	if (!given)
		return;
	end = channel_from(given->object);
	task = given->task;
	object_ref(&end->object); /* as a call has it: the end may be in the message */
	sent.count = fill(input, task, moved, fuzz_below(input, CARRIED_MAX + 1));
	message = message_create(end, bed.account, sizeof(sent.serial), sent.count);
	if (message) {
		memcpy(message->handles, moved, sent.count * sizeof(moved[0]));
		memcpy(message_bytes(message), &sent.serial, sizeof(sent.serial));
		error = channel_send(end, message, &bed.tables[task], NULL);
		if (error) {
			message_free(message);
			FUZZ_CHECK(error == -EPIPE || error == -EAGAIN || error == -ELOOP ||
			           (error == -EINVAL && named_twice(moved, sent.count)));
			FUZZ_CHECK(error != -EAGAIN ||
			           peer_of(end_of(end))->length >= CORDON_CHANNEL_DEPTH);
		} else {
			struct end *to = peer_of(end_of(end));

			FUZZ_CHECK(to->length < CORDON_CHANNEL_DEPTH);
			FUZZ_CHECK(!named_twice(moved, sent.count));
			for (uint32_t i = 0; i < sent.count; i++)
				sent.carried[i] = moved[i].object;
			bed.serial++;
			model_push(to, to->length, &sent);
			forget_moved(task, moved, sent.count);
		}
	}
	for (uint32_t i = 0; i < sent.count; i++)
		object_unref(moved[i].object);
	object_unref(&end->object);
}

/* The message is what the model says; its handles go into the task's table, or it goes back. */
static void deliver(struct channel *end, struct message *message, unsigned int task)
{
	struct sent sent = model_pop(end_of(end));

	FUZZ_CHECK(memcmp(message_bytes(message), &sent.serial, sizeof(sent.serial)) == 0);
	FUZZ_CHECK(message->handle_count == sent.count);
	for (uint32_t i = 0; i < sent.count; i++)
		FUZZ_CHECK(message->handles[i].object == sent.carried[i]);
	if (bed.given_count + sent.count > GIVEN_MAX ||
	    handle_put_all(&bed.tables[task], message->handles, sent.count) != 0) {
		model_push(end_of(end), 0, &sent);
		channel_put_back(end, message);
		return;
	}
	for (uint32_t i = 0; i < sent.count; i++)
		remember(message->handles[i].object, message->handles[i].handle, task);
	message_free(message);
}

static void take_one(struct fuzz_input *input)
{
	struct given *given = pick_end(input);
	uint32_t size = fuzz_below(input, 8), count = fuzz_below(input, CARRIED_MAX + 1);
	uint32_t room = size, room_for = count, waiting;
	struct message *message;
	struct channel *end;
	const struct sent *next;
	unsigned int task;
	int error;

	if (!given)
		return;
	end = channel_from(given->object);
	task = given->task;
	object_ref(&end->object);
	waiting = end_of(end)->length;
	next = &end_of(end)->queue[0];
	error = channel_receive(end, &size, &count, CORDON_TIME_POLL, &message);
	if (waiting == 0) {
		FUZZ_CHECK(error == -EAGAIN || error == -EPIPE);
	} else if (room < sizeof(next->serial) || room_for < next->count) {
		FUZZ_CHECK(error == -EMSGSIZE);
		FUZZ_CHECK(size == sizeof(next->serial) && count == next->count);
	} else {
		FUZZ_CHECK(error == 0);
		deliver(end, message, task);
	}
	object_unref(&end->object);
}

static void step(struct fuzz_input *input)
{
	static void (*const acts[])(struct fuzz_input *) = {
	        create, close_one, duplicate, send_one, send_one, send_one, take_one, take_one,
	};

	acts[fuzz_byte(input) % (sizeof(acts) / sizeof(acts[0]))](input);
	check_signals();
}

static void begin(struct fuzz_input *input)
{
	const struct cordon_budget budget = {.handles = 16u + fuzz_byte(input), .objects = 200};
	cordon_handle_t handle;

	memset(&bed, 0, sizeof(bed));
	FUZZ_CHECK(account_create(&budget, &bed.account) == 0);
	for (unsigned int i = 0; i < TASKS; i++)
		FUZZ_CHECK(handle_table_init(&bed.tables[i], bed.account) == 0);
	object_init(&bed.device, &device_ops);
	FUZZ_CHECK(handle_add(&bed.tables[0], &bed.device, CORDON_RIGHTS_ALL, &handle) == 0);
	remember(&bed.device, handle, 0);
	object_unref(&bed.device);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	size_t heap = heap_in_use();

	begin(&input);
	for (unsigned int i = 0; i < STEPS_MAX && input.size > 0; i++)
		step(&input);
	for (unsigned int i = 0; i < TASKS; i++)
		handle_table_close(&bed.tables[i]);
	FUZZ_CHECK(object_count(CORDON_OBJECT_CHANNEL) == 0);
	FUZZ_CHECK(bed.unreachable == 1 && bed.destroyed == 1);
	FUZZ_CHECK(bed.account->used[CHARGE_OBJECTS] == 0);
	FUZZ_CHECK(bed.account->used[CHARGE_HANDLES] == 0);
	FUZZ_CHECK(bed.account->references == 1);
	account_unref(bed.account);
	FUZZ_CHECK(heap_in_use() == heap);
	return 0;
}
