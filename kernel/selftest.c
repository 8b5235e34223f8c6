/* SPDX-License-Identifier: MIT */
#define LOG_TAG "selftest"
#include <arch/mmio.h>
#include <kernel/cmdline.h>
#include <kernel/heap.h>
#include <kernel/log.h>
#include <kernel/page.h>
#include <kernel/selftest.h>
#include <kernel/task.h>
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

/* What only the address sanitizer sees. Each reads or writes memory that is there. */
#if defined(CORDON_ASAN) && CORDON_ASAN

static volatile size_t fifty = 50;
static char global_bytes[50];
static const char constant_bytes[50] = "constant";

/* The compiler must not know where memory comes from, or it refuses the error. */
static void *hidden(void *memory)
{
	__asm__("" : "+r"(memory));
	return memory;
}

static void heap_end(void)
{
	((volatile char *)hidden(heap_alloc(50)))[fifty] = 1;
}

static void heap_free_read(void)
{
	volatile char *bytes = hidden(heap_alloc(50));

	heap_free(hidden((void *)(uintptr_t)bytes));
	sink = bytes[7];
}

static void heap_free_twice(void)
{
	void *bytes = hidden(heap_alloc(50));

	heap_free(bytes);
	heap_free(hidden(bytes));
	sink = 0; /* the backtrace shall have this function */
}

static void heap_copy(void)
{
	char to[64];

	memcpy(to, hidden(heap_alloc(50)), fifty + 1);
	sink = to[0];
}

static void heap_large(void)
{
	((volatile char *)hidden(heap_alloc(5000)))[fifty * 100] = 1;
}

static void frame_free_write(void)
{
	paddr_t frame;

	if (page_alloc(0, &frame) != 0)
		return;
	page_free(frame, 0);
	*(volatile uint64_t *)phys_to_virt(frame) = 1;
}

static void global_end(void)
{
	*(volatile char *)(global_bytes + fifty) = 1;
}

static void constant_end(void)
{
	sink = *(const volatile char *)(constant_bytes + fifty);
}

static void stack_end(void)
{
	char bytes[50];
	volatile char *at = hidden(bytes);

	at[fifty] = 1;
}

static void stack_scope(void)
{
	volatile char *at;

	{
		char bytes[50];

		at = hidden(bytes);
		at[0] = 1;
	}
	at[1] = 1;
}

/* No error: the last byte. */
static void stack_inside(void)
{
	char bytes[50];

	((volatile char *)hidden(bytes))[fifty - 1] = 1;
}

#endif

static const struct {
	const char *name;
	void (*commit)(void);
} errors[] = {
        {"add", add},
        {"shift", shift},
        {"index", index},
        {"align", align},
        {"null", null},
#if defined(CORDON_ASAN) && CORDON_ASAN
        {"heap-end", heap_end},
        {"heap-free-read", heap_free_read},
        {"heap-free-twice", heap_free_twice},
        {"heap-copy", heap_copy},
        {"heap-large", heap_large},
        {"frame-free-write", frame_free_write},
        {"global-end", global_end},
        {"constant-end", constant_end},
        {"stack-end", stack_end},
        {"stack-scope", stack_scope},
        {"stack-inside", stack_inside},
#endif
};

static bool panics, kills_init;

static bool is_named(const char *value, size_t length, const char *name)
{
	return length == strlen(name) && strncmp(value, name, length) == 0;
}

/* With the locks that a report wants: of the task, its handles, its memory. */
void selftest_panic(void)
{
	struct task *task = task_current();

	if (!panics)
		return;
	spin_lock(&task->lock);
	spin_lock(&task->handles.lock);
	spin_lock(&task->aspace->lock);
	panic("selftest: with locks held");
}

void selftest_first_task(struct task *task)
{
	if (kills_init)
		task_end(task, CORDON_CAUSE_KILL, 7, 0);
}

void selftest_run(void)
{
	const char *value;
	size_t length;

	if (!cmdline_find("selftest", &value, &length))
		return;
	panics = is_named(value, length, "panic");
	kills_init = is_named(value, length, "init");
	if (panics || kills_init)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		if (!is_named(value, length, errors[i].name))
			continue;
		errors[i].commit();
		log_error("%s was not noticed", errors[i].name);
		return;
	}
	log_warn("option selftest: no such error");
}

#endif
