/* SPDX-License-Identifier: MIT */
/* Tasks of the manifest: started with what it says, and again when they fail. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "init.h"

#define RESTART_DELAY_MAX_MS UINT64_C(10000)
#define NS_PER_MS            UINT64_C(1000000)

/* Starts an entry; *services: where init will hear what it asks for, or NONE. */
static int entry_spawn(struct init *init, const struct manifest_task *entry, unsigned int arg_count,
                       const char *const *args, cordon_handle_t *handle, cordon_handle_t *services)
{
	cordon_handle_t ends[2] = {CORDON_HANDLE_NONE, CORDON_HANDLE_NONE};
	struct launch launch = {
	        .name = entry->name,
	        .path = entry->path,
	        .arg_count = arg_count > 0 ? arg_count : entry->arg_count,
	        .args = arg_count > 0 ? args : entry->args,
	        .entry = entry,
	};
	int64_t err = entry->connect_count > 0 ? cordon_channel_create(ends) : 0;

	if (err != 0) {
		printf("init: %s not started: %s\n", entry->name, cordon_strerror(err));
		return (int)err;
	}
	launch.services = ends[1];
	err = spawn_task(init, &launch, handle);
	cordon_handle_close(ends[1]); /* the task has its own */
	if (err != 0)
		cordon_handle_close(ends[0]);
	else
		*services = ends[0];
	return (int)err;
}

struct running *start_entry(struct init *init, const struct manifest_task *entry,
                            unsigned int arg_count, const char *const *args, int *err)
{
	cordon_handle_t handle, services;
	struct running *task;

	*err = entry_spawn(init, entry, arg_count, args, &handle, &services);
	init->started[entry - init->manifest.tasks] = true;
	if (*err != 0)
		return NULL;
	task = running_add(init, entry->name, handle);
	if (task == NULL) {
		cordon_handle_close(services);
		return NULL;
	}
	task->entry = entry;
	task->services = services;
	return task;
}

/* --- again ----------------------------------------------------------------------------------- */

bool restart_plan(struct running *task)
{
	uint64_t delay;

	if (task->entry == NULL || !task->entry->restart || task->ending)
		return false;
	if (task->restarts >= task->entry->restart_tries) {
		printf("init: %s failed too often and is not started again\n", task->name);
		return false;
	}
	delay = task->entry->restart_delay_ms;
	for (unsigned int i = 0; i < task->restarts && delay < RESTART_DELAY_MAX_MS; i++)
		delay *= 2;
	if (delay > RESTART_DELAY_MAX_MS)
		delay = RESTART_DELAY_MAX_MS;
	task->restarts++;
	task->restart_at = cordon_now() + delay * NS_PER_MS;
	printf("init: %s is started again in %" PRIu64 " ms\n", task->name, delay);
	return true;
}

static bool is_due(const struct running *task, uint64_t now)
{
	return task->used && task->handle == CORDON_HANDLE_NONE && task->restart_at <= now;
}

void restart_due(struct init *init)
{
	uint64_t now = cordon_now();

	for (unsigned int i = 0; i < RUNNING_MAX; i++) {
		struct running *task = &init->running[i];

		if (!is_due(task, now))
			continue;
		if (entry_spawn(init, task->entry, 0, NULL, &task->handle, &task->services) == 0)
			continue;
		task->handle = CORDON_HANDLE_NONE;
		task->services = CORDON_HANDLE_NONE;
		if (restart_plan(task))
			continue;
		task->used = false;
		init->failures++;
	}
}

uint64_t restart_next(const struct init *init)
{
	uint64_t next = CORDON_TIME_FOREVER;

	for (unsigned int i = 0; i < RUNNING_MAX; i++) {
		const struct running *task = &init->running[i];

		if (task->used && task->handle == CORDON_HANDLE_NONE && task->restart_at < next)
			next = task->restart_at;
	}
	return next;
}
