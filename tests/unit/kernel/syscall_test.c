/* SPDX-License-Identifier: MIT */
/* The table of system calls, and what must be settled when a call ends. */
#include <criterion/criterion.h>
#include <signal.h>

#include <arch/percpu.h>
#include <cordon/errno.h>
#include <kernel/lock.h>
#include <kernel/mark.h>
#include <kernel/syscall.h>
#include <kernel/task.h>
#include <kernel/trace.h>
#include <tests/unit/fake/fake.h>

/* Every call answers with its number; those that the table's source has itself stay as they are. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#define SYSCALL(number, name, prototype)                   \
	__attribute__((weak)) int64_t sys_##name prototype \
	{                                                  \
		return number;                             \
	}
#include <cordon/syscalls.def>
#undef SYSCALL
#pragma GCC diagnostic pop

static struct task caller; /* whose calls are not traced */
static const uint64_t none[6];

static void set_up(void)
{
	thread_current()->task = &caller;
}

TestSuite(syscall, .init = set_up);

void trace_enter(uint64_t number, const uint64_t arguments[6])
{
	(void)arguments;
	cr_assert_fail("call %llu is traced", (unsigned long long)number);
}

void trace_leave(uint64_t number, const uint64_t arguments[6], int64_t result)
{
	(void)arguments;
	(void)result;
	cr_assert_fail("call %llu is traced", (unsigned long long)number);
}

void mark_call_enter(uint64_t number)
{
	(void)number;
}

void mark_call_leave(uint64_t number)
{
	(void)number;
}

Test(syscall, each_number_reaches_its_call_and_any_other_is_enosys)
{
	const char *names[CORDON_SYSCALL_LIMIT] = {NULL};
	unsigned int calls = 0;

#define SYSCALL(number, name, prototype) names[number] = #name;
#include <cordon/syscalls.def>
#undef SYSCALL
	for (unsigned int i = 0; i < CORDON_SYSCALL_LIMIT; i++) {
		if (names[i]) {
			cr_expect_eq(syscall_table[i](), i);
			cr_expect_str_eq(syscall_name(i), names[i]);
			calls++;
		} else {
			cr_expect_eq(syscall_table[i](), -ENOSYS);
			cr_expect_null(syscall_name(i));
		}
	}
	cr_expect_gt(calls, 30);
	cr_expect_null(syscall_name(CORDON_SYSCALL_LIMIT));
}

Test(syscall, S3_a_call_that_settled_everything_ends)
{
	syscall_watch_start();
	cr_assert(syscall_watched, "debug kernels look at every call");
	syscall_enter(0, none);
	percpu()->obligations++;
	percpu()->obligations--;
	syscall_leave(0, none, 0);
}

Test(syscall, S3_a_call_that_ends_with_a_flush_owed_panics, .signal = SIGABRT)
{
	syscall_enter(0, none);
	percpu()->obligations++;
	syscall_leave(0, none, 0);
}

Test(syscall, a_call_that_ends_with_a_lock_held_panics, .signal = SIGABRT)
{
	static struct spinlock lock = SPINLOCK_INIT(RANK_HEAP, "forgotten");

	syscall_enter(0, none);
	spin_lock(&lock);
	syscall_leave(0, none, 0);
}
