/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <tests/guest/support/ledger.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>

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
	/* What the heap and the kernel's page tables keep for the next objects and stacks is as
	 * good as free. */
	uint64_t *frames = entry(ledger, "free frames");
	uint64_t *values[sizeof(kept) / sizeof(kept[0])];
	struct cordon_counter counter;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		values[i] = entry(ledger, kept[i]);
	for (uint32_t index = 0; counter_at(index, &counter); index++) {
		if (strcmp(counter.name, "pages.free") == 0 ||
		    strcmp(counter.name, "pages.kernel_tables") == 0 ||
		    strcmp(counter.name, "heap.frames") == 0)
			*frames += counter.value;
		for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
			if (strcmp(counter.name, kept[i]) == 0)
				*values[i] = counter.value;
	}
}

static void take_budget(struct ledger *ledger)
{
	struct cordon_task_info info;

	if (cordon_task_info(CORDON_HANDLE_NONE, &info) != 0)
		tap_bail("this task cannot be told");
	*entry(ledger, "frames charged") = info.frames;
	*entry(ledger, "kernel memory charged") = info.kernel;
	*entry(ledger, "handles") = info.handles;
	*entry(ledger, "threads") = info.threads;
	*entry(ledger, "mappings charged") = info.mappings;
	*entry(ledger, "objects charged") = info.objects;
	*entry(ledger, "frames lent") = info.lent.frames;
	*entry(ledger, "kernel memory lent") = info.lent.kernel;
	*entry(ledger, "handles lent") = info.lent.handles;
	*entry(ledger, "threads lent") = info.lent.threads;
	*entry(ledger, "mappings lent") = info.lent.mappings;
	*entry(ledger, "objects lent") = info.lent.objects;
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

#define SETTLE_MS    10
#define SETTLE_TRIES 50

bool ledger_settles(const struct ledger *before, bool loud)
{
	struct ledger after;

	for (int i = 0; i < SETTLE_TRIES; i++) {
		ledger_take(&after);
		if (ledger_same(before, &after, false))
			return true;
		test_sleep_ms(SETTLE_MS);
	}
	return ledger_same(before, &after, loud);
}

#define REST_MS    60
#define REST_TRIES 100

void ledger_take_at_rest(struct ledger *ledger)
{
	struct ledger before;

	ledger_take(ledger);
	for (int i = 0; i < REST_TRIES; i++) {
		before = *ledger;
		test_sleep_ms(REST_MS);
		ledger_take(ledger);
		if (ledger_same(&before, ledger, false))
			return;
	}
}
