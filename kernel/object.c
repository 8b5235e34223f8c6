/* SPDX-License-Identifier: MIT */
#include <kernel/object.h>
#include <kernel/panic.h>
#include <kernel/wait.h>

static uint64_t next_id = 1;
static uint64_t counts[CORDON_OBJECT_TYPES];

void object_init(struct object *object, const struct object_ops *ops)
{
	object->ops = ops;
	object->id = __atomic_fetch_add(&next_id, 1, __ATOMIC_RELAXED);
	object->references = 1;
	object->handles = 0;
	object->signals = 0;
	object->raises = 0;
	spin_init(&object->lock, RANK_OBJECT, ops->name);
	list_init(&object->waiters);
	__atomic_fetch_add(&counts[ops->type], 1, __ATOMIC_RELAXED);
}

void object_release(struct object *object)
{
	const struct object_ops *ops = object->ops;

	/* A handle is a reference, and so is a call that waits on the object. */
	ASSERT(object->handles == 0 && list_empty(&object->waiters));
	ops->destroy(object);
	/* Last: whoever sees by the counter that it is gone finds its memory given back. */
	__atomic_fetch_sub(&counts[ops->type], 1, __ATOMIC_RELEASE);
}

void object_handle_added(struct object *object)
{
	object_ref(object);
	__atomic_fetch_add(&object->handles, 1, __ATOMIC_RELAXED);
}

void object_handle_removed(struct object *object)
{
	uint32_t before = __atomic_fetch_sub(&object->handles, 1, __ATOMIC_ACQ_REL);

	ASSERT(before != 0);
	if (before == 1 && object->ops->unreachable)
		object->ops->unreachable(object);
	object_unref(object);
}

void object_wake_locked(struct object *object, uint32_t set, uint32_t raised)
{
	struct waiter *waiter;

	list_for_each(waiter, &object->waiters, link)
	{
		if (waiter->signals & (waiter->signals & CORDON_SIGNAL_EDGE ? set : raised))
			thread_wake(waiter->thread);
	}
}

uint64_t object_count(enum cordon_object_type type)
{
	return __atomic_load_n(&counts[type], __ATOMIC_ACQUIRE);
}
