/* SPDX-License-Identifier: MIT */
/* Tasks: how they start, fault, end and are killed, and that nobody else is harmed. */
#include <cordon/errno.h>
#include <lib/cpio/cpio.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>
#include <unistd.h>

#define PAGE 4096u

/* --- what the child does, by its first argument --- */

static volatile uint64_t counter;

static int child_faults(const char *how)
{
	static const char *const text = "read only";

	if (strcmp(how, "null") == 0)
		*(volatile int *)(uintptr_t)counter = 1;
	else if (strcmp(how, "kernel") == 0)
		counter = *(volatile uint64_t *)0xffffffff80000000;
	else if (strcmp(how, "direct-map") == 0)
		counter = *(volatile uint64_t *)0xffff800000100000;
	else if (strcmp(how, "text") == 0)
		*(volatile char *)(uintptr_t)&tap_done = 0;
	else if (strcmp(how, "rodata") == 0)
		*(volatile char *)(uintptr_t)text = 'x';
	else if (strcmp(how, "stack-exec") == 0) {
		volatile uint8_t code[] = {0xc3};
		((void (*)(void))(uintptr_t)code)();
	} else if (strcmp(how, "divide") == 0)
		__asm__ volatile("xorl %%ecx, %%ecx; xorl %%edx, %%edx; divl %%ecx" ::"a"(1)
		                 : "ecx", "edx");
	else if (strcmp(how, "opcode") == 0)
		__asm__ volatile("ud2");
	else if (strcmp(how, "privileged") == 0)
		__asm__ volatile("cli");
	else if (strcmp(how, "port") == 0)
		__asm__ volatile("outb %%al, $0xf4" ::"a"(0x10));
	else if (strcmp(how, "msr") == 0)
		__asm__ volatile("rdmsr" ::"c"(0xc0000080) : "eax", "edx");
	else if (strcmp(how, "noncanonical") == 0)
		counter = *(volatile uint64_t *)0x8000000000000000;
	else if (strcmp(how, "jump") == 0)
		__asm__ volatile("jmp *%0" ::"r"(UINT64_C(0xffffffff80001000)));
	else if (strcmp(how, "breakpoint") == 0)
		__asm__ volatile("int3");
	else if (strcmp(how, "int") == 0)
		__asm__ volatile("int $0x40");
	else if (strcmp(how, "stack") == 0)
		*(volatile char *)(uintptr_t)(cordon_startup()->stack_low - 1) = 0;
	else if (strcmp(how, "align") == 0)
		__asm__ volatile("pushfq; orl $0x40000, (%%rsp); popfq; movl 1(%%rsp), %%eax" ::
		                         : "eax", "memory");
	return 99;
}

static int child_main(int argc, char **argv)
{
	const char *what = argv[1];

	if (strcmp(what, "exit") == 0)
		return atoi(argv[2]);
	if (strcmp(what, "fault") == 0)
		return child_faults(argv[2]);
	if (strcmp(what, "spin") == 0)
		for (;;)
			counter++;
	if (strcmp(what, "sleep") == 0)
		cordon_clock_sleep(CORDON_TIME_FOREVER);
	if (strcmp(what, "wait") == 0) {
		struct cordon_wait item = {.signals = CORDON_SIGNAL_READABLE};
		cordon_event_create(0, &item.handle);
		cordon_object_wait(&item, 1, CORDON_TIME_FOREVER);
	}
	if (strcmp(what, "environment") == 0)
		return argc == 4 && strcmp(argv[2], "two words") == 0 && argv[3][0] == 0 &&
		                       argv[4] == NULL && cordon_handle_named("gift") >= 3
		               ? 0
		               : 1;
	if (strcmp(what, "rights") == 0) {
		struct cordon_handle_info info;
		cordon_handle_t gift = cordon_handle_named("gift");
		return cordon_handle_info(gift, &info) == 0 && info.rights == CORDON_RIGHT_READ ? 0
		                                                                                : 1;
	}
	if (strcmp(what, "hoard") == 0) { /* S10: exhausts its own budget */
		cordon_handle_t handle;
		int64_t error;
		int count = 0;
		while ((error = cordon_memory_create(16 * PAGE, 0, &handle)) == 0)
			count++;
		return error == -ENOMEM && count > 0 ? 0 : 1;
	}
	if (strcmp(what, "handles") == 0) {
		cordon_handle_t handle;
		int64_t error;
		while ((error = cordon_handle_dup(CORDON_STDOUT, 0, &handle)) == 0)
			;
		return error == -EMFILE ? 0 : 1;
	}
	return 98;
}

/* --- the test --- */

static void test_exit(void)
{
	struct cordon_task_info info;
	cordon_handle_t gift;

	info = child_run(&(struct child){.arguments = {"exit", "0"}});
	tap_ok(info.cause == CORDON_CAUSE_EXIT && info.code == 0, "a task exits with 0");
	info = child_run(&(struct child){.arguments = {"exit", "42"}});
	tap_ok(info.cause == CORDON_CAUSE_EXIT && info.code == 42, "a task exits with 42");
	tap_ok(info.state == CORDON_TASK_ENDED && info.frames == 0 && info.handles == 0 &&
	               info.threads == 0 && info.mappings == 0,
	       "all it held is given back when TERMINATED is raised");
	cordon_event_create(0, &gift);
	info = child_run(&(struct child){.arguments = {"environment", "two words", ""},
	                                 .gives = {{gift, "gift", 0}}});
	tap_ok(info.code == 0, "arguments and handles arrive");
	info = child_run(&(struct child){.arguments = {"rights"},
	                                 .gives = {{gift, "gift", CORDON_RIGHT_READ}}});
	tap_ok(info.code == 0, "a handle arrives with the reduced rights");
	cordon_handle_close(gift);
}

static void test_faults(void)
{
	static const struct {
		const char *how;
		int64_t vector;
	} faults[] = {
	        {"null", 14},       {"kernel", 14},     {"direct-map", 14}, {"text", 14},
	        {"rodata", 14},     {"stack-exec", 14}, {"divide", 0},      {"opcode", 6},
	        {"privileged", 13}, {"port", 13},       {"msr", 13},        {"noncanonical", 13},
	        {"jump", 14},       {"breakpoint", 3},  {"int", 13},
	};

	for (unsigned int i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct cordon_task_info info = child_run(
		        &(struct child){.arguments = {"fault", faults[i].how}});
		tap_ok(info.cause == CORDON_CAUSE_FAULT && info.code == faults[i].vector,
		       "a task that faults (%s) is ended with vector %lld, and nobody else",
		       faults[i].how, (long long)faults[i].vector);
	}
	struct cordon_task_info info = child_run(&(struct child){.arguments = {"fault", "stack"}});
	tap_ok(info.cause == CORDON_CAUSE_STACK && info.code == ENOSPC,
	       "a task that leaves its stack is ended for that");
}

static void test_kill(void)
{
	static const char *const ways[] = {"spin", "sleep", "wait"};

	for (int i = 0; i < 3; i++) {
		cordon_handle_t task;
		struct cordon_task_info info;

		if (child_start(&(struct child){.arguments = {ways[i]}}, &task) < 0)
			tap_bail("no child");
		test_sleep_ms(30);
		cordon_task_info(task, &info);
		tap_ok(info.state == CORDON_TASK_RUNNING, "a task that does %s runs", ways[i]);
		tap_is(cordon_task_kill(task, -7), 0, "and is killed");
		info = child_wait(task);
		tap_ok(info.cause == CORDON_CAUSE_KILL && info.code == -7,
		       "which its handle tells");
		tap_is(cordon_task_kill(task, 1), 0, "killing it again succeeds");
		cordon_task_info(task, &info);
		tap_ok(info.code == -7, "and changes nothing");
		cordon_handle_close(task);
	}
}

static void test_preemption(void)
{
	cordon_handle_t task;
	uint64_t before = cordon_now();

	if (child_start(&(struct child){.arguments = {"spin"}}, &task) < 0)
		tap_bail("no child");
	for (int i = 0; i < 5; i++)
		test_sleep_ms(5);
	tap_ok(cordon_now() - before < UINT64_C(2000000000),
	       "a task that never gives way does not stop others");
	cordon_task_kill(task, 0);
	child_wait(task);
	cordon_handle_close(task);
}

static void test_budgets(void)
{
	struct cordon_task_info info;

	info = child_run(&(struct child){.arguments = {"hoard"}, .budget = {.frames = 400}});
	tap_ok(info.cause == CORDON_CAUSE_EXIT && info.code == 0,
	       "S10: a task that hoards memory gets ENOMEM at its budget");
	info = child_run(&(struct child){.arguments = {"handles"}, .budget = {.handles = 40}});
	tap_ok(info.cause == CORDON_CAUSE_EXIT && info.code == 0,
	       "S10: a task that hoards handles gets EMFILE at its budget");
	tap_is(child_start(&(struct child){.arguments = {"exit", "0"}, .budget = {.frames = 8}},
	                   &(cordon_handle_t){0}),
	       -ENOMEM, "a program that does not fit its budget is not started");
}

/* task_spawn with wrong arguments: a good request, changed in one place. */
static void test_spawn_errors(void)
{
	static char argv[] = "name";
	static struct cordon_spawn_handle handles[2];
	struct cordon_spawn good = {
	        .image = test_initramfs(),
	        .image_size = 16,
	        .argv = (uintptr_t)argv,
	        .argv_bytes = sizeof(argv),
	        .handles = (uintptr_t)handles,
	        .name = "bad",
	};
	struct cordon_spawn args;
	cordon_handle_t task, weak;

#define TRY(change, error, text)                                                     \
	do {                                                                         \
		args = good;                                                         \
		change;                                                              \
		tap_is(cordon_task_spawn(&args, &task), error, "task_spawn: " text); \
	} while (0)
	TRY(, -ENOEXEC, "the archive's first bytes are no program");
	TRY(args.image = 4000, -EBADF, "no image");
	TRY(args.image = CORDON_STDOUT, -EBADF, "an image that is no memory");
	TRY(args.image_offset = UINT64_C(1) << 40, -ENOEXEC, "an image past the end");
	TRY(args.image_size = UINT64_MAX, -ENOEXEC, "an image larger than the object");
	TRY(args.image_offset = UINT64_MAX, -ENOEXEC, "an image that wraps");
	TRY(args.name[0] = 0, -EINVAL, "no name");
	TRY(memset(args.name, 'x', sizeof(args.name)), -EINVAL, "a name without end");
	TRY(args.name[1] = '\n', -EINVAL, "a name that breaks lines");
	TRY(args.argv = 0, -EFAULT, "argv at null");
	TRY(args.argv_bytes = 4, -EINVAL, "argv without its last zero");
	TRY(args.argv_bytes = UINT32_MAX, -EINVAL, "argv of 4 GiB");
	TRY((args.argv_bytes = 40000, args.envp_bytes = 40000), -EINVAL, "strings above the limit");
	TRY(args.handle_count = CORDON_SPAWN_HANDLES + 1, -EINVAL, "too many handles");
	TRY((args.handle_count = 1, args.handles = 8), -EFAULT, "handles at a bad address");
	TRY(args.handle_count = 1, -EINVAL, "a handle without name");
	strcpy(handles[0].name, "a");
	handles[0].handle = 4000;
	TRY(args.handle_count = 1, -EBADF, "a handle that does not exist");
	handles[0].handle = CORDON_STDOUT;
	handles[0].rights = CORDON_RIGHT_MANAGE;
	TRY(args.handle_count = 1, -EACCES, "more rights than the giver has");
	handles[0].rights = 0;
	handles[0].flags = 2;
	TRY(args.handle_count = 1, -EINVAL, "unknown flags of a handle");
	handles[0].flags = 0;
	handles[0].reserved = 1;
	TRY(args.handle_count = 1, -EINVAL, "reserved not zero");
	handles[0].reserved = 0;
	handles[1] = handles[0];
	TRY(args.handle_count = 2, -EINVAL, "two handles of one name");
	cordon_handle_dup(CORDON_STDOUT, CORDON_RIGHT_WRITE, &weak);
	handles[0].handle = weak;
	TRY(args.handle_count = 1, -EACCES, "a handle without TRANSFER");
	cordon_handle_close(weak);
	cordon_handle_dup(test_initramfs(), CORDON_RIGHT_READ, &weak);
	TRY(args.image = weak, -EACCES, "an image without EXEC");
	cordon_handle_close(weak);
#undef TRY
}

/* System V ABI, generic: chapters 4 and 5. */
struct tiny_program {
	struct {
		uint8_t ident[16];
		uint16_t type, machine;
		uint32_t version;
		uint64_t entry, programs, sections;
		uint32_t flags;
		uint16_t size, program_size, program_count, section_size, section_count, names;
	} header;
	struct {
		uint32_t type, flags;
		uint64_t offset, address, physical, file_size, size, align;
	} segment;
	uint8_t code[8];
};

/* A program of one segment, which faults at once. */
static int64_t spawn_tiny(uint64_t address, cordon_handle_t *task)
{
	static char argv[] = "tiny";
	const struct tiny_program program = {
	        .header = {.ident = "\177ELF\2\1\1",
	                   .type = 2,
	                   .machine = 62,
	                   .version = 1,
	                   .entry = address + offsetof(struct tiny_program, code),
	                   .programs = sizeof(program.header),
	                   .size = sizeof(program.header),
	                   .program_size = sizeof(program.segment),
	                   .program_count = 1},
	        .segment = {.type = 1,
	                    .flags = 5,
	                    .address = address,
	                    .file_size = sizeof(program),
	                    .size = PAGE},
	        .code = {0x0f, 0x0b}, /* ud2 */
	};
	struct cordon_spawn args = {
	        .image_size = sizeof(program),
	        .argv = (uintptr_t)argv,
	        .argv_bytes = sizeof(argv),
	        .name = "tiny",
	};
	void *bytes = test_memory(PAGE, 0, &args.image);
	int64_t error;

	memcpy(bytes, &program, sizeof(program));
	error = cordon_task_spawn(&args, task);
	cordon_memory_unmap((uintptr_t)bytes, PAGE);
	cordon_handle_close(args.image);
	return error;
}

/* Programs may lie anywhere but where their stack does. */
static void test_segments(void)
{
	uint64_t stack = cordon_startup()->stack_low & ~(uint64_t)(PAGE - 1);
	cordon_handle_t task;

	tap_is(spawn_tiny(CORDON_USER_MAX - PAGE, &task), 0, "a segment at the very end");
	tap_is(child_wait(task).cause, CORDON_CAUSE_FAULT, "is executed");
	cordon_handle_close(task);
	tap_is(spawn_tiny(stack + PAGE, &task), -ENOEXEC, "a segment where the stack lies");
	tap_is(spawn_tiny(CORDON_USER_MAX, &task), -ENOEXEC, "a segment beyond");
}

/* Starting and ending tasks, also ones that fail, loses nothing. */
static void test_leaks(uint64_t threads)
{
	uint64_t pages = 0, heap = 0;

	for (int round = 0; round < 6; round++) {
		if (round == 2) {
			test_await_threads(threads);
			pages = test_free_frames();
			heap = test_counter("heap.bytes");
		}
		child_run(&(struct child){.arguments = {"exit", "1"}});
		child_run(&(struct child){.arguments = {"hoard"}, .budget = {.frames = 400}});
	}
	test_await_threads(threads);
	tap_is((int64_t)test_free_frames(), (int64_t)pages, "no frame is lost");
	tap_is((int64_t)test_counter("heap.bytes"), (int64_t)heap, "no kernel memory is lost");
}

int main(int argc, char **argv)
{
	uint64_t threads;

	if (argc > 1)
		return child_main(argc, argv);
	threads = test_counter("objects.thread");
	test_exit();
	test_faults();
	test_kill();
	test_preemption();
	test_budgets();
	test_spawn_errors();
	test_segments();
	test_leaks(threads);
	return tap_done();
}
