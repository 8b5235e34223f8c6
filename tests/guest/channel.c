/* SPDX-License-Identifier: MIT */
/* Channels between tasks: messages, handles on their way, calls, and ends that go. */
#include <cordon/errno.h>
#include <stdio.h>
#include <string.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>
#include <tests/guest/vfio/edu.h>

#define PAGE      4096u
#define SECOND_NS UINT64_C(1000000000)
#define ROUNDS    200

/* --- plain forms of the calls ----------------------------------------------------------------- */

static int64_t send(cordon_handle_t channel, const void *bytes, uint32_t size,
                    const struct cordon_message_handle *handles, uint32_t count)
{
	const struct cordon_message message = {
	        .bytes = (uintptr_t)bytes,
	        .size = size,
	        .handles = (uintptr_t)handles,
	        .handle_count = count,
	};

	return cordon_channel_send(channel, &message);
}

static int64_t answer(cordon_handle_t channel, uint64_t id, const void *bytes, uint32_t size)
{
	const struct cordon_message message = {.bytes = (uintptr_t)bytes, .size = size, .id = id};

	return cordon_channel_send(channel, &message);
}

/* A message with room for what these tests send. */
struct received {
	struct cordon_message message;
	struct cordon_message_handle handles[4];
	char bytes[64];
};

static struct cordon_message *room(struct received *received)
{
	memset(received, 0, sizeof(*received));
	received->message = (struct cordon_message){
	        .bytes = (uintptr_t)received->bytes,
	        .size = sizeof(received->bytes),
	        .handles = (uintptr_t)received->handles,
	        .handle_count = 4,
	};
	return &received->message;
}

static int64_t receive(cordon_handle_t channel, struct received *received)
{
	return cordon_channel_receive(channel, room(received), cordon_now() + 20 * SECOND_NS);
}

static int64_t call(cordon_handle_t channel, const char *text, struct received *received,
                    uint64_t deadline)
{
	const struct cordon_message request = {.bytes = (uintptr_t)text,
	                                       .size = (uint32_t)strlen(text) + 1};

	return cordon_channel_call(channel, &request, room(received), deadline);
}

static void channel_pair(cordon_handle_t ends[2])
{
	if (cordon_channel_create(ends) < 0)
		tap_bail("no channel");
}

/* --- the other task: answers until its channel is closed -------------------------------------- */

static int try_memory(const struct cordon_message_handle *moved)
{
	struct cordon_memory_map map = {.size = PAGE, .prot = CORDON_PROT_READ};
	int64_t error = cordon_memory_map(moved->handle, &map);

	if (error || strcmp((const char *)(uintptr_t)map.address, "shared") != 0)
		return 1;
	map = (struct cordon_memory_map){.size = PAGE,
	                                 .prot = CORDON_PROT_READ | CORDON_PROT_WRITE};
	return cordon_memory_map(moved->handle, &map) == -EACCES ? 0 : 2;
}

static int serve(void)
{
	cordon_handle_t channel = cordon_handle_named("channel");
	struct received got;
	int64_t error;

	while ((error = receive(channel, &got)) == 0) {
		if (strcmp(got.bytes, "exit") == 0)
			return 7;
		if (strcmp(got.bytes, "hang") == 0)
			cordon_clock_sleep(CORDON_TIME_FOREVER);
		if (strcmp(got.bytes, "memory") == 0)
			got.bytes[0] = (char)('0' + try_memory(&got.handles[0]));
		if (strcmp(got.bytes, "late") == 0) {
			test_sleep_ms(100);
			error = answer(channel, got.message.id, "too late", 9);
			send(channel, error == -ENOENT ? "refused" : "taken", 8, NULL, 0);
			continue;
		}
		answer(channel, got.message.id, got.bytes, got.message.size);
	}
	return error == -EPIPE ? 0 : 1;
}

static cordon_handle_t server_start(cordon_handle_t *channel)
{
	cordon_handle_t ends[2], task;

	channel_pair(ends);
	if (child_start(&(struct child){.arguments = {"serve"}, .gives = {{ends[1], "channel", 0}}},
	                &task) < 0)
		tap_bail("no child");
	cordon_handle_close(ends[1]);
	*channel = ends[0];
	return task;
}

static void server_end(cordon_handle_t task, cordon_handle_t channel, int64_t code)
{
	struct cordon_task_info info;

	cordon_handle_close(channel);
	info = child_wait(task);
	tap_ok(info.cause == CORDON_CAUSE_EXIT && info.code == code, "the other task ends");
	cordon_handle_close(task);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void test_calls(void)
{
	struct received got;
	cordon_handle_t channel, task = server_start(&channel);
	bool same = true;
	char text[32];

	for (int i = 0; i < ROUNDS && same; i++) {
		snprintf(text, sizeof(text), "request %d", i);
		same = call(channel, text, &got, CORDON_TIME_FOREVER) == 0 &&
		       strcmp(got.bytes, text) == 0 && got.message.size == strlen(text) + 1 &&
		       got.message.id == 0;
	}
	tap_ok(same, "%d calls to another task are answered with what they asked", ROUNDS);
	server_end(task, channel, 0);
}

static void test_deadline(void)
{
	struct received got;
	cordon_handle_t channel, task = server_start(&channel);
	uint64_t before = cordon_now();

	tap_is(call(channel, "late", &got, before + SECOND_NS / 50), -ETIMEDOUT,
	       "a call ends at its deadline");
	tap_ok(cordon_now() - before >= SECOND_NS / 50, "and not before");
	tap_is(receive(channel, &got), 0, "the channel can be used after that");
	tap_ok(strcmp(got.bytes, "refused") == 0, "and the late answer was refused to its sender");
	server_end(task, channel, 0);
}

static void test_peer_ends(void)
{
	struct received got;
	cordon_handle_t channel, task = server_start(&channel);
	struct cordon_wait item = {.handle = channel, .signals = CORDON_SIGNAL_PEER_CLOSED};

	tap_is(call(channel, "exit", &got, CORDON_TIME_FOREVER), -EPIPE,
	       "a call to a task that ends is EPIPE");
	item.handle = channel;
	tap_is(cordon_object_wait(&item, 1, cordon_now() + SECOND_NS), 1, "PEER_CLOSED is raised");
	tap_is(send(channel, "x", 1, NULL, 0), -EPIPE, "nothing can be sent");
	tap_is(receive(channel, &got), -EPIPE, "nor received");
	server_end(task, channel, 7);
}

static void test_handles(void)
{
	struct cordon_message_handle moved = {.rights = CORDON_RIGHT_READ | CORDON_RIGHT_MAP};
	struct cordon_message request = {.bytes = (uintptr_t) "memory",
	                                 .size = 7,
	                                 .handles = (uintptr_t)&moved,
	                                 .handle_count = 1};
	struct cordon_handle_info info;
	struct received got;
	cordon_handle_t channel, task = server_start(&channel);
	char *page = test_memory(PAGE, 0, &moved.handle);

	strcpy(page, "shared");
	tap_is(cordon_channel_call(channel, &request, room(&got), CORDON_TIME_FOREVER), 0,
	       "a memory object moves with the message");
	tap_is(cordon_handle_info(moved.handle, &info), -EBADF, "the sender has it no more");
	tap_is(got.bytes[0], '0', "the receiver can read it, and only that: rights were reduced");
	server_end(task, channel, 0);
}

/* Request and answer in one place, as a task would write it that passes a handle to and fro. */
static void test_same_place(void)
{
	struct cordon_message_handle moved = {0};
	char text[8] = "echo";
	struct cordon_message both = {.bytes = (uintptr_t)text,
	                              .size = sizeof(text),
	                              .handles = (uintptr_t)&moved,
	                              .handle_count = 1};
	struct cordon_handle_info info;
	cordon_handle_t event, channel, task = server_start(&channel);

	cordon_event_create(0, &event);
	moved.handle = event;
	tap_is(cordon_channel_call(channel, &both, &both, CORDON_TIME_FOREVER), 0,
	       "request and answer may have the same place");
	tap_ok(strcmp(text, "echo") == 0 && both.handle_count == 0, "and the answer is there");
	tap_is(cordon_handle_info(event, &info), -EBADF, "the handle moved");
	server_end(task, channel, 0);
}

static void test_bounds(void)
{
	static char large[CORDON_MESSAGE_BYTES + 1];
	struct received got;
	cordon_handle_t ends[2];
	int64_t error;
	uint32_t count = 0;

	channel_pair(ends);
	while ((error = send(ends[0], "x", 1, NULL, 0)) == 0)
		count++;
	tap_ok(error == -EAGAIN && count == CORDON_CHANNEL_DEPTH, "S10: %u messages wait at most",
	       CORDON_CHANNEL_DEPTH);
	tap_is(receive(ends[1], &got), 0, "one is received");
	tap_is(send(ends[0], "x", 1, NULL, 0), 0, "and one more can be sent");
	tap_is(send(ends[0], large, sizeof(large), NULL, 0), -EMSGSIZE, "a message too large");
	cordon_handle_close(ends[0]);
	cordon_handle_close(ends[1]);
	channel_pair(ends);
	memset(large, 'x', sizeof(large));
	tap_is(send(ends[0], large, CORDON_MESSAGE_BYTES, NULL, 0), 0, "the largest message");
	tap_is(receive(ends[1], &got), -EMSGSIZE, "does not fit into less room");
	tap_is(got.message.size, CORDON_MESSAGE_BYTES, "and the room that it needs is told");
	got.message.bytes = (uintptr_t)large;
	tap_is(cordon_channel_receive(ends[1], &got.message, CORDON_TIME_POLL), 0,
	       "it is received then");
	tap_is(cordon_channel_receive(ends[1], room(&got), CORDON_TIME_POLL), -EAGAIN,
	       "and nothing more");
	tap_is(cordon_channel_receive(ends[1], room(&got), cordon_now() + 1000000), -ETIMEDOUT,
	       "nor until a deadline");
	cordon_handle_close(ends[0]);
	cordon_handle_close(ends[1]);
}

/* A receiver with a bad buffer must not make a sender that waits for room spin. */
static void test_put_back(void)
{
	struct cordon_message bad = {.bytes = 8, .size = 8};
	struct cordon_wait room_at;
	cordon_handle_t ends[2];

	channel_pair(ends);
	while (send(ends[0], "x", 1, NULL, 0) == 0)
		;
	tap_is(cordon_channel_receive(ends[1], &bad, CORDON_TIME_POLL), -EFAULT,
	       "receive from a full queue: bytes at a bad address");
	room_at = (struct cordon_wait){.handle = ends[0], .signals = CORDON_SIGNAL_WRITABLE};
	tap_is(cordon_object_wait(&room_at, 1, CORDON_TIME_POLL), -ETIMEDOUT,
	       "a message that was put back takes its room again");
	cordon_handle_close(ends[0]);
	cordon_handle_close(ends[1]);
}

static void test_bad_arguments(void)
{
	struct cordon_message_handle moved = {.handle = CORDON_STDOUT, .reserved = 1};
	struct cordon_message bad = {.bytes = 8, .size = 8};
	struct received got;
	cordon_handle_t ends[2];

	channel_pair(ends);
	tap_is(cordon_channel_create((cordon_handle_t *)8), -EFAULT, "create: a bad address");
	tap_is(cordon_channel_send(ends[0], (struct cordon_message *)8), -EFAULT,
	       "send: a bad address");
	tap_is(cordon_channel_send(ends[0], &bad), -EFAULT, "send: bytes at a bad address");
	tap_is(cordon_channel_send(CORDON_STDOUT, &bad), -EBADF, "send: no channel");
	tap_is(send(ends[0], NULL, 0, &moved, 1), -EINVAL, "send: reserved not zero");
	moved.reserved = 0;
	moved.handle = 4000;
	tap_is(send(ends[0], NULL, 0, &moved, 1), -EBADF, "send: a handle that is none");
	tap_is(send(ends[0], NULL, 0, (void *)8, 1), -EFAULT, "send: handles at a bad address");
	tap_is(send(ends[0], NULL, 0, &moved, 17), -EMSGSIZE, "send: too many handles");
	tap_is(answer(ends[0], 1, "x", 1), -ENOENT, "send: an answer that nobody waits for");
	tap_is(send(ends[0], "still here", 11, NULL, 0), 0, "after all that a good message");
	bad.size = 64;
	tap_is(cordon_channel_receive(ends[1], &bad, CORDON_TIME_POLL), -EFAULT,
	       "receive: bytes at a bad address");
	tap_is(cordon_channel_receive(ends[1], (struct cordon_message *)8, CORDON_TIME_POLL),
	       -EFAULT, "receive: a bad address");
	tap_is(receive(ends[1], &got), 0, "the message was not lost");
	tap_ok(strcmp(got.bytes, "still here") == 0, "and is whole");
	moved.handle = ends[1];
	tap_is(send(ends[0], NULL, 0, &moved, 1), -ELOOP, "send: an end into its own queue");
	cordon_handle_close(ends[0]);
	cordon_handle_close(ends[1]);
}

/* A device whose only handle waits at a task that is killed, or ends, is free again. */
static void test_device_on_its_way(void)
{
	struct cordon_message_handle moved = {0};
	cordon_handle_t channel, task, again;
	struct edu edu;

	if (!test_hands_out_devices()) {
		tap_skip("without an IOMMU no device is handed out", "S8: a device in a message");
		return;
	}
	edu_start(&edu);
	task = server_start(&channel);
	send(channel, "hang", 5, NULL, 0);
	moved.handle = edu.device;
	tap_is(send(channel, NULL, 0, &moved, 1), 0, "S8: a device is sent to a task that hangs");
	tap_is(cordon_group_device(edu.group, edu.bdf, &again), -EBUSY, "S8: it is in use");
	cordon_task_kill(task, 0);
	child_wait(task);
	tap_is(cordon_group_device(edu.group, edu.bdf, &again), 0,
	       "S8: when the task is killed, the device in the message is free");
	edu.device = again;
	tap_is(edu_command(&edu) & EDU_COMMAND_MASTER, 0, "S8: and bus mastering was off");
	cordon_handle_close(task);
	cordon_handle_close(channel);
	edu_stop(&edu);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "serve") == 0)
		return serve();
	test_calls();
	test_deadline();
	test_peer_ends();
	test_handles();
	test_same_place();
	test_bounds();
	test_put_back();
	test_bad_arguments();
	test_device_on_its_way();
	return tap_done();
}
