// SPDX-License-Identifier: MIT
/* One thread, the caller: while it waits, the hook stands for everything else. A test that plays
 * several sets fake_percpu.current. */
#include <cordon/errno.h>
#include <arch/cpu.h>
#include <arch/percpu.h>
#include <kernel/clock.h>
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

__attribute__((constructor)) static void begin(void)
{
	fake_percpu.current = &thread;
}

struct thread *thread_current(void)
{
	return fake_percpu.current;
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

void sched_block(void)
{
	sched_wait(UINT64_MAX);
}

void sched_sleep(uint64_t until)
{
	while (clock_now() < until)
		arch_cpu_relax();
}
