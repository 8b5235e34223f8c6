/* SPDX-License-Identifier: MIT */
/*
 * Fault injection over the life of everything that a task can make the kernel do: each allocation,
 * charge and slot fails once. Nothing may be left behind, no error is an undocumented one, and a
 * mapping that failed reaches nothing.
 *
 * Arguments: names of scenarios, none for all but nvme; /NUMBER: only every so many operations.
 */
#include <cordon/errno.h>
#include <stdlib.h>
#include <string.h>
#include <tests/guest/inject/devices.h>
#include <tests/guest/inject/objects.h>
#include <tests/guest/inject/sweep.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>
#include <vfio/device.h>

#define HOLD_ODD   200 /* the child's code for an error that is not documented */
#define POOL_BYTES UINT64_C(0x10000)

/* --- a task that is killed while it holds all of it ------------------------------------------ */

static int child_hold(void)
{
	struct cordon_wait go = {.handle = cordon_handle_named("go"),
	                         .signals = CORDON_SIGNAL_READABLE};
	struct life life;
	int64_t result;

	devices_start();
	cordon_event_signal(cordon_handle_named("ready"), 1);
	cordon_object_wait(&go, 1, CORDON_TIME_FOREVER);
	result = life_begin(&life);
	if (!result)
		result = life_use(&life);
	if (result == -ENOMEM || result == -ENOSPC || result == -EMFILE)
		return (int)-result;
	if (result)
		return HOLD_ODD;
	cordon_event_signal(cordon_handle_named("ready"), 1);
	cordon_clock_sleep(CORDON_TIME_FOREVER);
	return HOLD_ODD;
}

/* Waits until the child says that it is ready, or ended. */
static void wait_for(cordon_handle_t ready, cordon_handle_t task)
{
	uint64_t count;
	struct cordon_wait items[] = {
	        {.handle = ready, .signals = CORDON_SIGNAL_READABLE},
	        {.handle = task, .signals = CORDON_SIGNAL_TERMINATED},
	};

	if (cordon_object_wait(items, 2, cordon_now() + UINT64_C(20000000000)) < 0)
		tap_bail("the child neither ended nor got ready");
	cordon_event_take(ready, &count);
}

static int64_t life_killed(void)
{
	struct child child = {.arguments = {"hold"}};
	struct cordon_handle_info identity;
	struct cordon_task_info info;
	cordon_handle_t go, ready, task;

	if (cordon_event_create(0, &go) || cordon_event_create(0, &ready))
		tap_bail("no event");
	child.gives[0].handle = go;
	child.gives[0].name = "go";
	child.gives[1].handle = ready;
	child.gives[1].name = "ready";
	child.gives[2].handle = test_authority();
	child.gives[2].name = "authority";
	if (child_start(&child, &task) || cordon_handle_info(task, &identity))
		tap_bail("the child cannot be started");
	wait_for(ready, task);
	sweep_arm(identity.id);
	cordon_event_signal(go, 1);
	wait_for(ready, task);
	cordon_task_kill(task, 0);
	info = child_wait(task);
	sweep_disarm();
	cordon_handle_close(task);
	cordon_handle_close(ready);
	cordon_handle_close(go);
	if (info.cause == CORDON_CAUSE_KILL)
		return 0;
	if (info.cause != CORDON_CAUSE_EXIT)
		tap_bail("the child ended by cause %u, code %lld", (unsigned int)info.cause,
		         (long long)info.code);
	return MAY(-info.code, ENOMEM, info.code == EMFILE ? EMFILE : ENOSPC);
}

/* --- the library ----------------------------------------------------------------------------- */

static int64_t library(struct vfio_match match)
{
	static struct vfio_device device;
	const struct vfio_open_params params = {
	        .match = match,
	        .container = CORDON_HANDLE_NONE,
	        .group = CORDON_HANDLE_NONE,
	        .authority = test_authority(),
	        .dma_size = POOL_BYTES,
	};
	int64_t result = vfio_device_open(&params, &device);

	if (result == -EMFILE)
		MAY(result, EMFILE, 0);
	else
		MAY(result, ENOMEM, ENOSPC);
	if (!result && vfio_device_close(&device))
		tap_bail("a device cannot be closed");
	return result;
}

static int64_t library_edu(void)
{
	return library(vfio_match_id(EDU_VENDOR, EDU_DEVICE));
}

static int64_t library_nvme(void)
{
	return library(vfio_match_class(NVME_CLASS));
}

/* --- all of it ------------------------------------------------------------------------------- */

static const struct scenario scenarios[] = {
        {"memory", objects_memory, false}, {"event", objects_event, false},
        {"thread", objects_thread, false}, {"task", objects_task, false},
        {"devices", devices_life, false},  {"killed", life_killed, true},
        {"library", library_edu, false},   {"nvme", library_nvme, false},
};

static bool is_wanted(const char *name, int argc, char **argv)
{
	bool named = false, found = false;

	for (int i = 1; i < argc; i++) {
		named |= argv[i][0] != '/';
		found |= strcmp(argv[i], name) == 0;
	}
	return named ? found : strcmp(name, "nvme") != 0;
}

static uint64_t step_of(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (argv[i][0] == '/' && atoi(argv[i] + 1) > 0)
			return (uint64_t)atoi(argv[i] + 1);
	return 1;
}

int main(int argc, char **argv)
{
	bool devices = false;

	if (argc > 1 && strcmp(argv[1], "exit") == 0)
		return CHILD_CODE;
	if (argc > 1 && strcmp(argv[1], "hold") == 0)
		return child_hold();
	sweep_self();
	devices_start();
	devices_trust(); /* or edu could be opened once only */
	objects_task();  /* it maps the archive once */
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		if (!is_wanted(scenarios[i].name, argc, argv))
			continue;
		devices |= scenarios[i].run == devices_life;
		sweep(&scenarios[i], step_of(argc, argv));
	}
	if (devices) {
		tap_is(devices_wrong, 0,
		       "S2: what a failed map named is reached by no DMA, and by "
		       "DMA once it is mapped");
		tap_is(devices_right, DEVICES_MAPS, "and that was tried for each kind of map");
	}
	return tap_done();
}
