/* SPDX-License-Identifier: MIT */
#define LOG_TAG "inject"
#include <kernel/inject.h>

#if defined(CORDON_DEBUG) && CORDON_DEBUG
#include <arch/percpu.h>
#include <kernel/cmdline.h>
#include <kernel/log.h>
#include <kernel/symbols.h>
#include <kernel/task.h>

#define CALLERS 4 /* told of the operation that fails at boot */

uint32_t inject_points;

/* Changed while nothing is armed, but for the count. */
static struct {
	uint64_t task; /* 0: anybody's operations */
	uint64_t nth;
	uint64_t count;
	bool told; /* say what fails */
} armed;
static bool counts_boot;

static const char *point_name(uint32_t point)
{
	switch (point) {
	case CORDON_INJECT_HEAP:
		return "heap memory";
	case CORDON_INJECT_FRAMES:
		return "frames";
	case CORDON_INJECT_BUDGET:
		return "a charge";
	case CORDON_INJECT_SLOT:
		return "a slot";
	case CORDON_INJECT_WAIT:
		return "a wait for hardware";
	default:
		return "an invalidation";
	}
}

/* Who wanted it: the chain of frame pointers of this stack, which is whole here. */
static void tell(uint32_t point)
{
	const uint64_t *frame = __builtin_frame_address(0);

	log_warn("operation %llu fails: %s", (unsigned long long)armed.nth, point_name(point));
	for (int i = 0; i < CALLERS && frame && frame[1]; i++) {
		const char *name = symbol_lookup(frame[1] - 1, NULL);

		log_warn("  in %s", name ? name : "?");
		frame = (const uint64_t *)(uintptr_t)frame[0];
	}
}

bool inject_count(uint32_t point)
{
	const struct task *task = armed.task ? task_current() : NULL;

	if (armed.task && (!task || task->id != armed.task))
		return false;
	if (__atomic_add_fetch(&armed.count, 1, __ATOMIC_RELAXED) != armed.nth)
		return false;
	if (armed.told)
		tell(point);
	return true;
}

int64_t inject_arm(uint64_t task, uint32_t points, uint64_t nth)
{
	uint64_t before = armed.count;

	inject_points = 0;
	armed.task = task;
	armed.nth = nth;
	armed.count = 0;
	armed.told = false;
	inject_points = nth ? points : 0;
	return (int64_t)before;
}

/* The number of an option; 0 when it is not given or no number. */
static uint64_t option_number(const char *name, bool *given)
{
	uint64_t number = 0;
	const char *value;
	size_t length;

	*given = cmdline_find(name, &value, &length);
	if (!*given)
		return 0;
	for (size_t i = 0; i < length; i++) {
		if (value[i] < '0' || value[i] > '9' || i > 9) {
			log_warn("option %s: no number below 10000000000", name);
			return 0;
		}
		number = number * 10 + (uint64_t)(value[i] - '0');
	}
	return number;
}

static void arm_told(uint64_t nth)
{
	inject_arm(0, CORDON_INJECT_ALL, nth);
	armed.told = true;
}

void inject_init(void)
{
	uint64_t nth = option_number("inject.boot", &counts_boot);

	/* A number that is never reached counts all the same. */
	if (counts_boot)
		arm_told(nth ? nth : UINT64_MAX);
}

void inject_boot_done(void)
{
	bool given;
	uint64_t nth = option_number("inject", &given);

	if (counts_boot)
		log_info("%llu operations until the first task",
		         (unsigned long long)inject_arm(0, 0, 0));
	if (given && nth)
		arm_told(nth);
}
#endif
