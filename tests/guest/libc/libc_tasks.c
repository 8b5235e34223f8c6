/* SPDX-License-Identifier: MIT */
/* How programs end, seen from outside: this program starts itself with a word that says how. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libc.h"
#include "tests/guest/support/support.h"
#include "tests/guest/support/tap.h"

#define EXIT_ABORT     134 /* 128 + SIGABRT */
#define VECTOR_OPCODE  6
#define VECTOR_PAGE    14
#define BAD_ADDRESS    0x10ul
#define EXIT_FROM_LATE 9

static volatile char *volatile bad_address = (volatile char *)BAD_ADDRESS;

static void late(void)
{
	_exit(EXIT_FROM_LATE);
}

static int deep(volatile char *above)
{
	volatile char frame[4096];

	frame[0] = above != NULL ? *above : 1;
	return frame[0] != 0 ? deep(frame) + frame[0] : 0; /* it never is 0 */
}

static void overflow(void *argument)
{
	(void)argument;
	deep(NULL);
}

static int overflow_a_thread(void)
{
	struct cordon_thread_control *thread;

	if (cordon_thread_start("deep", overflow, NULL, 0, &thread) == 0)
		cordon_thread_join(thread);
	return 1; /* not reached: the guard page ends the task */
}

/* The first words of a task that has no memory any more. */
static int speak_when_hungry(void)
{
	void *volatile last;

	for (size_t size = 1 << 20; size >= 16; size /= 16) {
		do
			last = malloc(size);
		while (last != NULL);
	}
	return printf("hungry\n") == 7 && fflush(stdout) == 0 && fopen("/tmp/x", "w") == NULL ? 0
	                                                                                      : 1;
}

/* Until someone ends it. */
static void __attribute__((noreturn)) run_forever(bool asleep)
{
	printf("%s\n", asleep ? "sleeping" : "spinning");
	fflush(stdout);
	for (;;)
		if (asleep)
			sleep(3600);
}

int child_main(int argc, char **argv)
{
	const char *how = argv[1];

	if (strcmp(how, "code") == 0)
		return atoi(argv[2]);
	if (strcmp(how, "atexit") == 0)
		return atexit(late);
	if (strcmp(how, "abort") == 0)
		abort();
	if (strcmp(how, "assert") == 0)
		assert(argc == 0);
	if (strcmp(how, "null") == 0)
		*bad_address = 1;
	if (strcmp(how, "opcode") == 0)
		__asm__ volatile("ud2");
	if (strcmp(how, "text") == 0)
		*(volatile char *)(uintptr_t)child_main = 0;
	if (strcmp(how, "stack") == 0)
		return overflow_a_thread();
	if (strcmp(how, "sleep") == 0 || strcmp(how, "spin") == 0)
		run_forever(strcmp(how, "sleep") == 0);
	if (strcmp(how, "hungry") == 0)
		return speak_when_hungry();
	return 1;
}

static struct cordon_task_info run(const char *how, const char *argument)
{
	const struct child child = {.arguments = {how, argument}};

	return child_run(&child);
}

static void test_end(const char *how, const char *argument, uint32_t cause, int64_t code)
{
	struct cordon_task_info info = run(how, argument);

	tap_ok(info.cause == cause && info.code == code, "%s: %s with code %lld (%s, %lld)", how,
	       cordon_task_cause_name(cause), (long long)code, cordon_task_cause_name(info.cause),
	       (long long)info.code);
}

static void test_hungry(void)
{
	const struct child child = {.arguments = {"hungry"}, .budget = {.frames = 400}};
	struct cordon_task_info info = child_run(&child);

	tap_ok(info.cause == CORDON_CAUSE_EXIT && info.code == 0,
	       "stdout opens when memory is used up (%s, %lld)", cordon_task_cause_name(info.cause),
	       (long long)info.code);
}

void test_children(void)
{
	test_hungry();
	test_end("code", "0", CORDON_CAUSE_EXIT, 0);
	test_end("code", "77", CORDON_CAUSE_EXIT, 77);
	test_end("code", "-3", CORDON_CAUSE_EXIT, -3);
	test_end("atexit", NULL, CORDON_CAUSE_EXIT, EXIT_FROM_LATE);
	test_end("abort", NULL, CORDON_CAUSE_EXIT, EXIT_ABORT);
	test_end("assert", NULL, CORDON_CAUSE_EXIT, EXIT_ABORT);
	test_end("null", NULL, CORDON_CAUSE_FAULT, VECTOR_PAGE);
	tap_is((int64_t)run("null", NULL).fault_address, (int64_t)BAD_ADDRESS,
	       "the report has the address");
	test_end("opcode", NULL, CORDON_CAUSE_FAULT, VECTOR_OPCODE);
	test_end("text", NULL, CORDON_CAUSE_FAULT, VECTOR_PAGE);
	test_end("stack", NULL, CORDON_CAUSE_FAULT, VECTOR_PAGE);
}
