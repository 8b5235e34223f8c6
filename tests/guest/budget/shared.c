/* SPDX-License-Identifier: MIT */
/*
 * S10 in a container that two tasks share: each pays for what it maps, the survivor goes on, and a
 * task that ended is charged only for what still stands of it.
 *
 * The test orders two workers about by channels. One opens the device and hands over container,
 * group and device to the other; then it is killed.
 */
#include <cordon/errno.h>
#include <string.h>
#include <tests/guest/support/ledger.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>
#include <tests/guest/vfio/edu.h>

#define PAGE        CORDON_PAGE_SIZE
#define PATIENCE    UINT64_C(20000000000)
#define STRIDE      (UINT64_C(2) << 20) /* what one table of translations covers */
#define FIRST_PLACE UINT64_C(0x1000000000)
#define DMA_BYTES   64u

#define CREATORS   40 /* mappings of who made the container */
#define SURVIVORS  60 /* of the other one, before that ended; and as many after it */
#define HANDED     3  /* handles */
#define BUDGET_MAX 400

/* --- a worker -------------------------------------------------------------------------------- */

enum what { OPEN, TAKE, MAP, UNMAP, TRANSFER };

struct order {
	uint32_t what;
	uint32_t count; /* MAP, UNMAP: pages, a table for each */
	uint32_t first; /* the number of the first place */
};

struct worker_message {
	struct cordon_message message;
	struct cordon_message_handle handles[HANDED];
	union {
		struct order order;
		int64_t result;
	};
};

static struct edu edu;
static cordon_handle_t memory;
static uint8_t *bytes;

static uint64_t place(uint32_t number)
{
	return FIRST_PLACE + number * STRIDE;
}

/* The creator keeps handles of its own to all but the device. */
static int64_t open_device(struct worker_message *answer)
{
	edu_start(&edu);
	answer->handles[2].handle = edu.device;
	answer->message.handle_count = HANDED;
	if (cordon_handle_dup(edu.container, 0, &answer->handles[0].handle) ||
	    cordon_handle_dup(edu.group, 0, &answer->handles[1].handle))
		return -EMFILE;
	return 0;
}

static int64_t take_device(const struct worker_message *request)
{
	struct cordon_region_map map = {.size = 0x100000,
	                                .prot = CORDON_PROT_READ | CORDON_PROT_WRITE};
	int64_t error;

	edu.container = request->handles[0].handle;
	edu.group = request->handles[1].handle;
	edu.device = request->handles[2].handle;
	error = cordon_device_region_map(edu.device, 0, &map);
	edu.registers = (volatile uint8_t *)(uintptr_t)map.address;
	return error;
}

static int64_t map_pages(const struct order *order)
{
	struct cordon_dma_map map = {
	        .memory = memory, .flags = CORDON_DMA_READ | CORDON_DMA_WRITE, .size = PAGE};

	for (uint32_t i = 0; i < order->count; i++) {
		int64_t error;

		map.iova = place(order->first + i);
		error = cordon_container_map(edu.container, &map);
		if (error)
			return error;
	}
	return 0;
}

static int64_t unmap_pages(const struct order *order)
{
	uint64_t unmapped = 0;
	int64_t error = cordon_container_unmap(edu.container, place(order->first),
	                                       order->count * STRIDE, &unmapped);

	return error ? error : (int64_t)(unmapped / PAGE);
}

/* Through a mapping to the device and back through another: what comes back. */
static int64_t transfer(const struct order *order)
{
	for (uint32_t i = 0; i < DMA_BYTES; i++)
		bytes[i] = (uint8_t)(i * 7 + 1);
	edu_fetch(&edu, place(order->first), DMA_BYTES);
	memset(bytes, 0, DMA_BYTES);
	edu_store(&edu, place(order->first + 1), DMA_BYTES);
	for (uint32_t i = 0; i < DMA_BYTES; i++)
		if (bytes[i] != (uint8_t)(i * 7 + 1))
			return -EIO;
	return 0;
}

static int64_t obey(const struct worker_message *request, struct worker_message *answer)
{
	switch (request->order.what) {
	case OPEN:
		return open_device(answer);
	case TAKE:
		return take_device(request);
	case MAP:
		return map_pages(&request->order);
	case UNMAP:
		return unmap_pages(&request->order);
	default:
		return transfer(&request->order);
	}
}

static int worker(void)
{
	cordon_handle_t channel = cordon_handle_named("orders");

	bytes = test_memory(PAGE, 0, &memory);
	for (;;) {
		struct worker_message request = {0}, answer = {0};

		request.message.bytes = (uintptr_t)&request.order;
		request.message.size = sizeof(request.order);
		request.message.handles = (uintptr_t)request.handles;
		request.message.handle_count = HANDED;
		if (cordon_channel_receive(channel, &request.message, CORDON_TIME_FOREVER) < 0)
			return 0;
		answer.result = obey(&request, &answer);
		answer.message.bytes = (uintptr_t)&answer.result;
		answer.message.size = sizeof(answer.result);
		answer.message.handles = (uintptr_t)answer.handles;
		answer.message.id = request.message.id;
		cordon_channel_send(channel, &answer.message);
	}
}

/* --- the test -------------------------------------------------------------------------------- */

struct hand {
	cordon_handle_t task;
	cordon_handle_t channel;
};

static void hand_start(struct hand *hand)
{
	struct child child = {.arguments = {"worker"}, .budget = {.mappings = BUDGET_MAX}};
	cordon_handle_t ends[2];

	if (cordon_channel_create(ends) < 0)
		tap_bail("no channel");
	hand->channel = ends[0];
	child.gives[0].handle = ends[1];
	child.gives[0].name = "orders";
	child.gives[1].handle = test_authority();
	child.gives[1].name = "authority";
	if (child_start(&child, &hand->task) < 0)
		tap_bail("no worker");
	cordon_handle_close(ends[1]);
}

/* Gives an order, with handles if any, and waits for its result; handles that come back replace
 * those. */
static int64_t tell(const struct hand *hand, struct order order,
                    struct cordon_message_handle handles[HANDED], uint32_t count)
{
	struct cordon_message_handle back[HANDED] = {{0}};
	struct cordon_message request = {.bytes = (uintptr_t)&order,
	                                 .size = sizeof(order),
	                                 .handles = (uintptr_t)handles,
	                                 .handle_count = count};
	int64_t result = 0;
	struct cordon_message reply = {.bytes = (uintptr_t)&result,
	                               .size = sizeof(result),
	                               .handles = (uintptr_t)back,
	                               .handle_count = HANDED};
	int64_t error = cordon_channel_call(hand->channel, &request, &reply,
	                                    cordon_now() + PATIENCE);

	if (error < 0)
		tap_bail("a worker does not answer: %s", cordon_strerror((int)error));
	for (uint32_t i = 0; handles && i < reply.handle_count; i++)
		handles[i] = (struct cordon_message_handle){.handle = back[i].handle};
	return result;
}

static int64_t order(const struct hand *hand, enum what what, uint32_t first, uint32_t count)
{
	return tell(hand, (struct order){what, count, first}, NULL, 0);
}

static struct cordon_task_info info_of(cordon_handle_t task)
{
	struct cordon_task_info info;

	if (cordon_task_info(task, &info) < 0)
		tap_bail("no information on a task");
	return info;
}

/* Whether the use of a task is the same in all that a mapping takes. */
static bool same_use(const struct cordon_task_info *a, const struct cordon_task_info *b)
{
	return a->kernel == b->kernel && a->mappings == b->mappings && a->frames == b->frames &&
	       a->objects == b->objects;
}

static void test_both_live(const struct hand *creator, const struct hand *survivor)
{
	struct cordon_task_info creator_before, before = info_of(survivor->task), now;

	tap_is(order(creator, MAP, 0, CREATORS), 0, "who made the container maps in it");
	creator_before = info_of(creator->task);
	now = info_of(survivor->task);
	tap_ok(same_use(&before, &now), "S10: the other one is not charged for that");
	tap_is(order(survivor, MAP, CREATORS, SURVIVORS), 0, "the other one maps in it, too");
	now = info_of(creator->task);
	tap_ok(same_use(&creator_before, &now), "S10: who made it is not charged for that");
	now = info_of(survivor->task);
	tap_is(now.mappings - before.mappings, SURVIVORS, "S10: who maps is, for the mappings");
	tap_ok(now.kernel - before.kernel >= SURVIVORS * PAGE, "S10: and for their tables");
	tap_is(order(survivor, TRANSFER, CREATORS, 0), 0, "the device uses them");
	tap_is(order(survivor, MAP, 1000, BUDGET_MAX), -ENOSPC, "S10: its own budget ends that");
	now = info_of(creator->task);
	tap_ok(same_use(&creator_before, &now), "S10: and only that");
	now = info_of(survivor->task);
	tap_is(order(creator, UNMAP, 1000, BUDGET_MAX), now.mappings - before.mappings - SURVIVORS,
	       "S10: who made it can unmap what the other one mapped");
	now = info_of(survivor->task);
	tap_is(now.mappings - before.mappings, SURVIVORS, "S10: which is not charged any more");
}

static void test_one_survives(const struct hand *creator, const struct hand *survivor)
{
	struct cordon_task_info self, dead, before, now;

	cordon_task_kill(creator->task, 0);
	child_wait(creator->task);
	self = info_of(CORDON_HANDLE_NONE);
	dead = info_of(creator->task);
	before = info_of(survivor->task);
	tap_is(dead.mappings, CREATORS, "S10: a task that ended pays for what stands of it");
	tap_is(self.lent.mappings, BUDGET_MAX + CREATORS, "S10: its creator has all else again");
	tap_is(order(survivor, MAP, 500, SURVIVORS), 0, "S10: the survivor goes on mapping");
	now = info_of(survivor->task);
	tap_is(now.mappings - before.mappings, SURVIVORS, "S10: at its own expense");
	now = info_of(creator->task);
	/* Its last thread may just be leaving. */
	tap_ok(now.mappings == dead.mappings && now.kernel <= dead.kernel,
	       "S10: and not at that of the dead");
	tap_is(order(survivor, TRANSFER, 500, 0), 0, "S10: so that the device uses what it mapped");
	tap_is(order(survivor, UNMAP, 0, CREATORS), CREATORS, "it unmaps what the other one left");
	now = info_of(CORDON_HANDLE_NONE);
	tap_is(now.lent.mappings, BUDGET_MAX, "S10: whose creator has that at once");
	tap_is(order(survivor, UNMAP, 0, 2000), 2 * SURVIVORS, "S10: and the rest");
	now = info_of(survivor->task);
	tap_ok(before.kernel - now.kernel >= SURVIVORS * PAGE && now.mappings < SURVIVORS,
	       "S10: nothing is kept at its expense");
}

static void test_sharing(void)
{
	struct cordon_message_handle handles[HANDED] = {{0}};
	struct hand creator, survivor;

	hand_start(&creator);
	hand_start(&survivor);
	if (tell(&creator, (struct order){.what = OPEN}, handles, 0) < 0 ||
	    tell(&survivor, (struct order){.what = TAKE}, handles, HANDED) < 0)
		tap_bail("the device is not shared");
	test_both_live(&creator, &survivor);
	test_one_survives(&creator, &survivor);
	cordon_handle_close(creator.task);
	cordon_handle_close(creator.channel);
	cordon_handle_close(survivor.channel);
	tap_is(child_wait(survivor.task).code, 0, "the survivor ends");
	cordon_handle_close(survivor.task);
}

int main(int argc, char **argv)
{
	static struct ledger before;

	if (argc > 1 && strcmp(argv[1], "worker") == 0)
		return worker();
	test_sharing(); /* what is made once is there now */
	ledger_take_at_rest(&before);
	test_sharing();
	tap_ok(ledger_settles(&before, true), "S10: everything is back");
	return tap_done();
}
