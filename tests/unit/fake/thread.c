// SPDX-License-Identifier: MIT
#include <kernel/thread.h>
#include <kernel/wait.h>
#include <tests/unit/fake/fake.h>

uint64_t fake_wakes;
struct thread *fake_woken;

void thread_wake(struct thread *thread)
{
	fake_wakes++;
	fake_woken = thread;
	if (thread)
		thread->wake_pending = true;
}

void thread_wake_tell(struct thread *thread, bool *told)
{
	thread_wake(thread);
	*told = true;
}
