// SPDX-License-Identifier: MIT
/* One thread, the caller: while it waits, the hook stands for everything else. A test that plays
 * several sets fake_percpu.current. */
#include <cordon/errno.h>
#include <arch/cpu.h>
#include <arch/percpu.h>
#include <kernel/clock.h>
#include <kernel/panic.h>
#include <kernel/sched.h>
#include <tests/unit/fake/fake.h>

static void (*wait_hook)(void *context);
static void *wait_context;

void fake_on_wait(void (*hook)(void *context), void *context)
{
	wait_hook = hook;
	wait_context = context;
}

int sched_wait(uint64_t deadline)
{
	(void)deadline;
	if (wait_hook && !thread_current()->wake_pending)
		wait_hook(wait_context);
	return thread_current()->wake_pending ? 0 : -ETIMEDOUT;
}

uint64_t fake_sched_points;
void (*fake_others_run)(void);

void sched_point(void)
{
	ASSERT(percpu()->lock_depth == 0);
	fake_sched_points++;
	if (fake_others_run)
		fake_others_run();
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
