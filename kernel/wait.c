/* SPDX-License-Identifier: MIT */
#include <kernel/object.h>
#include <kernel/sched.h>

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
