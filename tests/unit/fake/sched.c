// SPDX-License-Identifier: MIT
/* One thread, the caller: while it waits, the hook stands for everything else. */
#include <cordon/errno.h>
#include <kernel/sched.h>
#include <tests/unit/fake/fake.h>

static struct thread thread;
static uint64_t wakes_before;
static void (*wait_hook)(void *context);
static void *wait_context;

void fake_on_wait(void (*hook)(void *context), void *context)
{
	wait_hook = hook;
	wait_context = context;
}

struct thread *thread_current(void)
{
	return &thread;
}

void sched_wait_prepare(void)
{
	wakes_before = fake_wakes;
}

int sched_wait(uint64_t deadline)
{
	(void)deadline;
	if (wait_hook && fake_wakes == wakes_before)
		wait_hook(wait_context);
	return fake_wakes != wakes_before ? 0 : -ETIMEDOUT;
}
