/* SPDX-License-Identifier: MIT */
#include <cordon/errno.h>
#include <pthread.h>
#include <string.h>
#include <tests/guest/budget/hoard.h>
#include <tests/guest/support/support.h>

#define PAGE       UINT64_C(4096)
#define MS         UINT64_C(1000000)
#define READ_WRITE (CORDON_PROT_READ | CORDON_PROT_WRITE)

/* --- one kind each --------------------------------------------------------------------------- */

static int64_t take_frames(void)
{
	cordon_handle_t handle;
	int64_t error;

	while ((error = cordon_memory_create(PAGE, 0, &handle)) == 0)
		;
	return error;
}

/* Each page in a part of the address space of its own: two tables for each. */
static int64_t take_page_tables(void)
{
	cordon_handle_t handle;
	int64_t error = cordon_memory_create(PAGE, 0, &handle);

	for (uint64_t i = 1; error == 0; i++) {
		struct cordon_memory_map map = {.address = i << 30,
		                                .size = PAGE,
		                                .prot = CORDON_PROT_READ,
		                                .flags = CORDON_MAP_FIXED};

		error = cordon_memory_map(handle, &map);
		if (error == -EEXIST)
			error = 0;
	}
	return error;
}

/* Messages that nobody receives, in one channel after the other. */
static int64_t take_messages(void)
{
	static char bytes[1024];
	cordon_handle_t ends[2];
	int64_t error;

	while ((error = cordon_channel_create(ends)) == 0) {
		struct cordon_message message = {.bytes = (uintptr_t)bytes, .size = sizeof(bytes)};

		while ((error = cordon_channel_send(ends[0], &message)) == 0)
			;
		if (error != -EAGAIN)
			break;
	}
	return error;
}

static int64_t take_handles(void)
{
	cordon_handle_t handle;
	int64_t error;

	while ((error = cordon_handle_dup(CORDON_STDOUT, 0, &handle)) == 0)
		;
	return error;
}

static void *sleeper(void *argument)
{
	cordon_clock_sleep(CORDON_TIME_FOREVER);
	return argument;
}

/* pthread_create says EAGAIN for what the call says as ENOMEM. */
static int64_t take_threads(void)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int error;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 16384);
	while ((error = pthread_create(&thread, &attributes, sleeper, NULL)) == 0)
		;
	return -error;
}

static int64_t take_mappings(void)
{
	cordon_handle_t handle;
	int64_t error = cordon_memory_create(PAGE, 0, &handle);

	while (error == 0) {
		struct cordon_memory_map map = {.size = PAGE, .prot = CORDON_PROT_READ};

		error = cordon_memory_map(handle, &map);
	}
	return error;
}

static int64_t take_objects(void)
{
	cordon_handle_t handle;
	int64_t error;

	while ((error = cordon_event_create(0, &handle)) == 0)
		;
	return error;
}

const struct hoard hoards[] = {
        {"frames", take_frames, -ENOMEM, {.frames = 900}, "refused.frames"},
        {"kernel memory, for page tables",
         take_page_tables,
         -ENOMEM,
         {.kernel = 512 * 1024},
         "refused.kernel"},
        {"kernel memory, for messages",
         take_messages,
         -ENOMEM,
         {.kernel = 512 * 1024},
         "refused.kernel"},
        {"handles", take_handles, -EMFILE, {.handles = 100}, "refused.handles"},
        {"threads", take_threads, -EAGAIN, {.threads = 20}, "refused.threads"},
        {"mappings", take_mappings, -ENOMEM, {.mappings = 150}, "refused.mappings"},
        {"objects", take_objects, -ENOMEM, {.objects = 70}, "refused.objects"},
};
const unsigned int hoard_count = sizeof(hoards) / sizeof(hoards[0]);

static void await_stop(void)
{
	struct cordon_wait item = {.handle = cordon_handle_named(HOARD_STOP),
	                           .signals = CORDON_SIGNAL_READABLE};

	cordon_object_wait(&item, 1, CORDON_TIME_FOREVER);
}

int hoard_child(const char *name)
{
	for (unsigned int i = 0; i < hoard_count; i++) {
		if (strcmp(hoards[i].name, name) != 0)
			continue;
		if (hoards[i].take() != hoards[i].error)
			return 1;
		cordon_event_signal(cordon_handle_named(HOARD_FULL), 1);
		await_stop();
		return 0;
	}
	return 2;
}

/* --- loops ----------------------------------------------------------------------------------- */

static void *spin(void *argument)
{
	for (volatile uint64_t i = 0;; i++)
		;
	return argument;
}

int spinner_child(void)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 16384);
	while (pthread_create(&thread, &attributes, spin, NULL) == 0)
		;
	cordon_event_signal(cordon_handle_named(HOARD_FULL), 1);
	spin(NULL);
	return 1;
}

/* Whether the budget still allows to look for the program: who has less does not even begin. */
static bool can_start(void)
{
	struct cordon_memory_map map = {.prot = CORDON_PROT_READ};
	struct cordon_memory_info info;

	if (cordon_memory_info(test_initramfs(), &info) < 0)
		return false;
	map.size = info.size;
	return cordon_memory_map(test_initramfs(), &map) == 0 &&
	       cordon_memory_unmap(map.address, map.size) == 0;
}

int bomb_child(void)
{
	const struct child again = {
	        .arguments = {"bomb"},
	        .gives = {{test_initramfs(), "initramfs", 0},
	                  {cordon_handle_named("count"), "count", 0},
	                  {cordon_handle_named(HOARD_STOP), HOARD_STOP, 0}},
	};
	cordon_handle_t task;

	cordon_event_signal(cordon_handle_named("count"), 1);
	while (can_start() && child_start(&again, &task) == 0)
		;
	await_stop();
	return 0;
}

/* --- the bystander --------------------------------------------------------------------------- */

static void *nothing(void *argument)
{
	return argument;
}

static bool work_round(cordon_handle_t event)
{
	struct cordon_memory_map map = {.size = 4 * PAGE, .prot = READ_WRITE};
	struct cordon_wait item = {.handle = event, .signals = CORDON_SIGNAL_READABLE};
	cordon_handle_t memory;
	pthread_t thread;
	uint64_t count;
	bool ok = cordon_memory_create(map.size, 0, &memory) == 0 &&
	          cordon_memory_map(memory, &map) == 0;

	if (!ok)
		return false;
	memset((void *)(uintptr_t)map.address, 1, map.size);
	ok = cordon_memory_unmap(map.address, map.size) == 0 && cordon_handle_close(memory) == 0;
	ok = ok && cordon_object_wait(&item, 1, cordon_now() + MS / 10) == -ETIMEDOUT;
	ok = ok && cordon_event_signal(event, 1) == 0 && cordon_event_take(event, &count) == 0;
	ok = ok && pthread_create(&thread, NULL, nothing, NULL) == 0;
	return ok && pthread_join(thread, NULL) == 0;
}

int bystander_child(void)
{
	struct cordon_wait stop = {.handle = cordon_handle_named(HOARD_STOP),
	                           .signals = CORDON_SIGNAL_READABLE};
	cordon_handle_t event;

	if (cordon_event_create(0, &event) != 0)
		return 1;
	while (cordon_object_wait(&stop, 1, CORDON_TIME_POLL) < 0) {
		if (!work_round(event))
			return 2;
		cordon_event_signal(cordon_handle_named("beats"), 1);
	}
	return 0;
}
