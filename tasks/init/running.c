/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "describe.h"
#include "init.h"

_Static_assert(RUNNING_MAX < CORDON_WAIT_MAX, "all tasks and the console fit into one wait");

#define KEY_INTERRUPT  0x03 /* ctrl-C */
#define KILL_CODE      130  /* exit code of a task that ctrl-C or "kill" ended */
#define END_TIMEOUT_NS UINT64_C(5000000000)

struct running *running_add(struct init *init, const char *name, cordon_handle_t handle)
{
	for (unsigned int i = 0; i < RUNNING_MAX; i++) {
		struct running *task = &init->running[i];

		if (task->used)
			continue;
		*task = (struct running){.used = true, .handle = handle};
		strlcpy(task->name, name, sizeof(task->name));
		return task;
	}
	cordon_task_kill(handle, KILL_CODE);
	cordon_handle_close(handle);
	printf("init: %s killed: %d tasks run already\n", name, RUNNING_MAX);
	return NULL;
}

bool running_full(const struct init *init)
{
	for (unsigned int i = 0; i < RUNNING_MAX; i++)
		if (!init->running[i].used)
			return false;
	return true;
}

struct running *running_find(struct init *init, const char *name)
{
	for (unsigned int i = 0; i < RUNNING_MAX; i++)
		if (init->running[i].used && strcmp(init->running[i].name, name) == 0)
			return &init->running[i];
	return NULL;
}

/* Takes note of the end of a task, and reports every end that is not a plain success
 * (at the prompt, where it is a surprise, every end). */
static void ended(struct init *init, struct running *task)
{
	struct cordon_task_info info = {0};
	char text[128];
	int64_t err = cordon_task_info(task->handle, &info);

	task->ok = err == 0 && info.cause == CORDON_CAUSE_EXIT && info.code == 0;
	if (init->prompting)
		printf("\n");
	if (err != 0) {
		printf("init: %s ended; its end cannot be told: %s\n", task->name,
		       cordon_strerror(err));
	} else if (!task->ok || init->prompting) {
		describe_end(&info, text, sizeof(text));
		printf("init: %s %s\n", task->name, text);
	}
	if (!task->ok && !task->ending)
		init->failures++;
	cordon_handle_close(task->handle);
	task->used = false;
}

bool running_wait_any(struct init *init, bool console, uint64_t deadline)
{
	struct cordon_wait items[RUNNING_MAX + 1];
	struct running *tasks[RUNNING_MAX + 1];
	uint32_t count = 0;
	bool typed = false;
	int64_t result;

	memset(items, 0, sizeof(items));
	for (unsigned int i = 0; i < RUNNING_MAX; i++) {
		if (!init->running[i].used)
			continue;
		items[count].handle = init->running[i].handle;
		items[count].signals = CORDON_SIGNAL_TERMINATED;
		tasks[count++] = &init->running[i];
	}
	if (console) {
		items[count].handle = CORDON_STDIN;
		items[count].signals = CORDON_SIGNAL_READABLE;
		tasks[count++] = NULL;
	}
	if (count == 0)
		return false;
	fflush(stdout);
	result = cordon_object_wait(items, count, deadline);
	for (uint32_t i = 0; result > 0 && i < count; i++) {
		if (items[i].pending == 0)
			continue;
		if (tasks[i] != NULL)
			ended(init, tasks[i]);
		else
			typed = true;
	}
	if (result < 0 && result != -ETIMEDOUT) {
		/* Nothing that init holds can cause this, and going on would only repeat it. */
		printf("init: cannot wait: %s\n", cordon_strerror(result));
		fflush(stdout);
		cordon_system_poweroff(init->authority, 1);
	}
	return typed;
}

/* Whether ctrl-C is among what was typed. The rest was for nobody. */
static bool interrupt_typed(void)
{
	char bytes[64];
	int64_t got = cordon_console_read(CORDON_STDIN, bytes, sizeof(bytes));

	return got > 0 && memchr(bytes, KEY_INTERRUPT, (size_t)got) != NULL;
}

bool running_wait(struct init *init, struct running *task, bool console)
{
	while (task->used) {
		if (running_wait_any(init, console, CORDON_TIME_FOREVER) && interrupt_typed() &&
		    task->used)
			cordon_task_kill(task->handle, KILL_CODE);
	}
	return task->ok;
}

static unsigned int running_count(const struct init *init)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < RUNNING_MAX; i++)
		count += init->running[i].used;
	return count;
}

void running_end_all(struct init *init)
{
	uint64_t deadline = cordon_now() + END_TIMEOUT_NS;

	for (unsigned int i = 0; i < RUNNING_MAX; i++) {
		struct running *task = &init->running[i];

		if (!task->used)
			continue;
		task->ending = true;
		cordon_task_kill(task->handle, KILL_CODE);
	}
	while (running_count(init) > 0 && cordon_now() < deadline)
		running_wait_any(init, false, deadline);
	for (unsigned int i = 0; i < RUNNING_MAX; i++)
		if (init->running[i].used)
			printf("init: %s does not end\n", init->running[i].name);
}
