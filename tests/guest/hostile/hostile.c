/* SPDX-License-Identifier: MIT */
/*
 * Every system call with hostile arguments, in a task of its own: one argument after the other,
 * then two numbers together, then what structures contain. Calls and kinds of arguments come from
 * the table of system calls, and so do the errors that a call may return; nothing else is accepted.
 */
#include <cordon/errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tests/guest/hostile/corpus.h>
#include <tests/guest/support/ledger.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>

#define ERRORS_MAX 16
#define GOOD       0
#define BAD        30
#define NOISE      20 /* complaints of one call that are shown */

static const struct {
	const char *name;
	int errors[ERRORS_MAX];
} documented[] = {
#define ERRORS(name, ...) {#name, {__VA_ARGS__}},
#include <tests/guest/hostile/errors.def>
#undef ERRORS
};

/* These end the caller, and have no arguments that could be wrong. */
static const char *const leave[] = {"task_exit", "thread_exit"};

/* What looks wrong may be right here: no handle is the own thread or task, an address of a futex
 * names it and is not read by who wakes, null asks for less, and where no fault is waiting nothing
 * is written. */
static const char *const lenient[] = {"thread_set", "thread_info",     "task_info",
                                      "futex_wake", "container_unmap", "container_faults"};
#define LENGTH(list) (sizeof(list) / sizeof((list)[0]))

/* --- one call -------------------------------------------------------------------------------- */

static unsigned int complaints;

static bool is_documented(const struct call *call, int64_t result)
{
	if (result >= 0)
		return true;
	for (size_t i = 0; i < sizeof(documented) / sizeof(documented[0]); i++) {
		if (strcmp(documented[i].name, call->name) != 0)
			continue;
		for (int j = 0; j < ERRORS_MAX; j++)
			if (documented[i].errors[j] && result == -documented[i].errors[j])
				return true;
	}
	return false;
}

static bool is_one_of(const char *name, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(name, list[i]) == 0)
			return true;
	return false;
}

static void complain(const struct call *call, const uint64_t arguments[6], int64_t result,
                     const char *why)
{
	char line[160];
	int length = 0;

	if (++complaints > NOISE)
		return;
	for (uint32_t i = 0; i < call->count; i++)
		length += snprintf(line + length, sizeof(line) - (size_t)length, " %llx",
		                   (unsigned long long)arguments[i]);
	tap_note("%s%s: %s: %s", call->name, line, result < 0 ? cordon_strerror(result) : "success",
	         why);
}

static void attempt(const struct call *call, const uint64_t arguments[6], bool refused)
{
	int64_t result = call_raw(call->number, arguments);

	if (!is_documented(call, result))
		complain(call, arguments, result, "not an error of this call");
	if (refused && result >= 0 && !is_one_of(call->name, lenient, LENGTH(lenient)))
		complain(call, arguments, result, "with an argument that no call may take");
	corpus_renew();
}

/* --- the calls with all values --------------------------------------------------------------- */

/* Output would go among the results: it stays empty where its bytes could be read. */
static void keep_quiet(const struct call *call, uint64_t arguments[6])
{
	if (strcmp(call->name, "console_write") == 0 &&
	    arguments[1] == corpus_plain(call->arguments[1]))
		arguments[2] = 0;
	if (strcmp(call->name, "system_log") == 0 &&
	    arguments[0] == corpus_plain(call->arguments[0]))
		arguments[1] = UINT64_MAX;
}

static void plain(const struct call *call, uint64_t arguments[6])
{
	for (uint32_t i = 0; i < 6; i++) /* those after the last mean nothing */
		arguments[i] = i < call->count ? corpus_plain(call->arguments[i]) : UINT64_MAX;
}

static void one_at_a_time(const struct call *call)
{
	uint64_t arguments[6];
	bool refused;

	for (uint32_t i = 0; i < call->count; i++) {
		plain(call, arguments);
		for (unsigned int n = 0;
		     corpus_value(call->arguments[i], n, &arguments[i], &refused); n++) {
			keep_quiet(call, arguments);
			attempt(call, arguments, refused);
			uint64_t value = arguments[i];

			plain(call, arguments);
			arguments[i] = value;
		}
	}
}

static bool is_number(uint32_t argument)
{
	return KIND(argument) != HANDLE && KIND(argument) < OUT && KIND(argument) != DEADLINE;
}

/* Ranges that wrap, sizes beside addresses that do not fit them. */
static void two_numbers(const struct call *call)
{
	uint64_t arguments[6];
	bool refused;

	plain(call, arguments);
	for (uint32_t i = 0; i < call->count; i++)
		for (uint32_t j = i + 1; j < call->count; j++) {
			if (!is_number(call->arguments[i]) || !is_number(call->arguments[j]))
				continue;
			for (unsigned int n = 0;
			     corpus_value(call->arguments[i], n, &arguments[i], &refused); n++)
				for (unsigned int m = 0;
				     corpus_value(call->arguments[j], m, &arguments[j], &refused);
				     m++)
					attempt(call, arguments, false);
			plain(call, arguments);
		}
}

static bool has_pointer(const struct call *call)
{
	for (uint32_t i = 0; i < call->count; i++)
		if (KIND(call->arguments[i]) >= OUT)
			return true;
	return false;
}

static void contents(const struct call *call)
{
	uint64_t arguments[6];

	if (!has_pointer(call))
		return;
	for (unsigned int n = 0; corpus_contents(n); n++) {
		plain(call, arguments);
		keep_quiet(call, arguments);
		attempt(call, arguments, false);
	}
}

/* What a child does. */
static int try_call(const struct call *call)
{
	corpus_begin();
	one_at_a_time(call);
	two_numbers(call);
	contents(call);
	return complaints ? BAD : GOOD;
}

/* --- the test -------------------------------------------------------------------------------- */

static struct call calls[CALLS_MAX];
static cordon_handle_t ended_task, weak, container, group, device;

/* The disk, as far as there is one: it can be given to the children. */
static void open_device(void)
{
	cordon_bdf_t bdf;
	int number = test_find_group(0, 0, NVME_CLASS, 0, &bdf);

	container = group = device = CORDON_HANDLE_NONE;
	if (number < 0 || cordon_group_open(test_authority(), (uint32_t)number, &group) < 0)
		return;
	if (cordon_container_create(&container) < 0 ||
	    cordon_container_add_group(container, group) < 0 ||
	    cordon_group_device(group, bdf, &device) < 0)
		tap_bail("the disk cannot be opened");
}

static void close_device(void)
{
	cordon_handle_close(device);
	cordon_handle_close(container);
	cordon_handle_close(group);
}

static void give(struct child *child, unsigned int *count, cordon_handle_t handle, const char *name)
{
	struct cordon_handle_info info;

	if (handle == CORDON_HANDLE_NONE || cordon_handle_info(handle, &info) < 0)
		return;
	child->gives[*count].handle = handle;
	child->gives[*count].rights = info.rights;
	child->gives[(*count)++].name = name;
}

static struct cordon_task_info run(const char *name)
{
	struct child child = {.arguments = {"hostile", name},
	                      .budget = {.frames = 600,
	                                 .handles = 200,
	                                 .threads = 8,
	                                 .mappings = 300,
	                                 .objects = 300}};
	unsigned int count = 0;

	give(&child, &count, weak, "weak");
	give(&child, &count, ended_task, "ended");
	give(&child, &count, container, "container");
	give(&child, &count, group, "group");
	give(&child, &count, device, "device");
	return child_run(&child);
}

static void test_call(const struct call *call)
{
	struct cordon_task_info info;
	struct ledger before;

	run(call->name);   /* what is kept for good is kept by now */
	test_sleep_ms(10); /* on many CPUs, its last thread may still leave its stack */
	ledger_take_at_rest(&before);
	info = run(call->name);
	if (info.cause != CORDON_CAUSE_EXIT)
		tap_note("%s: cause %u, code %lld", call->name, info.cause, (long long)info.code);
	tap_ok(info.cause == CORDON_CAUSE_EXIT && info.code == GOOD &&
	               ledger_settles(&before, true),
	       "%s: hostile arguments get documented errors, and leave nothing behind", call->name);
}

static const struct call *find(const char *name, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(calls[i].name, name) == 0)
			return &calls[i];
	return NULL;
}

static void prepare(void)
{
	if (child_start(&(struct child){.arguments = {"nothing"}}, &ended_task) < 0)
		tap_bail("no child");
	child_wait(ended_task);
	if (cordon_handle_dup(test_authority(),
	                      CORDON_RIGHT_INSPECT | CORDON_RIGHT_DUP | CORDON_RIGHT_TRANSFER,
	                      &weak) < 0)
		tap_bail("no weak authority");
	open_device();
}

int main(int argc, char **argv)
{
	uint32_t count = calls_read(calls) - 1; /* without the one that nobody has */

	if (argc > 1 && strcmp(argv[1], "nothing") == 0)
		return 0;
	if (argc > 2) {
		const struct call *call = find(argv[2], count);

		return call ? try_call(call) : BAD;
	}
	prepare();
	for (uint32_t i = 0; i < count; i++)
		if (!is_one_of(calls[i].name, leave, LENGTH(leave)) &&
		    (argc == 1 || strstr(calls[i].name, argv[1])))
			test_call(&calls[i]);
	close_device();
	return tap_done();
}
