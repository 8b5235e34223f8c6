/* SPDX-License-Identifier: MIT */
/*
 * Reports of tasks that fault: the calls they were in, looked for in the log
 * (tests/qemu/cases/observe.toml), and stacks that are made to lead the report astray.
 */
#include <stdlib.h>
#include <string.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>

#define OUTLINE __attribute__((noinline, noclone))

/* --- tasks that fault ------------------------------------------------------------------------ */

static volatile int depth; /* keeps calls from being the last thing a function does */

static void *volatile nothing; /* NULL, which the compiler does not know */

OUTLINE static int innermost(volatile int *at)
{
	*at = 1; /* cppcheck-suppress nullPointer */
	return ++depth;
}

OUTLINE static int middle(volatile int *at)
{
	return innermost(at) + depth;
}

OUTLINE static int outer(volatile int *at)
{
	return middle(at) + depth;
}

/* In the C library, which is built without frames. */
OUTLINE static int copies(const char *from)
{
	char to[8];

	memcpy(to, from, sizeof(to) - 1 + (size_t)depth);
	to[7] = 0;
	return atoi(to) + ++depth;
}

/* No function at all. */
OUTLINE static int jumps(uintptr_t at)
{
	((void (*)(void))at)();
	return ++depth;
}

static int compares(const void *a, const void *b)
{
	(void)b;
	return innermost((volatile int *)(uintptr_t)(*(const char *)a & 1)) + depth;
}

OUTLINE static int sorts(void)
{
	char list[] = "abcdefgh";

	depth = 0;
	qsort(list, 8, 1, compares);
	return list[0] + ++depth;
}

OUTLINE static int recurses(int level)
{
	return level ? recurses(level - 1) + depth : innermost(nothing);
}

/* Faults with these registers and nothing to find. */
static _Noreturn void astray(uint64_t rsp, uint64_t rbp)
{
	__asm__ volatile("movq %0, %%rsp; movq %1, %%rbp; ud2" : : "r"(rsp), "r"(rbp));
	__builtin_unreachable();
}

static uint64_t hostile(const char *how)
{
	static uint64_t frames[1024] __attribute__((aligned(4096)));
	struct cordon_memory_map map = {.size = 4096, .prot = 3};
	cordon_handle_t memory;

	if (strcmp(how, "self") == 0) {
		frames[0] = (uintptr_t)frames;
		frames[1] = (uintptr_t)astray;
		return (uintptr_t)frames;
	}
	if (strcmp(how, "loop") == 0) {
		frames[0] = (uintptr_t)&frames[4];
		frames[4] = (uintptr_t)&frames[0];
		frames[1] = frames[5] = (uintptr_t)astray;
		return (uintptr_t)frames;
	}
	if (strcmp(how, "long") == 0) {
		for (int i = 0; i < 1022; i += 2) {
			frames[i] = (uintptr_t)&frames[i + 2];
			frames[i + 1] = UINT64_C(0x4141414141414141);
		}
		return (uintptr_t)frames;
	}
	if (strcmp(how, "edge") == 0) { /* half a frame, then nothing */
		cordon_memory_create(4096, 0, &memory);
		cordon_memory_map(memory, &map);
		return map.address + 4096 - 8;
	}
	if (strcmp(how, "kernel") == 0)
		return UINT64_C(0xffffffff80200000);
	if (strcmp(how, "noncanonical") == 0)
		return UINT64_C(0x8000000000000000);
	if (strcmp(how, "wraps") == 0)
		return UINT64_MAX - 7;
	if (strcmp(how, "odd") == 0)
		return (uintptr_t)frames + 1;
	if (strcmp(how, "guard") == 0)
		return cordon_startup()->stack_low - 64;
	return 0;
}

static int child_main(const char *how, const char *detail)
{
	if (strcmp(how, "calls") == 0)
		return outer(nothing);
	if (strcmp(how, "copies") == 0)
		return copies(nothing);
	if (strcmp(how, "jumps") == 0)
		return jumps(0x123450);
	if (strcmp(how, "sorts") == 0)
		return sorts();
	if (strcmp(how, "recurses") == 0)
		return recurses(1000);
	astray(hostile(detail), hostile(detail));
}

/* --- the test -------------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
	static const char *const ways[] = {"calls", "copies", "jumps", "sorts", "recurses"};
	static const char *const stacks[] = {"null",   "self",         "loop",  "long", "edge",
	                                     "kernel", "noncanonical", "wraps", "odd",  "guard"};

	if (argc > 1)
		return child_main(argv[1], argc > 2 ? argv[2] : "");
	for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		tap_ok(child_run(&(struct child){.arguments = {ways[i]}}).cause ==
		               CORDON_CAUSE_FAULT,
		       "a task that %s ends by its fault", ways[i]);
	for (unsigned int i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++)
		tap_ok(child_run(&(struct child){.arguments = {"astray", stacks[i]}}).cause ==
		               CORDON_CAUSE_FAULT,
		       "a task with a hostile stack (%s) ends by its fault", stacks[i]);
	return tap_done();
}
