/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "describe.h"
#include "init.h"

_Static_assert(2 * RUNNING_MAX + 1 <= CORDON_WAIT_MAX,
               "all tasks, what they ask for and the console fit into one wait");

#define KEY_INTERRUPT  0x03 /* ctrl-C */
#define KILL_CODE      130  /* exit code of a task that ctrl-C or "kill" ended */
#define END_TIMEOUT_NS UINT64_C(5000000000)

struct running *running_add(struct init *init, const char *name, cordon_handle_t handle)
{
	for (unsigned int i = 0; i < RUNNING_MAX; i++) {
		struct running *task = &init->running[i];

		if (task->used)
			continue;
		*task = (struct running){
		        .used = true, .handle = handle, .services = CORDON_HANDLE_NONE};
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
	cordon_handle_close(task->handle);
	cordon_handle_close(task->services);
	task->handle = CORDON_HANDLE_NONE;
	task->services = CORDON_HANDLE_NONE;
	if (!task->ok && restart_plan(task))
		return;
	if (!task->ok && !task->ending)
		init->failures++;
	task->used = false;
}

/* What one wait waits for. */
struct wait_list {
	uint32_t count;
	struct cordon_wait items[CORDON_WAIT_MAX];
	struct running *tasks[CORDON_WAIT_MAX]; /* NULL: the console */
};

static void wait_add(struct wait_list *list, cordon_handle_t handle, uint32_t signals,
                     struct running *task)
{
	list->items[list->count] = (struct cordon_wait){.handle = handle, .signals = signals};
	list->tasks[list->count++] = task;
}

static void wait_collect(struct init *init, bool console, struct wait_list *list)
{
	list->count = 0;
	for (unsigned int i = 0; i < RUNNING_MAX; i++) {
		struct running *task = &init->running[i];

		if (!task->used || task->handle == CORDON_HANDLE_NONE)
			continue;
		wait_add(list, task->handle, CORDON_SIGNAL_TERMINATED, task);
		if (task->services != CORDON_HANDLE_NONE)
			wait_add(list, task->services, CORDON_SIGNAL_READABLE, task);
	}
	if (console)
		wait_add(list, CORDON_STDIN, CORDON_SIGNAL_READABLE, NULL);
}

/* Does what became possible. Returns whether a byte was typed. */
static bool wait_act(struct init *init, const struct wait_list *list)
{
	bool typed = false;

	for (uint32_t i = 0; i < list->count; i++) {
		if (list->items[i].pending == 0)
			continue;
		if (list->tasks[i] == NULL)
			typed = true;
		else if (list->items[i].pending & CORDON_SIGNAL_TERMINATED)
			ended(init, list->tasks[i]);
		else if (list->tasks[i]->services == list->items[i].handle)
			services_serve(init, list->tasks[i]);
	}
	return typed;
}

bool running_wait_any(struct init *init, bool console, uint64_t deadline)
{
	struct wait_list list;
	uint64_t restart = restart_next(init);
	bool typed = false;
	int64_t result;

	wait_collect(init, console, &list);
	if (list.count == 0 && restart == CORDON_TIME_FOREVER)
		return false;
	if (restart < deadline)
		deadline = restart;
	fflush(stdout);
	if (list.count == 0)
		result = cordon_clock_sleep(deadline);
	else
		result = cordon_object_wait(list.items, list.count, deadline);
	if (result > 0)
		typed = wait_act(init, &list);
	if (result < 0 && result != -ETIMEDOUT) {
		/* Nothing that init holds can cause this, and going on would only repeat it. */
		printf("init: cannot wait: %s\n", cordon_strerror(result));
		fflush(stdout);
		cordon_system_poweroff(init->authority, 1);
	}
	restart_due(init);
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
		if (task->handle == CORDON_HANDLE_NONE) /* it waits to be started again */
			task->used = false;
		cordon_task_kill(task->handle, KILL_CODE);
	}
	while (running_count(init) > 0 && cordon_now() < deadline)
		running_wait_any(init, false, deadline);
	for (unsigned int i = 0; i < RUNNING_MAX; i++)
		if (init->running[i].used)
			printf("init: %s does not end\n", init->running[i].name);
}
