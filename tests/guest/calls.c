/* SPDX-License-Identifier: MIT */
/*
 * Wrong arguments on every system call that needs no device: each gives the documented error
 * and changes nothing. The calls on containers, groups and devices are in vfio_calls.c.
 */
#include <cordon/errno.h>
#include <stdio.h>
#include <string.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>

#define PAGE 4096u

static cordon_handle_t memory; /* two pages, all rights */
static uint8_t *edge;          /* its last byte is the last one mapped */
static uint8_t *read_only;     /* a page that cannot be written */

/* Pointers that no call may take: null, kernel, non-canonical, wrapping, unmapped. */
static void *const bad_pointers[] = {
        NULL,
        (void *)0x1000,
        (void *)(uintptr_t)CORDON_USER_MAX,
        (void *)0x7fffffffffff,
        (void *)0x8000000000000000,
        (void *)0xffff800000100000,
        (void *)0xffffffff80000000,
        (void *)0xfffffffffffffff8,
};

static void prepare(void)
{
	struct cordon_memory_map map = {.size = PAGE, .prot = CORDON_PROT_READ};
	cordon_handle_t handle;

	if (cordon_memory_create(PAGE, 0, &handle) < 0 || cordon_memory_map(handle, &map) < 0)
		tap_bail("no read-only page");
	read_only = (uint8_t *)(uintptr_t)map.address;
	/* Last, so that nothing comes to lie behind it. */
	edge = test_memory(2 * PAGE, 0, &memory);
	if (cordon_memory_unmap((uintptr_t)edge + PAGE, PAGE) < 0)
		tap_bail("no edge");
	edge += PAGE - 1;
}

/* A call that writes `size` bytes through its last argument: EFAULT for every bad place, also when
 * only the last byte of it is bad. */
#define CHECK_OUT(name, size, call)                                                          \
	do {                                                                                 \
		bool every_ = true;                                                          \
		for (unsigned int i = 0; i < sizeof(bad_pointers) / sizeof(bad_pointers[0]); \
		     i++) {                                                                  \
			void *out = bad_pointers[i];                                         \
			if ((call) != -EFAULT) {                                             \
				every_ = false;                                              \
				tap_note("%s: bad pointer %u", name, i);                     \
			}                                                                    \
		}                                                                            \
		for (unsigned int i = 1; i < (size); i++) {                                  \
			void *out = edge + 1 - i;                                            \
			if ((call) != -EFAULT) {                                             \
				every_ = false;                                              \
				tap_note("%s: only %u bytes mapped", name, i);               \
			}                                                                    \
		}                                                                            \
		{                                                                            \
			void *out = read_only;                                               \
			if ((call) != -EFAULT) {                                             \
				every_ = false;                                              \
				tap_note("%s: read-only page", name);                        \
			}                                                                    \
		}                                                                            \
		tap_ok(every_, "%s: a bad pointer at any byte is EFAULT", name);             \
	} while (0)

/* The same for a call that reads through a pointer. */
#define CHECK_IN(name, size, call)                                                           \
	do {                                                                                 \
		bool every_ = true;                                                          \
		for (unsigned int i = 0; i < sizeof(bad_pointers) / sizeof(bad_pointers[0]); \
		     i++) {                                                                  \
			const void *in = bad_pointers[i];                                    \
			if ((call) != -EFAULT)                                               \
				every_ = false;                                              \
		}                                                                            \
		for (unsigned int i = 1; i < (size); i++) {                                  \
			const void *in = edge + 1 - i;                                       \
			if ((call) != -EFAULT)                                               \
				every_ = false;                                              \
		}                                                                            \
		tap_ok(every_, "%s: a bad pointer at any byte is EFAULT", name);             \
	} while (0)

static uint32_t handles_in_use(void)
{
	struct cordon_task_info info;
	uint32_t index = 0;

	while (cordon_system_info(test_authority(), CORDON_SYSTEM_TASKS, index, &info,
	                          sizeof(info)) == 0) {
		if (strcmp(info.name, "init") != 0 && info.state == CORDON_TASK_RUNNING)
			return info.handles;
		index++;
	}
	tap_bail("this task is not listed");
}

static void test_numbers(void)
{
	int64_t result;
	bool all = true;

	for (uint64_t number = 0; number < 256; number++) {
		bool named = false;
#define SYSCALL(n, name, prototype) named |= number == (n);
#include <cordon/syscalls.def>
#undef SYSCALL
		if (named)
			continue;
		__asm__ volatile("syscall"
		                 : "=a"(result)
		                 : "a"(number)
		                 : "rcx", "r11", "rdi", "rsi", "rdx", "r8", "r9", "r10", "memory");
		all &= result == -ENOSYS;
	}
	for (int shift = 7; shift < 64; shift++) {
		__asm__ volatile("syscall"
		                 : "=a"(result)
		                 : "a"(UINT64_C(1) << shift)
		                 : "rcx", "r11", "rdi", "rsi", "rdx", "r8", "r9", "r10", "memory");
		all &= result == -ENOSYS;
	}
	tap_ok(all, "numbers that name no call are ENOSYS");
	tap_is(cordon_null(), 0, "null");
}

static void test_registers(void)
{
	uint64_t rdi = 1, rsi = 2, rdx = 3, result;
	register uint64_t r8 __asm__("r8") = 5;
	register uint64_t r9 __asm__("r9") = 6;
	register uint64_t r10 __asm__("r10") = 4;

	__asm__ volatile("syscall"
	                 : "=a"(result), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r8), "+r"(r9),
	                   "+r"(r10)
	                 : "a"((uint64_t)CORDON_SYS_null)
	                 : "rcx", "r11", "memory");
	tap_ok(!rdi && !rsi && !rdx && !r8 && !r9 && !r10,
	       "argument registers come back as zero: nothing of the kernel leaks");
}

static void test_handles(void)
{
	static const cordon_handle_t bad[] = {-1, INT32_MIN, INT32_MAX, 4095, 1 << 12, 4000};
	struct cordon_handle_info info;
	cordon_handle_t copy, weak, again;
	bool all = true;

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		all &= cordon_handle_close(bad[i]) == -EBADF;
		all &= cordon_handle_info(bad[i], &info) == -EBADF;
		all &= cordon_handle_dup(bad[i], 0, &copy) == -EBADF;
	}
	tap_ok(all, "handles that were never given are EBADF");
	CHECK_OUT("handle_info", sizeof(info), cordon_handle_info(memory, out));
	uint32_t before = handles_in_use();
	CHECK_OUT("handle_dup", sizeof(copy), cordon_handle_dup(memory, 0, out));
	tap_is(handles_in_use(), before, "handle_dup: no handle is left behind");

	tap_is(cordon_handle_dup(memory, CORDON_RIGHT_READ | CORDON_RIGHT_DUP, &weak), 0,
	       "handle_dup: fewer rights");
	tap_is(cordon_handle_info(weak, &info), 0, "handle_info of it");
	tap_ok(info.rights == (CORDON_RIGHT_READ | CORDON_RIGHT_DUP), "it has just these rights");
	tap_is(cordon_handle_dup(weak, CORDON_RIGHT_WRITE, &copy), -EACCES,
	       "handle_dup: more rights than it has is EACCES");
	tap_is(cordon_handle_dup(weak, CORDON_RIGHT_READ, &copy), 0, "handle_dup without DUP");
	tap_is(cordon_handle_dup(copy, 0, &again), -EACCES, "which cannot be duplicated");
	tap_is(cordon_handle_close(copy), 0, "handle_close");
	tap_is(cordon_handle_close(copy), -EBADF, "S10: closing again is EBADF");
	tap_is(cordon_handle_dup(weak, 0, &again), 0, "the slot is used again");
	tap_ok(again != copy && cordon_handle_info(copy, &info) == -EBADF,
	       "the stale handle does not name the new one");
	cordon_handle_close(again);
	cordon_handle_close(weak);
}

static void test_wait(void)
{
	struct cordon_wait items[2] = {{.signals = CORDON_SIGNAL_READABLE}};
	struct cordon_wait many[CORDON_WAIT_MAX + 1] = {{0}};
	cordon_handle_t event;

	tap_is(cordon_event_create(0, &event), 0, "event_create");
	items[0].handle = event;
	tap_is(cordon_object_wait(items, 0, 0), -EINVAL, "object_wait: no item");
	tap_is(cordon_object_wait(many, CORDON_WAIT_MAX + 1, 0), -EINVAL, "object_wait: too many");
	tap_is(cordon_object_wait(items, 1, CORDON_TIME_POLL), -ETIMEDOUT, "object_wait: poll");
	tap_is(cordon_object_wait(items, 1, cordon_now() + 2000000), -ETIMEDOUT,
	       "object_wait: deadline");
	items[0].signals = 0x8000;
	tap_is(cordon_object_wait(items, 1, 0), -EINVAL, "object_wait: unknown signal");
	items[0].signals = 0;
	tap_is(cordon_object_wait(items, 1, 0), -EINVAL, "object_wait: no signal");
	items[0].signals = CORDON_SIGNAL_READABLE;
	items[0].signals = CORDON_SIGNAL_EDGE;
	tap_is(cordon_object_wait(items, 1, 0), -EINVAL, "object_wait: an edge of no signal");
	items[0].signals = CORDON_SIGNAL_READABLE;
	items[0].sequence = 1;
	tap_is(cordon_object_wait(items, 1, 0), -EINVAL, "object_wait: a sequence without EDGE");
	items[0].sequence = 0;
	items[1] = (struct cordon_wait){.handle = memory, .signals = CORDON_SIGNAL_READABLE};
	items[1].handle = 4000;
	tap_is(cordon_object_wait(items, 2, 0), -EBADF, "object_wait: one bad handle");
	tap_is(cordon_event_signal(event, 3), 0, "event_signal");
	tap_is(cordon_object_wait(items, 1, CORDON_TIME_FOREVER), 1, "object_wait: raised");
	tap_ok(items[0].pending == CORDON_SIGNAL_READABLE, "and says which");
	CHECK_IN("object_wait", sizeof(items[0]),
	         cordon_object_wait((struct cordon_wait *)(uintptr_t)in, 1, 0));
	cordon_handle_close(event);
}

/* Adds to an event some time after it is started. */
static void signal_later(void *event)
{
	test_sleep_ms(20);
	cordon_event_signal(*(cordon_handle_t *)event, 1);
}

static void test_edges(void)
{
	struct cordon_thread_control *thread;
	struct cordon_wait item = {.signals = CORDON_SIGNAL_READABLE | CORDON_SIGNAL_EDGE};
	uint64_t start, value;

	cordon_event_create(0, &item.handle);
	tap_is(cordon_object_wait(&item, 1, 0), -ETIMEDOUT, "edges: nothing is raised");
	cordon_event_signal(item.handle, 1);
	tap_is(cordon_object_wait(&item, 1, 0), 1, "edges: a signal is told");
	tap_is(cordon_object_wait(&item, 1, 0), -ETIMEDOUT, "edges: once");
	cordon_event_signal(item.handle, 1);
	tap_is(cordon_object_wait(&item, 1, 0), 1, "edges: raised again while raised is news");
	tap_is(cordon_thread_start("later", signal_later, &item.handle, 0, &thread), 0,
	       "edges: a thread that signals");
	start = cordon_now();
	tap_ok(cordon_object_wait(&item, 1, start + UINT64_C(10000000000)) == 1 &&
	               cordon_now() - start < UINT64_C(5000000000),
	       "edges: it wakes a waiter although the signal was raised");
	cordon_thread_join(thread);
	cordon_event_take(item.handle, &value);
	tap_is(cordon_object_wait(&item, 1, 0), -ETIMEDOUT, "edges: taking is no news to a reader");
	cordon_handle_close(item.handle);
}

static void test_events(void)
{
	struct cordon_wait item = {.signals = CORDON_SIGNAL_WRITABLE};
	cordon_handle_t event;
	uint64_t value = 0;

	tap_is(cordon_event_create(UINT64_MAX, &event), -EINVAL, "event_create: too much");
	tap_is(cordon_event_create(CORDON_EVENT_MAX, &event), 0, "event_create with a count");
	tap_is(cordon_event_signal(event, 1), -EOVERFLOW, "event_signal: too much");
	tap_is(cordon_event_signal(event, UINT64_MAX), -EOVERFLOW, "event_signal: would wrap");
	item.handle = event;
	tap_is(cordon_object_wait(&item, 1, 0), -ETIMEDOUT, "a full event is not writable");
	CHECK_OUT("event_take", sizeof(value), cordon_event_take(event, out));
	tap_is(cordon_event_take(event, &value), 0, "event_take: no failed try took the count");
	tap_ok(value == CORDON_EVENT_MAX, "the count is whole");
	tap_is(cordon_object_wait(&item, 1, 0), 1, "an empty event is writable");
	tap_is(cordon_event_take(event, &value), -EAGAIN, "event_take: zero is EAGAIN");
	tap_is(cordon_event_take(memory, &value), -EBADF, "event_take: another type is EBADF");
	tap_is(cordon_event_signal(memory, 1), -EBADF, "event_signal: another type is EBADF");
	CHECK_OUT("event_create", sizeof(event), cordon_event_create(0, out));
	cordon_handle_close(event);
}

static void test_console_and_clock(void)
{
	uint64_t now, later;
	char byte;

	tap_is(cordon_console_write(memory, "x", 1), -EBADF, "console_write: another type");
	CHECK_IN("console_write", 4, cordon_console_write(CORDON_STDOUT, in, 4));
	tap_is(cordon_console_write(CORDON_STDOUT, NULL, 0), 0, "console_write: nothing");
	tap_is(cordon_console_read(CORDON_STDIN, &byte, 1), -EAGAIN, "console_read: nothing typed");
	CHECK_OUT("console_read", 8, cordon_console_read(CORDON_STDIN, out, 8));
	tap_is(cordon_clock_get(2, &now), -EINVAL, "clock_get: unknown clock");
	CHECK_OUT("clock_get", sizeof(now), cordon_clock_get(CORDON_CLOCK_MONOTONIC, out));
	cordon_clock_get(CORDON_CLOCK_MONOTONIC, &now);
	tap_is(cordon_clock_sleep(now + 5000000), 0, "clock_sleep");
	cordon_clock_get(CORDON_CLOCK_MONOTONIC, &later);
	tap_ok(later >= now + 5000000, "it slept long enough");
	tap_is(cordon_clock_sleep(0), 0, "clock_sleep: the past");
	tap_is(cordon_system_log("x", 201), -EINVAL, "system_log: too long");
	CHECK_IN("system_log", 8, cordon_system_log(in, 8));
}

static void test_authority_calls(void)
{
	cordon_handle_t authority = test_authority(), weak;
	struct cordon_task_info info;
	uint8_t bytes[16];
	uint64_t address;

	tap_is(cordon_system_info(memory, CORDON_SYSTEM_TASKS, 0, &info, sizeof(info)), -EBADF,
	       "system_info: another type");
	tap_is(cordon_system_info(authority, 99, 0, &info, sizeof(info)), -EINVAL,
	       "system_info: unknown topic");
	tap_is(cordon_system_info(authority, CORDON_SYSTEM_TASKS, 9999, &info, sizeof(info)),
	       -ENOENT, "system_info: past the end");
	tap_is(cordon_system_info(authority, CORDON_SYSTEM_TASKS, 0, &info, sizeof(info) - 1),
	       -EMSGSIZE, "system_info: too small");
	CHECK_OUT("system_info", sizeof(info),
	          cordon_system_info(authority, CORDON_SYSTEM_TASKS, 0, out, sizeof(info)));
	tap_is(cordon_system_cmdline(authority, (char *)bytes, 1), -EMSGSIZE,
	       "system_cmdline: too small");
	tap_is(cordon_handle_dup(authority, CORDON_RIGHT_DUP, &weak), 0,
	       "an authority without rights");
	tap_is(cordon_system_info(weak, 0, 0, &info, sizeof(info)), -EACCES, "cannot inspect");
	tap_is(cordon_system_canary(weak, &address), -EACCES, "nor ask for the canary");
	tap_is(cordon_system_poweroff(weak, 0), -EACCES, "nor power off");
	tap_is(cordon_group_open(weak, 0, &weak), -EACCES, "nor open a group");
	tap_is(cordon_system_memory_address(authority, memory, 2 * PAGE, &address), -ERANGE,
	       "system_memory_address: outside");
	CHECK_OUT("system_memory_address", 8,
	          cordon_system_memory_address(authority, memory, 0, out));
	tap_is(cordon_system_memory_read(authority, 0, bytes, PAGE + 1), -EINVAL,
	       "system_memory_read: too much");
	tap_is(cordon_system_memory_read(authority, 0xfed90000, bytes, 8), -EINVAL,
	       "system_memory_read: registers are no RAM");
	tap_is(cordon_system_memory_read(authority, UINT64_MAX - 3, bytes, 8), -EINVAL,
	       "system_memory_read: wraps");
	CHECK_OUT("system_canary", 8, cordon_system_canary(authority, out));
}

int main(void)
{
	prepare();
	test_numbers();
	test_registers();
	test_handles();
	test_wait();
	test_edges();
	test_events();
	test_console_and_clock();
	test_authority_calls();
	return tap_done();
}
