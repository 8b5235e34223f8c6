/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <lib/cpio/cpio.h>

#include "child.h"

#define CHILD_TIMEOUT_NS UINT64_C(60000000000)
#define ARG_BYTES        512

/* What a driver may use, whatever the machine has: the NVMe driver's 10 MiB of DMA memory, its
 * program, stack and tables. */
#define CHILD_FRAMES UINT64_C(2816)

/* Appends a string with its zero. */
static int add_arg(char bytes[ARG_BYTES], uint32_t *used, const char *arg)
{
	size_t size = strlen(arg) + 1;

	if (size > ARG_BYTES - *used)
		return -E2BIG;
	memcpy(bytes + *used, arg, size);
	*used += (uint32_t)size;
	return 0;
}

static int build_args(const struct child_program *program, char bytes[ARG_BYTES], uint32_t *used)
{
	int result = add_arg(bytes, used, program->name);

	for (int i = 0; result == 0 && i < CHILD_ARGS_MAX && program->args[i]; i++)
		result = add_arg(bytes, used, program->args[i]);
	return result;
}

static void give(struct cordon_spawn_handle *handles, uint32_t *count, cordon_handle_t handle,
                 const char *name)
{
	struct cordon_spawn_handle *slot = &handles[*count];

	if (handle == CORDON_HANDLE_NONE)
		return;
	memset(slot, 0, sizeof(*slot));
	slot->handle = handle;
	snprintf(slot->name, sizeof(slot->name), "%s", name);
	(*count)++;
}

static int spawn(const struct demo *demo, const struct child_program *program, struct child *child)
{
	struct cordon_spawn_handle handles[CHILD_HANDLES_MAX + 2];
	struct cordon_spawn args = {.image = demo->initramfs, .budget = {.frames = CHILD_FRAMES}};
	struct cordon_cpio_entry file;
	struct cordon_task_info info;
	char bytes[ARG_BYTES];
	int result = cordon_cpio_find(demo->archive, demo->archive_size, program->path, &file);

	if (result == 0)
		result = build_args(program, bytes, &args.argv_bytes);
	if (result < 0)
		return result;
	give(handles, &args.handle_count, CORDON_STDOUT, "stdout");
	give(handles, &args.handle_count, CORDON_STDERR, "stderr");
	give(handles, &args.handle_count, program->group, "group0");
	give(handles, &args.handle_count, program->page, "page");
	give(handles, &args.handle_count, child->ready, "ready");
	give(handles, &args.handle_count, child->go, "go");
	args.image_offset = file.offset;
	args.image_size = file.size;
	args.argv = (uint64_t)(uintptr_t)bytes;
	args.handles = (uint64_t)(uintptr_t)handles;
	snprintf(args.name, sizeof(args.name), "%s", program->name);
	fflush(stdout); /* our lines come before the child's */
	result = (int)cordon_task_spawn(&args, &child->task);
	if (result < 0)
		return result;
	result = (int)cordon_task_info(child->task, &info);
	child->id = info.id;
	return result;
}

int child_start(const struct demo *demo, const struct child_program *program, struct child *child)
{
	int result;

	memset(child, 0, sizeof(*child));
	child->task = CORDON_HANDLE_NONE;
	child->ready = CORDON_HANDLE_NONE;
	child->go = CORDON_HANDLE_NONE;
	snprintf(child->name, sizeof(child->name), "%s", program->name);
	result = (int)cordon_event_create(0, &child->ready);
	if (result == 0)
		result = (int)cordon_event_create(0, &child->go);
	if (result == 0)
		result = spawn(demo, program, child);
	if (result < 0)
		child_close(child);
	return result;
}

int child_await(const struct child *child)
{
	struct cordon_wait items[] = {
	        {.handle = child->ready, .signals = CORDON_SIGNAL_READABLE},
	        {.handle = child->task, .signals = CORDON_SIGNAL_TERMINATED},
	};
	uint64_t count;
	int64_t result;

	fflush(stdout);
	result = cordon_object_wait(items, 2, cordon_now() + CHILD_TIMEOUT_NS);
	if (result < 0)
		return (int)result;
	if (!items[0].pending)
		return CHILD_ENDED;
	result = cordon_event_take(child->ready, &count);
	return result < 0 ? (int)result : CHILD_PAUSED;
}

int child_go(const struct child *child)
{
	fflush(stdout);
	return (int)cordon_event_signal(child->go, 1);
}

int child_kill(const struct child *child)
{
	struct cordon_task_info info;
	int result = (int)cordon_task_kill(child->task, 0);

	if (result == 0)
		result = cordon_task_wait(child->task, cordon_now() + CHILD_TIMEOUT_NS, &info);
	return result;
}

int child_finish(const struct child *child, char why[CHILD_WHY_MAX])
{
	struct cordon_task_info info;
	int result = cordon_task_wait(child->task, cordon_now() + CHILD_TIMEOUT_NS, &info);

	if (result < 0) {
		snprintf(why, CHILD_WHY_MAX, "%s: %s", child->name, cordon_strerror(result));
		return result;
	}
	snprintf(why, CHILD_WHY_MAX, "%s ended by %s with code %lld", child->name,
	         cordon_task_cause_name(info.cause), (long long)info.code);
	return info.cause != CORDON_CAUSE_EXIT || info.code != 0;
}

void child_close(struct child *child)
{
	if (child->task != CORDON_HANDLE_NONE) {
		child_kill(child);
		cordon_handle_close(child->task);
	}
	if (child->go != CORDON_HANDLE_NONE)
		cordon_handle_close(child->go);
	if (child->ready != CORDON_HANDLE_NONE)
		cordon_handle_close(child->ready);
	child->task = CORDON_HANDLE_NONE;
	child->go = CORDON_HANDLE_NONE;
	child->ready = CORDON_HANDLE_NONE;
}
