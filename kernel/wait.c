/* SPDX-License-Identifier: MIT */
#include <kernel/object.h>
#include <kernel/sched.h>
#include <kernel/waiting.h>

int object_wait(struct object *object, uint32_t signals, uint64_t deadline)
{
	struct waiter waiter = {.thread = thread_current(), .signals = signals};
	bool raised;
	int error = 0;

	sched_wait_prepare();
	spin_lock(&object->lock);
	raised = object->signals & signals;
	list_append(&object->waiters, &waiter.link);
	spin_unlock(&object->lock);
	if (!raised)
		error = sched_wait(deadline);
	spin_lock(&object->lock);
	list_remove(&waiter.link);
	spin_unlock(&object->lock);
	return error;
}

int waiting_look_again(struct waiting *waiting, struct spinlock *lock, uint64_t deadline, int error)
{
	for (;;) {
		bool told;

		spin_lock(lock);
		told = waiting->told;
		if (!told && error)
			list_remove(&waiting->link);
		else if (!told)
			sched_wait_prepare(); /* somebody else's wake */
		spin_unlock(lock);
		if (told || error)
			return told ? 0 : error;
		error = sched_wait(deadline);
	}
}
