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

/* --- the ledger ------------------------------------------------------------------------------ */

/* Counters that a scenario must leave as they were. */
static const char *const kept[] = {
        "objects.authority", "objects.console", "objects.memory",      "objects.task",
        "objects.thread",    "objects.event",   "objects.channel",     "objects.container",
        "objects.group",     "objects.device",  "quarantined_devices", "quarantined_bytes",
        "heap.bytes",
};

static uint64_t *entry(struct ledger *ledger, const char *name)
{
	if (ledger->count == LEDGER_ENTRIES)
		tap_bail("the ledger is full");
	ledger->entries[ledger->count].name = name;
	ledger->entries[ledger->count].value = 0;
	return &ledger->entries[ledger->count++].value;
}

static bool counter_at(uint32_t index, struct cordon_counter *counter)
{
	return cordon_system_info(test_authority(), CORDON_SYSTEM_COUNTERS, index, counter,
	                          sizeof(*counter)) == 0;
}

static void take_counters(struct ledger *ledger)
{
	/* Frames that the heap keeps for the next objects are as good as free. */
	uint64_t *frames = entry(ledger, "free frames");
	uint64_t *values[sizeof(kept) / sizeof(kept[0])];
	struct cordon_counter counter;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		values[i] = entry(ledger, kept[i]);
	for (uint32_t index = 0; counter_at(index, &counter); index++) {
		if (strcmp(counter.name, "pages.free") == 0 ||
		    strcmp(counter.name, "heap.frames") == 0)
			*frames += counter.value;
		for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
			if (strcmp(counter.name, kept[i]) == 0)
				*values[i] = counter.value;
	}
}

static bool own_record(struct cordon_task_info *info)
{
	for (uint32_t i = 0;
	     cordon_system_info(test_authority(), CORDON_SYSTEM_TASKS, i, info, sizeof(*info)) == 0;
	     i++)
		if (self ? info->id == self
		         : strcmp(info->name, "init") != 0 && info->state == CORDON_TASK_RUNNING)
			return true;
	return false;
}

uint64_t sweep_self(void)
{
	struct cordon_task_info info;

	if (!self) {
		if (!own_record(&info))
			tap_bail("this task is not listed");
		self = info.id;
	}
	return self;
}

static void take_budget(struct ledger *ledger)
{
	struct cordon_task_info info;

	sweep_self();
	if (!own_record(&info))
		tap_bail("this task is not listed any more");
	*entry(ledger, "frames charged") = info.frames;
	*entry(ledger, "kernel memory charged") = info.kernel;
	*entry(ledger, "handles") = info.handles;
	*entry(ledger, "mappings charged") = info.mappings;
	*entry(ledger, "objects charged") = info.objects;
}

static void take_devices(struct ledger *ledger)
{
	uint64_t *held = entry(ledger, "groups held");
	uint64_t *open = entry(ledger, "devices open");
	uint64_t *mapped = entry(ledger, "DMA mappings");
	struct cordon_group_desc group;
	struct cordon_device_desc device;
	struct cordon_mapping_desc mapping;

	for (uint32_t i = 0; cordon_system_info(test_authority(), CORDON_SYSTEM_GROUPS, i, &group,
	                                        sizeof(group)) == 0;
	     i++)
		*held += group.holder != 0;
	for (uint32_t i = 0; cordon_system_info(test_authority(), CORDON_SYSTEM_DEVICES, i, &device,
	                                        sizeof(device)) == 0;
	     i++)
		*open += (device.flags & CORDON_DEVICE_OPEN) != 0;
	while (cordon_system_info(test_authority(), CORDON_SYSTEM_MAPPINGS, (uint32_t)*mapped,
	                          &mapping, sizeof(mapping)) == 0)
		++*mapped;
}

void ledger_take(struct ledger *ledger)
{
	ledger->count = 0;
	take_counters(ledger);
	take_budget(ledger);
	take_devices(ledger);
}

bool ledger_same(const struct ledger *before, const struct ledger *after, bool loud)
{
	bool same = true;

	for (uint32_t i = 0; i < before->count; i++) {
		if (before->entries[i].value == after->entries[i].value)
			continue;
		same = false;
		if (loud)
			tap_note("%s: %llu before, %llu after", before->entries[i].name,
			         (unsigned long long)before->entries[i].value,
			         (unsigned long long)after->entries[i].value);
	}
	return same;
}

static uint32_t index_of(const struct ledger *ledger, const char *name)
{
	for (uint32_t i = 0; i < ledger->count; i++)
		if (strcmp(ledger->entries[i].name, name) == 0)
			return i;
	tap_bail("the ledger has no %s", name);
}

uint64_t ledger_value(const struct ledger *ledger, const char *name)
{
	return ledger->entries[index_of(ledger, name)].value;
}

void ledger_set(struct ledger *ledger, const char *name, uint64_t value)
{
	ledger->entries[index_of(ledger, name)].value = value;
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
