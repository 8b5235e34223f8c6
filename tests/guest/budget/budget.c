/* SPDX-License-Identifier: MIT */
/*
 * S10: each kind of a budget is used up on purpose. The task that does it gets the documented
 * error; meanwhile another one works on as before, and when it is over everything is as it was.
 */
#include <cordon/errno.h>
#include <string.h>
#include <tests/guest/budget/hoard.h>
#include <tests/guest/support/ledger.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>

#define PATIENCE UINT64_C(60000000000)
#define PAGE     CORDON_PAGE_SIZE
#define BEATS    10 /* rounds of the bystander that are waited for */

static cordon_handle_t beats, bystander, bystander_stop;

static cordon_handle_t event(void)
{
	cordon_handle_t handle;

	if (cordon_event_create(0, &handle) != 0)
		tap_bail("no event");
	return handle;
}

/* Waits until an event was raised; false: the task ended before, or nothing happens. */
static bool raised(cordon_handle_t handle, cordon_handle_t task)
{
	struct cordon_wait items[] = {
	        {.handle = handle, .signals = CORDON_SIGNAL_READABLE},
	        {.handle = task, .signals = CORDON_SIGNAL_TERMINATED},
	};

	return cordon_object_wait(items, 2, cordon_now() + PATIENCE) > 0 && items[0].pending != 0;
}

/* --- what a new task gets --- */

static uint64_t kernel_left(uint64_t *used)
{
	struct cordon_task_info info;

	if (cordon_task_info(CORDON_HANDLE_NONE, &info) != 0)
		tap_bail("no information");
	*used = info.kernel;
	return info.budget.kernel - info.kernel - info.lent.kernel;
}

/* Tries to start a task with arguments that are wrong, for no zero ends them: which is EINVAL, but
 * ENOMEM where there is nothing to pay for them with until they have been looked at. */
static int64_t spawn_with(uint32_t bytes)
{
	static char argv[CORDON_SPAWN_ARG_MAX];
	const struct cordon_spawn spawn = {.image = test_initramfs(),
	                                   .image_size = PAGE,
	                                   .name = "none",
	                                   .argv = (uintptr_t)argv,
	                                   .argv_bytes = bytes};
	cordon_handle_t task;

	memset(argv, 'x', sizeof(argv));
	return cordon_task_spawn(&spawn, &task);
}

static int arguments_child(void)
{
	cordon_handle_t ends[2];
	uint64_t before, after;

	while (kernel_left(&before) >= CORDON_SPAWN_ARG_MAX)
		if (cordon_channel_create(ends) != 0)
			return 1;
	if (spawn_with(CORDON_SPAWN_ARG_MAX) != -ENOMEM)
		return 2;
	if (spawn_with(1000) != -EINVAL)
		return 3;
	kernel_left(&after);
	return after == before ? 0 : 4;
}

/* Others run while a task is started: so many threads may be in the middle of that. */
static void test_arguments(void)
{
	const struct child child = {.arguments = {"arguments"},
	                            .gives = {{test_initramfs(), "initramfs", 0}},
	                            .budget.kernel = 160 * 1024};
	struct cordon_task_info info = child_run(&child);

	tap_ok(info.cause == CORDON_CAUSE_EXIT && info.code == 0,
	       "S10: who starts a task pays for what it is given meanwhile");
	if (info.code != 0)
		tap_note("cause %u, code %lld", info.cause, (long long)info.code);
}

/* --- the bystander --- */

static void bystander_start(void)
{
	struct child child = {.arguments = {"bystander"}};

	beats = event();
	bystander_stop = event();
	child.gives[0].handle = beats;
	child.gives[0].name = "beats";
	child.gives[1].handle = bystander_stop;
	child.gives[1].name = HOARD_STOP;
	if (child_start(&child, &bystander) < 0)
		tap_bail("the bystander cannot be started");
}

/* Whether it makes some rounds from now on. */
static bool bystander_works(void)
{
	uint64_t count, sum = 0;

	cordon_event_take(beats, &count);
	while (sum < BEATS) {
		if (!raised(beats, bystander) || cordon_event_take(beats, &count) != 0)
			return false;
		sum += count;
	}
	return true;
}

static void bystander_end(void)
{
	struct cordon_task_info info;

	cordon_event_signal(bystander_stop, 1);
	info = child_wait(bystander);
	tap_ok(info.cause == CORDON_CAUSE_EXIT && info.code == 0,
	       "S10: the task beside them never failed");
	cordon_handle_close(bystander);
	cordon_handle_close(bystander_stop);
	cordon_handle_close(beats);
}

/* --- one kind after the other --- */

/* How often a task was refused what a counter of the system counts. */
static uint64_t refused_of(const struct cordon_budget *refused, const char *counter)
{
	const struct {
		const char *counter;
		uint64_t times;
	} kinds[] = {
	        {"refused.frames", refused->frames},     {"refused.kernel", refused->kernel},
	        {"refused.handles", refused->handles},   {"refused.threads", refused->threads},
	        {"refused.mappings", refused->mappings}, {"refused.objects", refused->objects},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].counter, counter) == 0)
			return kinds[i].times;
	return 0;
}

/* Of this kind its budget refused something, and of no other kind. before: the counter when it was
 * started; nobody else is refused anything meanwhile. */
static void test_refusals(cordon_handle_t task, const struct hoard *hoard, uint64_t before)
{
	uint64_t times = 0, counted = test_counter(hoard->counter) - before;
	struct cordon_task_info info;

	cordon_task_info(task, &info);
	for (unsigned int i = 0; i < hoard_count; i++)
		if (strcmp(hoards[i].counter, hoard->counter) != 0)
			times += refused_of(&info.refused, hoards[i].counter);
	tap_is((int64_t)times, 0, "its %s alone were refused", hoard->name);
	times = refused_of(&info.refused, hoard->counter);
	tap_ok(times > 0 && times == counted, "%s counts that", hoard->counter);
}

static void test_hoard(const struct hoard *hoard)
{
	cordon_handle_t full = event(), stop = event(), task;
	const struct child child = {
	        .arguments = {"hoard", hoard->name},
	        .gives = {{full, HOARD_FULL, 0}, {stop, HOARD_STOP, 0}},
	        .budget = hoard->budget,
	};
	uint64_t refused = test_counter(hoard->counter);
	struct cordon_task_info info;

	if (child_start(&child, &task) < 0)
		tap_bail("no task to hoard %s", hoard->name);
	tap_ok(raised(full, task), "S10: who uses up its %s gets %s", hoard->name,
	       cordon_strerror(hoard->error));
	test_refusals(task, hoard, refused);
	tap_ok(bystander_works(), "S10: nobody else's %s end", hoard->name);
	tap_ok(child_run(&(struct child){.arguments = {"nothing"}}).code == 0,
	       "S10: tasks can be started meanwhile");
	cordon_event_signal(stop, 1);
	info = child_wait(task);
	tap_ok(info.cause == CORDON_CAUSE_EXIT && info.code == 0, "it goes on and ends");
	cordon_handle_close(task);
	cordon_handle_close(full);
	cordon_handle_close(stop);
}

static void test_all_frames(void)
{
	cordon_handle_t full = event(), stop = event(), task;
	struct child child = {
	        .arguments = {"hoard", "frames"},
	        .gives = {{full, HOARD_FULL, 0}, {stop, HOARD_STOP, 0}},
	};
	struct cordon_task_info self;
	uint64_t refused;

	cordon_task_info(CORDON_HANDLE_NONE, &self);
	refused = self.refused.frames;
	child.budget.frames = self.budget.frames - self.frames - self.lent.frames - 1;
	child.budget.handles = 4000;
	child.budget.objects = 100000;
	if (child_start(&child, &task) < 0)
		tap_bail("no task gets all frames");
	tap_is(child_start(&(struct child){.arguments = {"nothing"}, .budget = {.frames = 200}},
	                   &(cordon_handle_t){0}),
	       -ENOMEM, "S10: what was given to a task is gone for its creator");
	cordon_task_info(CORDON_HANDLE_NONE, &self);
	tap_is((int64_t)(self.refused.frames - refused), 1, "S10: and that counts as its refusal");
	tap_ok(bystander_works(), "S10: other tasks have theirs");
	cordon_task_kill(task, 0);
	child_wait(task);
	tap_ok(child_run(&(struct child){.arguments = {"nothing"}, .budget = {.frames = 200}})
	                       .code == 0,
	       "S10: it is there again when the task has ended, before its handle is closed");
	cordon_handle_close(task);
	cordon_handle_close(full);
	cordon_handle_close(stop);
}

static void test_loops(void)
{
	cordon_handle_t full = event(), task;
	const struct child child = {
	        .arguments = {"spinner"},
	        .gives = {{full, HOARD_FULL, 0}},
	        .budget = {.threads = 24},
	};
	uint64_t start;

	if (child_start(&child, &task) < 0)
		tap_bail("no task that loops");
	tap_ok(raised(full, task), "24 threads loop");
	start = cordon_now();
	tap_ok(bystander_works() && cordon_now() - start < PATIENCE / 6,
	       "S10: a task that loops in all its threads leaves others their part of the CPUs");
	tap_is(cordon_task_kill(task, 0), 0, "and is killed");
	child_wait(task);
	cordon_handle_close(task);
	cordon_handle_close(full);
}

static void test_bomb(void)
{
	cordon_handle_t count = event(), stop = event(), task;
	const struct child child = {
	        .arguments = {"bomb"},
	        .gives = {{test_initramfs(), "initramfs", 0},
	                  {count, "count", 0},
	                  {stop, HOARD_STOP, 0}},
	        .budget = {.frames = 2000, .threads = 60},
	};
	uint64_t tasks = 0, more = 0;

	if (child_start(&child, &task) < 0)
		tap_bail("no task that starts others");
	do {
		test_sleep_ms(300);
		more = 0;
		cordon_event_take(count, &more);
		tasks += more;
	} while (more > 0);
	tap_note("%llu tasks", (unsigned long long)tasks);
	tap_ok(tasks > 2 && tasks <= 60,
	       "S10: tasks that start tasks end at the first one's budget");
	tap_ok(bystander_works(), "S10: nobody else notices");
	cordon_event_signal(stop, 1);
	child_wait(task);
	cordon_handle_close(task);
	cordon_handle_close(count);
	cordon_handle_close(stop);
}

int main(int argc, char **argv)
{
	static struct ledger before;

	if (argc > 1 && strcmp(argv[1], "hoard") == 0)
		return hoard_child(argv[2]);
	if (argc > 1 && strcmp(argv[1], "spinner") == 0)
		return spinner_child();
	if (argc > 1 && strcmp(argv[1], "bomb") == 0)
		return bomb_child();
	if (argc > 1 && strcmp(argv[1], "bystander") == 0)
		return bystander_child();
	if (argc > 1 && strcmp(argv[1], "arguments") == 0)
		return arguments_child();
	if (argc > 1)
		return 0;                                     /* "nothing" */
	child_run(&(struct child){.arguments = {"nothing"}}); /* what is made once is there now */
	ledger_take_at_rest(&before);
	bystander_start();
	for (unsigned int i = 0; i < hoard_count; i++)
		test_hoard(&hoards[i]);
	test_arguments();
	test_all_frames();
	test_loops();
	test_bomb();
	bystander_end();
	tap_ok(ledger_settles(&before, true), "S10: everything is back");
	return tap_done();
}
