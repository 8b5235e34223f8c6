/* SPDX-License-Identifier: MIT */
#include <cordon/errno.h>
#include <string.h>
#include <tests/guest/inject/sweep.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>

#define SETTLE_MS    10 /* for tasks that were ended a moment ago */
#define SETTLE_TRIES 50

static uint64_t due, self, counted;
static unsigned int undocumented;

uint64_t sweep_self(void)
{
	struct cordon_task_info info;

	if (!self) {
		if (cordon_task_info(CORDON_HANDLE_NONE, &info) != 0)
			tap_bail("this task cannot be told");
		self = info.id;
	}
	return self;
}

/* A task whose handle could not be given is being ended still. */
static bool settles(const struct ledger *before, bool loud)
{
	struct ledger after;

	for (int i = 0; i < SETTLE_TRIES; i++) {
		ledger_take(&after);
		if (ledger_same(before, &after, false))
			return true;
		/* Only other tasks can still change something. */
		if (ledger_value(before, "objects.task") == ledger_value(&after, "objects.task"))
			break;
		test_sleep_ms(SETTLE_MS);
	}
	return ledger_same(before, &after, loud);
}

/* --- arming ---------------------------------------------------------------------------------- */

static uint64_t inject(uint64_t task, uint64_t nth)
{
	int64_t count = cordon_system_inject(test_authority(), task, SWEEP_POINTS, nth);

	if (count == -ENOTTY)
		tap_bail("this kernel cannot inject faults");
	return (uint64_t)count;
}

void sweep_arm(uint64_t task)
{
	inject(task, due);
}

void sweep_disarm(void)
{
	counted = inject(0, 0);
}

int64_t sweep_may(const char *call, int64_t result, int error, int other)
{
	if (!due || result >= 0 || result == -error || (other && result == -other))
		return result;
	tap_note("operation %llu: %s: %s", (unsigned long long)due, call, cordon_strerror(result));
	undocumented++;
	return result;
}

void undo_unmap(uint64_t address, uint64_t size)
{
	int64_t result = cordon_memory_unmap(address, size);

	if (MAY(result, ENOMEM, 0) < 0)
		result = cordon_memory_unmap(address, size);
	if (result < 0)
		tap_bail("what was mapped cannot be unmapped: %s", cordon_strerror(result));
}

/* --- the sweep ------------------------------------------------------------------------------- */

static int64_t run_once(const struct scenario *scenario)
{
	int64_t result;

	if (!scenario->other_task)
		sweep_arm(sweep_self());
	result = scenario->run();
	if (!scenario->other_task)
		sweep_disarm();
	return result;
}

/*
 * Runs with one operation failing. False: something is left behind. What the kernel allocates once
 * and keeps for ever (a table of its own) may be missing the first time, and not the second.
 */
static bool run_clean(const struct scenario *scenario, int64_t *result)
{
	struct ledger before;

	for (int attempt = 0; attempt < 2; attempt++) {
		ledger_take(&before);
		*result = run_once(scenario);
		if (settles(&before, attempt == 1))
			return true;
	}
	tap_note("left behind after operation %llu failed (result %lld)", (unsigned long long)due,
	         (long long)*result);
	return false;
}

void sweep(const struct scenario *scenario, uint64_t step)
{
	unsigned int leaks = 0, runs = 0, errors = 0;
	int64_t result;

	undocumented = 0;
	for (due = 1;; due += step) {
		leaks += !run_clean(scenario, &result);
		if (counted < due)
			break;
		runs++;
		errors += result < 0;
	}
	tap_ok(runs > 0 && errors > 0, "%s: %u of %llu operations fail, %u of them are noticed",
	       scenario->name, runs, (unsigned long long)counted, errors);
	tap_is(undocumented, 0, "%s: every error is a documented one", scenario->name);
	tap_is(leaks, 0, "%s: nothing is left behind", scenario->name);
	tap_is(result, 0, "%s: without a failure it completes", scenario->name);
}
