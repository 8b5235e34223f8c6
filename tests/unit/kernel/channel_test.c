/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include <cordon/errno.h>
#include <kernel/account.h>
#include <kernel/channel.h>
#include <kernel/heap.h>
#include <tests/unit/fake/fake.h>

#include <tests/random.h>

/* Two tasks, as far as a channel knows of them. */
static struct account *account;
static struct handle_table ours, theirs;
static struct channel *ends[2];
static cordon_handle_t handle_of[2];

/* Something that acts when its last handle goes, as a device does. */
struct thing {
	struct object object;
	int unreachable;
};

static int things_destroyed;

static void thing_unreachable(struct object *object)
{
	container_of(object, struct thing, object)->unreachable++;
}

static void thing_destroy(struct object *object)
{
	(void)object;
	things_destroyed++;
}

static const struct object_ops thing_ops = {
        .name = "device",
        .type = CORDON_OBJECT_DEVICE,
        .rights = CORDON_RIGHT_READ | CORDON_RIGHT_WRITE | CORDON_RIGHT_TRANSFER,
        .unreachable = thing_unreachable,
        .destroy = thing_destroy,
};

/* Makes a channel and drops the creator's references: only handles keep it. */
static void channel_of(struct channel *made[2], cordon_handle_t handles[2])
{
	cr_assert_eq(channel_create(account, made), 0);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(handle_add(&ours, &made[i]->object, CORDON_RIGHTS_ALL, &handles[i]),
		             0);
		object_unref(&made[i]->object);
	}
}

static void setup(void)
{
	const struct cordon_budget budget = {.handles = 64, .objects = 100};

	cr_assert_eq(account_create(&budget, &account), 0);
	handle_table_init(&ours, account);
	handle_table_init(&theirs, account);
	channel_of(ends, handle_of);
}

/* Closes everything; then nothing may be left. Each test ends with it: what fails in a .fini is no
 * failure for Criterion. */
static void expect_nothing_left(void)
{
	handle_table_close(&ours);
	handle_table_close(&theirs);
	cr_assert_eq(account->used[CHARGE_OBJECTS], 0);
	cr_assert_eq(account->used[CHARGE_HANDLES], 0);
	cr_assert_eq(account->used[CHARGE_KERNEL], ACCOUNT_OWN_MEMORY);
	cr_assert_eq(account->references, 1);
	account_unref(account);
	cr_assert_eq(object_count(CORDON_OBJECT_CHANNEL), 0);
	cr_assert_eq(heap_in_use(), 0);
}

TestSuite(channel, .init = setup);

/* --- sending and receiving as a task would ---------------------------------------------------- */

static int send_handles(struct channel *end, const char *text, const cordon_handle_t *handles,
                        uint32_t count)
{
	struct message *message = message_create(end, account, (uint32_t)strlen(text), count);
	struct handle_moved moved[CORDON_MESSAGE_HANDLES];
	int error;

	cr_assert(message);
	memcpy(message_bytes(message), text, strlen(text));
	for (uint32_t i = 0; i < count; i++) {
		cr_assert_eq(handle_get(&ours, handles[i], CORDON_OBJECT_NONE, 0,
		                        &message->handles[i].object, &message->handles[i].rights),
		             0);
		message->handles[i].handle = handles[i];
	}
	memcpy(moved, message->handles, count * sizeof(moved[0]));
	error = channel_send(end, message, &ours, NULL);
	for (uint32_t i = 0; i < count; i++)
		object_unref(moved[i].object);
	if (error)
		message_free(message);
	return error;
}

static int send_text(struct channel *end, const char *text)
{
	return send_handles(end, text, NULL, 0);
}

/* Receives into their table; handles may be NULL. Returns the number of handles or an error. */
static int receive(struct channel *end, char text[64], cordon_handle_t *handles)
{
	uint32_t size = 63, count = CORDON_MESSAGE_HANDLES;
	struct message *message;
	int error = channel_receive(end, &size, &count, CORDON_TIME_POLL, &message);

	if (error)
		return error;
	memcpy(text, message_bytes(message), size);
	text[size] = 0;
	cr_assert_eq(handle_put_all(&theirs, message->handles, count), 0);
	for (uint32_t i = 0; i < count; i++)
		handles[i] = message->handles[i].handle;
	message_free(message);
	return (int)count;
}

static uint32_t signals_of(int index)
{
	return ends[index]->object.signals;
}

Test(channel, an_end_that_never_had_a_handle_is_closed_for_the_other)
{
	struct channel *made[2];
	cordon_handle_t handle;

	cr_assert_eq(channel_create(account, made), 0);
	cr_assert_eq(handle_add(&ours, &made[0]->object, CORDON_RIGHTS_ALL, &handle), 0);
	object_unref(&made[1]->object);
	cr_assert(made[0]->object.signals & CORDON_SIGNAL_PEER_CLOSED);
	cr_assert_eq(send_text(made[0], "nobody is there"), -EPIPE);
	object_unref(&made[0]->object);
	expect_nothing_left();
}

/* --- bytes ------------------------------------------------------------------------------------ */

Test(channel, messages_arrive_at_the_other_end_in_order)
{
	char text[64];

	cr_assert_eq(signals_of(0), CORDON_SIGNAL_WRITABLE);
	cr_assert_eq(send_text(ends[0], "first"), 0);
	cr_assert_eq(send_text(ends[0], "second"), 0);
	cr_assert_eq(send_text(ends[1], "back"), 0);
	cr_assert_eq(signals_of(1), CORDON_SIGNAL_READABLE | CORDON_SIGNAL_WRITABLE);
	cr_assert_eq(receive(ends[1], text, NULL), 0);
	cr_assert_str_eq(text, "first");
	cr_assert_eq(receive(ends[1], text, NULL), 0);
	cr_assert_str_eq(text, "second");
	cr_assert_eq(receive(ends[1], text, NULL), -EAGAIN);
	cr_assert_eq(signals_of(1), CORDON_SIGNAL_WRITABLE);
	cr_assert_eq(receive(ends[0], text, NULL), 0);
	cr_assert_str_eq(text, "back");
	expect_nothing_left();
}

Test(channel, S10_queue_is_bounded)
{
	char text[64];

	for (uint32_t i = 0; i < CORDON_CHANNEL_DEPTH; i++) {
		cr_assert(signals_of(0) & CORDON_SIGNAL_WRITABLE);
		cr_assert_eq(send_text(ends[0], "x"), 0);
	}
	cr_assert_eq(signals_of(0) & CORDON_SIGNAL_WRITABLE, 0);
	cr_assert_eq(send_text(ends[0], "x"), -EAGAIN);
	cr_assert_eq(send_text(ends[1], "x"), 0, "the other way is not full");
	cr_assert_eq(receive(ends[1], text, NULL), 0);
	cr_assert(signals_of(0) & CORDON_SIGNAL_WRITABLE);
	cr_assert_eq(send_text(ends[0], "x"), 0);
	expect_nothing_left();
}

Test(channel, S10_sender_pays_until_its_message_is_received)
{
	uint64_t before = account->used[CHARGE_KERNEL];
	char text[64];

	cr_assert_eq(send_text(ends[0], "x"), 0);
	cr_assert_geq(account->used[CHARGE_KERNEL], before + sizeof(struct message) + 1);
	cr_assert_eq(receive(ends[1], text, NULL), 0);
	cr_assert_eq(account->used[CHARGE_KERNEL], before);
	account->limit[CHARGE_KERNEL] = before + 1000;
	cr_assert_null(message_create(ends[0], account, 1000, 0), "the contents count");
	expect_nothing_left();
}

Test(channel, message_that_does_not_fit_stays)
{
	uint32_t size = 3, count = 0;
	struct message *message;
	char text[64];

	cr_assert_eq(send_text(ends[0], "four"), 0);
	cr_assert_eq(channel_receive(ends[1], &size, &count, CORDON_TIME_POLL, &message),
	             -EMSGSIZE);
	cr_assert_eq(size, 4);
	cr_assert_eq(receive(ends[1], text, NULL), 0);
	cr_assert_str_eq(text, "four");
	expect_nothing_left();
}

Test(channel, message_that_was_put_back_is_the_next)
{
	uint32_t size = 64, count = 0;
	struct message *message;
	char text[64];

	cr_assert_eq(send_text(ends[0], "first"), 0);
	cr_assert_eq(send_text(ends[0], "second"), 0);
	cr_assert_eq(channel_receive(ends[1], &size, &count, CORDON_TIME_POLL, &message), 0);
	channel_put_back(ends[1], message);
	cr_assert_eq(receive(ends[1], text, NULL), 0);
	cr_assert_str_eq(text, "first");
	expect_nothing_left();
}

/* Else a receiver whose buffer is bad could make a sender that waits for room spin. */
Test(channel, S10_a_message_that_is_put_back_takes_its_room_again)
{
	uint32_t size = 64, count = 0;
	struct message *message;
	char text[64];

	for (uint32_t i = 0; i < CORDON_CHANNEL_DEPTH; i++)
		cr_assert_eq(send_text(ends[0], "x"), 0);
	cr_assert_eq(channel_receive(ends[1], &size, &count, CORDON_TIME_POLL, &message), 0);
	cr_assert(signals_of(0) & CORDON_SIGNAL_WRITABLE);
	channel_put_back(ends[1], message);
	cr_assert_eq(signals_of(0) & CORDON_SIGNAL_WRITABLE, 0);
	cr_assert_eq(send_text(ends[0], "x"), -EAGAIN);
	cr_assert_eq(receive(ends[1], text, NULL), 0);
	cr_assert(signals_of(0) & CORDON_SIGNAL_WRITABLE);
	cr_assert_eq(send_text(ends[0], "x"), 0);

	/* The room may have been used meanwhile: then there is one more than fits. */
	cr_assert_eq(channel_receive(ends[1], &size, &count, CORDON_TIME_POLL, &message), 0);
	cr_assert_eq(send_text(ends[0], "x"), 0);
	channel_put_back(ends[1], message);
	cr_assert_eq(receive(ends[1], text, NULL), 0);
	cr_assert_eq(signals_of(0) & CORDON_SIGNAL_WRITABLE, 0);
	cr_assert_eq(receive(ends[1], text, NULL), 0);
	cr_assert(signals_of(0) & CORDON_SIGNAL_WRITABLE);
	expect_nothing_left();
}

Test(channel, what_was_sent_before_the_end_went_can_be_received)
{
	char text[64];

	cr_assert_eq(send_text(ends[0], "last words"), 0);
	handle_close(&ours, handle_of[0]);
	cr_assert_eq(signals_of(1), CORDON_SIGNAL_READABLE | CORDON_SIGNAL_PEER_CLOSED);
	cr_assert_eq(send_text(ends[1], "x"), -EPIPE);
	cr_assert_eq(receive(ends[1], text, NULL), 0);
	cr_assert_str_eq(text, "last words");
	cr_assert_eq(receive(ends[1], text, NULL), -EPIPE);
	expect_nothing_left();
}

/* --- handles ---------------------------------------------------------------------------------- */

static cordon_handle_t thing_add(struct thing *thing, uint32_t rights)
{
	cordon_handle_t handle;

	object_init(&thing->object, &thing_ops);
	cr_assert_eq(handle_add(&ours, &thing->object, rights, &handle), 0);
	object_unref(&thing->object);
	return handle;
}

Test(channel, handles_move_and_never_are_in_two_tables)
{
	static struct thing thing;
	cordon_handle_t handle = thing_add(&thing, CORDON_RIGHTS_ALL), arrived;
	struct object *object;
	char text[64];

	cr_assert_eq(send_handles(ends[0], "take", &handle, 1), 0);
	cr_assert_eq(handle_get(&ours, handle, CORDON_OBJECT_NONE, 0, &object, NULL), -EBADF);
	cr_assert_not(handle_table_holds(&theirs, &thing.object));
	cr_assert_eq(thing.unreachable, 0, "it is on its way");
	cr_assert_eq(receive(ends[1], text, &arrived), 1);
	cr_assert(handle_table_holds(&theirs, &thing.object));
	cr_assert_eq(thing.unreachable, 0);
	handle_close(&theirs, arrived);
	cr_assert_eq(thing.unreachable, 1);
	cr_assert_eq(things_destroyed, 1);
	expect_nothing_left();
}

Test(channel, a_failed_send_leaves_every_handle_where_it_was)
{
	static struct thing thing, stuck;
	cordon_handle_t handles[3];
	struct object *object;

	handles[0] = thing_add(&thing, CORDON_RIGHTS_ALL);
	handles[1] = thing_add(&stuck, CORDON_RIGHT_READ);
	cr_assert_eq(send_handles(ends[0], "x", handles, 2), -EACCES, "no right to transfer");
	handles[1] = handles[0];
	cr_assert_eq(send_handles(ends[0], "x", handles, 2), -EINVAL, "twice");
	cr_assert_eq(handle_get(&ours, handles[0], CORDON_OBJECT_DEVICE, 0, &object, NULL), 0);
	object_unref(object);
	cr_assert_eq(signals_of(1) & CORDON_SIGNAL_READABLE, 0);
	cr_assert_eq(thing.object.handles, 1);
	cr_assert_eq(thing.object.references, 1);
	expect_nothing_left();
}

Test(channel, rights_can_only_be_reduced)
{
	static struct thing thing;
	struct handle_moved moved = {.rights = CORDON_RIGHT_READ | CORDON_RIGHT_WRITE,
	                             .object = &thing.object};

	moved.handle = thing_add(&thing, CORDON_RIGHT_READ | CORDON_RIGHT_TRANSFER);
	cr_assert_eq(handle_take_all(&ours, &moved, 1), -EACCES);
	moved.rights = CORDON_RIGHT_READ;
	cr_assert_eq(handle_take_all(&ours, &moved, 1), 0);
	cr_assert_eq(handle_put_all(&theirs, &moved, 1), 0);
	cr_assert_eq(handle_get(&theirs, moved.handle, CORDON_OBJECT_DEVICE, CORDON_RIGHT_TRANSFER,
	                        &moved.object, NULL),
	             -EACCES);
	expect_nothing_left();
}

Test(channel, a_full_table_takes_none_of_the_handles)
{
	static struct thing things[3];
	struct handle_moved moved[3];

	for (int i = 0; i < 3; i++) {
		moved[i] = (struct handle_moved){.object = &things[i].object};
		moved[i].handle = thing_add(&things[i], CORDON_RIGHTS_ALL);
	}
	cr_assert_eq(handle_take_all(&ours, moved, 3), 0);
	account->limit[CHARGE_HANDLES] = account->used[CHARGE_HANDLES] + 2;
	cr_assert_eq(handle_put_all(&theirs, moved, 3), -EMFILE);
	cr_assert_eq(theirs.used, 0);
	account->limit[CHARGE_HANDLES]++;
	cr_assert_eq(handle_put_all(&theirs, moved, 3), 0);
	cr_assert_eq(theirs.used, 3);
	expect_nothing_left();
}

Test(channel, S8_handles_in_messages_go_with_the_end_where_they_wait)
{
	static struct thing thing;
	cordon_handle_t handle = thing_add(&thing, CORDON_RIGHTS_ALL);

	cr_assert_eq(send_handles(ends[0], "x", &handle, 1), 0);
	handle_close(&ours, handle_of[0]);
	cr_assert_eq(thing.unreachable, 0, "it can still be received");
	handle_close(&ours, handle_of[1]);
	cr_assert_eq(thing.unreachable, 1);
	cr_assert_eq(things_destroyed, 1);
	expect_nothing_left();
}

/* --- ends in messages ------------------------------------------------------------------------- */

Test(channel, ends_can_be_sent)
{
	struct channel *made[2];
	cordon_handle_t handles[2], arrived;
	char text[64];

	channel_of(made, handles);
	cr_assert_eq(send_text(made[0], "hello"), 0);
	cr_assert_eq(send_handles(ends[0], "connect", &handles[1], 1), 0);
	cr_assert_eq(receive(ends[1], text, &arrived), 1);
	cr_assert_eq(receive(made[1], text, NULL), 0);
	cr_assert_str_eq(text, "hello");
	cr_assert_eq(made[1]->in_queue, 0);
	cr_assert_eq(ends[1]->carries, 0);
	expect_nothing_left();
}

Test(channel, S8_no_end_waits_in_its_own_queue)
{
	cr_assert_eq(send_handles(ends[0], "x", &handle_of[1], 1), -ELOOP);
	cr_assert_eq(send_handles(ends[0], "x", &handle_of[0], 1), 0, "the other one may");
	expect_nothing_left();
}

Test(channel, S8_no_ends_wait_in_each_others_queues)
{
	struct channel *made[2];
	cordon_handle_t handles[2];
	char text[64];

	channel_of(made, handles);
	cr_assert_eq(send_handles(ends[0], "x", &handles[1], 1), 0);
	cr_assert_eq(send_handles(made[0], "x", &handle_of[1], 1), -ELOOP, "a circle");
	cr_assert_eq(send_handles(made[0], "x", &handle_of[0], 1), -ELOOP, "made[1] waits itself");
	cr_assert_eq(receive(ends[1], text, handles), 1);
	cr_assert_eq(send_handles(made[0], "x", &handle_of[0], 1), 0);
	expect_nothing_left();
}

/* --- calls ------------------------------------------------------------------------------------ */

static int call_begin(struct channel_call *call, const char *text)
{
	struct message *message = message_create(ends[0], account, (uint32_t)strlen(text), 0);
	int error;

	memcpy(message_bytes(message), text, strlen(text));
	error = channel_send(ends[0], message, &ours, call);
	if (error)
		message_free(message);
	return error;
}

/* Receives a call and answers it. */
static int answer(const char *text, uint64_t *id)
{
	uint32_t size = 64, count = 0;
	struct message *message;

	if (*id == 0) {
		cr_assert_eq(channel_receive(ends[1], &size, &count, CORDON_TIME_POLL, &message),
		             0);
		*id = message->id;
		message_free(message);
	}
	message = message_create(ends[0], account, (uint32_t)strlen(text), 0);
	memcpy(message_bytes(message), text, strlen(text));
	message->id = *id;
	message->answer = true;
	int error = channel_send(ends[1], message, &ours, NULL);
	if (error)
		message_free(message);
	return error;
}

Test(channel, answer_reaches_the_call_and_no_queue)
{
	struct channel_call first = {0}, second = {0};
	struct message *message = NULL;
	uint64_t id = 0;

	cr_assert_eq(call_begin(&first, "?"), 0);
	cr_assert_eq(call_begin(&second, "??"), 0);
	cr_assert_eq(answer("!", &id), 0);
	cr_assert_eq(fake_wakes, 1);
	cr_assert(first.waiting.told);
	cr_assert_not(second.waiting.told);
	cr_assert_eq(channel_call_wait(ends[0], &first, UINT64_MAX, &message), 0);
	cr_assert_eq(message->size, 1);
	message_free(message);
	cr_assert_eq(signals_of(0) & CORDON_SIGNAL_READABLE, 0);
	cr_assert_eq(answer("again", &id), -ENOENT, "answered once");
	cr_assert_eq(channel_call_wait(ends[0], &second, 1, &message), -ETIMEDOUT);
	id = 0;
	cr_assert_eq(answer("late", &id), -ENOENT);
	expect_nothing_left();
}

Test(channel, answer_that_cannot_be_delivered_is_the_next_message)
{
	struct channel_call call = {0};
	struct message *message = NULL;
	uint64_t id = 0;
	char text[64];

	cr_assert_eq(call_begin(&call, "?"), 0);
	cr_assert_eq(answer("!", &id), 0);
	cr_assert_eq(channel_call_wait(ends[0], &call, UINT64_MAX, &message), 0);
	channel_put_back(ends[0], message);
	cr_assert_eq(receive(ends[0], text, NULL), 0);
	cr_assert_str_eq(text, "!");
	expect_nothing_left();
}

Test(channel, call_ends_when_nobody_can_answer)
{
	struct channel_call call = {0};
	struct message *message;

	cr_assert_eq(call_begin(&call, "?"), 0);
	handle_close(&ours, handle_of[1]);
	cr_assert_eq(fake_wakes, 1);
	cr_assert_eq(channel_call_wait(ends[0], &call, UINT64_MAX, &message), -EPIPE);
	cr_assert_eq(call_begin(&call, "?"), -EPIPE);
	expect_nothing_left();
}

/* The caller's own end: the handle is closed by another thread, which cannot end a reference. */
Test(channel, call_ends_when_its_own_end_goes)
{
	struct channel_call call = {0};
	struct message *message;

	cr_assert_eq(call_begin(&call, "?"), 0);
	object_ref(&ends[0]->object);
	handle_close(&ours, handle_of[0]);
	cr_assert_eq(channel_call_wait(ends[0], &call, UINT64_MAX, &message), -ECANCELED);
	object_unref(&ends[0]->object);
	expect_nothing_left();
}

/* --- receiving before there is anything --------------------------------------------------------
 */

/* What others do while a thread waits in channel_receive. */
struct meanwhile {
	const char *text;
	bool close;
	uint32_t signals; /* of the receiving end, right after */
	int sends;        /* how often the hook ran */
};

static void meanwhile(void *context)
{
	struct meanwhile *other = context;

	if (other->sends++ > 0)
		return;
	if (other->close)
		handle_close(&ours, handle_of[0]);
	else
		cr_assert_eq(send_text(ends[0], other->text), 0);
	other->signals = signals_of(1);
}

static int receive_waiting(uint32_t *size, struct message **message)
{
	uint32_t count = 0;

	return channel_receive(ends[1], size, &count, 1, message);
}

Test(channel, message_goes_past_the_queue_to_who_waits_for_it)
{
	struct meanwhile other = {.text = "now"};
	struct message *message;
	uint32_t size = 64;

	fake_on_wait(meanwhile, &other);
	cr_assert_eq(receive_waiting(&size, &message), 0);
	cr_assert_eq(size, 3);
	cr_assert_eq(memcmp(message_bytes(message), "now", 3), 0);
	cr_assert_eq(other.signals & CORDON_SIGNAL_READABLE, 0, "nobody else sees it");
	message_free(message);
	cr_assert_eq(receive_waiting(&size, &message), -ETIMEDOUT);
	cr_assert(list_empty(&ends[1]->receivers), "nobody is left in line");
	expect_nothing_left();
}

Test(channel, who_waits_without_room_is_told_so_and_the_message_stays)
{
	struct meanwhile other = {.text = "four"};
	struct message *message;
	uint32_t size = 3;
	char text[64];

	fake_on_wait(meanwhile, &other);
	cr_assert_eq(receive_waiting(&size, &message), -EMSGSIZE);
	cr_assert_eq(size, 4);
	cr_assert(list_empty(&ends[1]->receivers));
	cr_assert_eq(receive(ends[1], text, NULL), 0);
	cr_assert_str_eq(text, "four");
	expect_nothing_left();
}

Test(channel, who_waits_hears_that_the_other_end_is_gone)
{
	struct meanwhile other = {.close = true};
	struct message *message;
	uint32_t size = 64;

	fake_on_wait(meanwhile, &other);
	cr_assert_eq(receive_waiting(&size, &message), -EPIPE);
	cr_assert(list_empty(&ends[1]->receivers));
	expect_nothing_left();
}

Test(channel, what_a_message_said_does_not_show_in_the_next)
{
	struct message *first = message_create(ends[0], account, 8, 1), *second;

	cr_assert_not_null(first);
	first->id = 5;
	first->answer = true;
	first->handle_count = 0;
	message_free(first);
	second = message_create(ends[1], account, 3, 0);
	cr_assert_eq(second, first, "it is used again");
	cr_assert_eq(second->id, 0);
	cr_assert_not(second->answer);
	cr_assert_null(second->waits_at);
	cr_assert_eq(second->size, 3);
	cr_assert_eq(second->handle_count, 0);
	message_free(second);
	expect_nothing_left();
}

/* --- everything at random --------------------------------------------------------------------- */

/* The number of a handle in one of the first slots; of none, when the slot is free. */
static cordon_handle_t any_handle(struct random *random)
{
	uint32_t index = (uint32_t)random_below(random, 16);

	if (!ours.slots[index].object)
		return CORDON_HANDLE_NONE;
	return (cordon_handle_t)(ours.slots[index].generation << CORDON_HANDLE_INDEX_BITS | index);
}

/* Receives and closes what came. */
static void receive_and_close(struct channel *end)
{
	cordon_handle_t handles[CORDON_MESSAGE_HANDLES] = {0};
	char text[64];
	int count = receive(end, text, handles);

	for (int i = 0; i < count; i++)
		handle_close(&theirs, handles[i]);
}

/* Channels sent over channels in any order: whatever is refused, once all handles are closed
 * nothing is left (expect_nothing_left). */
Test(channel, S8_no_order_of_operations_keeps_an_object_for_ever)
{
	struct random random = {7};
	int refused = 0;

	account->limit[CHARGE_OBJECTS] = 10000;
	for (int round = 0; round < 20000; round++) {
		cordon_handle_t from = any_handle(&random), what = any_handle(&random), made[2];
		struct channel *pair[2];
		struct object *object;

		if (ours.used < 12)
			channel_of(pair, made);
		if (what < 0 ||
		    handle_get(&ours, from, CORDON_OBJECT_CHANNEL, 0, &object, NULL) != 0)
			continue;
		switch (random_below(&random, 8)) {
		case 0:
			receive_and_close(channel_from(object));
			break;
		case 1:
			handle_close(&ours, from);
			break;
		default:
			refused += send_handles(channel_from(object), "x", &what, 1) == -ELOOP;
		}
		object_unref(object);
	}
	cr_assert_gt(refused, 100);
	expect_nothing_left();
}
