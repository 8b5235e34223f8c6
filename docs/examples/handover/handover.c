/* SPDX-License-Identifier: MIT */
/*
 * Opens the educational device and hands it, with its container, to a worker that it starts. The
 * worker copies by DMA on request; killed in the middle of that, it leaves the device to us.
 *
 *	cordon-run handover.c --with worker.c
 *	make run TASK=docs/examples/handover/handover.c WITH=docs/examples/handover/worker.c
 */
#include <stdio.h>
#include <string.h>

#include <cordon/manifest.h>
#include <cordon/program.h>
#include <vfio/device.h>

CORDON_MANIFEST("group id=1234:11e8 reset=trusted\n"
                "initramfs");

#define SECOND   UINT64_C(1000000000)
#define LIVENESS 0x04 /* in BAR 0: reads as the inverse of what was written */

static int fail(const char *what, int64_t error)
{
	printf("handover: %s: %s\n", what, cordon_strerror(error));
	return 1;
}

/* Starts the worker with one end of a channel; *end is the other one. */
static int64_t start(cordon_handle_t *end, cordon_handle_t *task)
{
	struct cordon_spawn_handle give = {.flags = CORDON_SPAWN_MOVE, .name = "work"};
	cordon_handle_t ends[2];
	int64_t error = cordon_channel_create(ends);

	if (error)
		return error;
	*end = ends[0];
	give.handle = ends[1];
	return cordon_program_start("/bin/worker", NULL, &give, 1, NULL, task);
}

/* Sends second handles to the container and the device, because those that are sent are gone. */
static int64_t hand_over(const struct vfio_device *device, cordon_handle_t end)
{
	struct cordon_message_handle handles[2] = {{0}};
	struct cordon_message message = {.handles = (uintptr_t)handles, .handle_count = 2};
	int64_t error = cordon_handle_dup(device->container, 0, &handles[0].handle);

	if (!error)
		error = cordon_handle_dup(device->device, 0, &handles[1].handle);
	return error ? error : cordon_channel_send(end, &message);
}

/* Asks the worker for something; text: its answer. */
static int64_t ask(cordon_handle_t end, const char *what, char text[64])
{
	struct cordon_message request = {.bytes = (uintptr_t)what,
	                                 .size = (uint32_t)strlen(what) + 1};
	struct cordon_message answer = {.bytes = (uintptr_t)text, .size = 64};

	return cordon_channel_call(end, &request, &answer, cordon_now() + 10 * SECOND);
}

int main(void)
{
	struct vfio_open_params params = {.match = vfio_match_id(0x1234, 0x11e8)};
	static struct vfio_device device;
	struct cordon_task_info info;
	cordon_handle_t end, task;
	volatile uint8_t *bar;
	int64_t error;
	char text[64];

	if (vfio_device_open(&params, &device) < 0) {
		printf("handover: %s\n", device.error.text);
		return 1;
	}
	error = start(&end, &task);
	if (error)
		return fail("the worker does not start", error);
	error = hand_over(&device, end);
	if (error)
		return fail("the device is not handed over", error);
	error = ask(end, "carried by a worker", text);
	if (error)
		return fail("the worker does not answer", error);
	printf("handover: the worker says: %s\n", text);

	error = ask(end, "", text); /* from now on it copies without end */
	if (error)
		return fail("the worker does not answer", error);
	cordon_task_kill(task, 9);
	error = cordon_task_wait(task, cordon_now() + 10 * SECOND, &info);
	if (error)
		return fail("the worker does not end", error);
	printf("handover: the worker was %s\n", cordon_task_cause_name(info.cause));

	bar = vfio_bar_pointer(&device, 0, 0, 0x100);
	vfio_write32(bar + LIVENESS, 0x12345678);
	printf("handover: the device %s\n",
	       vfio_read32(bar + LIVENESS) == ~0x12345678u ? "is ours still" : "does not answer");
	return vfio_device_close(&device) < 0;
}
