/* SPDX-License-Identifier: MIT */
#define LOG_TAG "selftest"
#include <kernel/cmdline.h>
#include <kernel/heap.h>
#include <kernel/log.h>
#include <kernel/selftest.h>
#include <kernel/string.h>

#if defined(CORDON_DEBUG) && CORDON_DEBUG

/* What the compiler must not know in advance. */
static volatile int32_t large = INT32_MAX;
static volatile uint32_t many = 35;
static volatile int32_t sink;

static void add(void)
{
	sink = large + 1;
}

static void shift(void)
{
	sink = (int32_t)(1u << many);
}

static void index(void)
{
	static const int32_t array[4] = {1, 2, 3, 4};

	sink = array[many];
}

static void align(void)
{
	static char bytes[16];

	sink = *(volatile int32_t *)(void *)(bytes + (many & 1));
}

static void null(void)
{
	sink = *(volatile int32_t *)(uintptr_t)(many - 35);
}

static const struct {
	const char *name;
	void (*commit)(void);
} errors[] = {
        {"add", add}, {"shift", shift}, {"index", index}, {"align", align}, {"null", null},
};

void selftest_run(void)
{
	const char *value;
	size_t length;

	if (!cmdline_find("selftest", &value, &length))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		if (length != strlen(errors[i].name) || strncmp(value, errors[i].name, length) != 0)
			continue;
		errors[i].commit();
		log_error("%s was not noticed", errors[i].name);
		return;
	}
	log_warn("option selftest: no such error");
}

#endif
