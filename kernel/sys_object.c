/* SPDX-License-Identifier: MIT */
/* System calls on handles, waiting, time and events. */
#include <cordon/errno.h>
#include <kernel/clock.h>
#include <kernel/event.h>
#include <kernel/sched.h>
#include <kernel/syscall.h>
#include <kernel/task.h>
#include <kernel/user.h>

#define SIGNALS_ALL                                                                   \
	(CORDON_SIGNAL_READABLE | CORDON_SIGNAL_WRITABLE | CORDON_SIGNAL_TERMINATED | \
	 CORDON_SIGNAL_PEER_CLOSED)

int64_t sys_handle_close(cordon_handle_t handle)
{
	return handle_close(&task_current()->handles, handle);
}

int64_t sys_handle_dup_from(cordon_handle_t handle, uint32_t rights, uint32_t lowest,
                            cordon_handle_t *out)
{
	struct handle_table *table = &task_current()->handles;
	struct object *object;
	cordon_handle_t copy;
	uint32_t have;
	int error;

	if (lowest >= CORDON_HANDLE_MAX)
		return -EINVAL;
	error = handle_get(table, handle, CORDON_OBJECT_NONE, CORDON_RIGHT_DUP, &object, &have);
	if (error)
		return error;
	if (rights & ~have)
		error = -EACCES;
	else
		error = handle_add_from(table, object, rights ? rights : have, lowest, &copy);
	object_unref(object);
	if (error)
		return error;
	error = user_write(uaddr((uintptr_t)out), &copy, sizeof(copy));
	if (error)
		handle_close(table, copy);
	return error;
}

int64_t sys_handle_dup(cordon_handle_t handle, uint32_t rights, cordon_handle_t *out)
{
	return sys_handle_dup_from(handle, rights, 0, out);
}

int64_t sys_handle_info(cordon_handle_t handle, struct cordon_handle_info *out)
{
	struct cordon_handle_info info;
	struct object *object;
	int error = handle_get(&task_current()->handles, handle, CORDON_OBJECT_NONE, 0, &object,
	                       &info.rights);

	if (error)
		return error;
	info.type = object->ops->type;
	info.id = object->id;
	object_unref(object);
	return user_write(uaddr((uintptr_t)out), &info, sizeof(info));
}

/* --- object_wait --- */

struct wait_entry {
	struct waiter waiter;
	struct object *object;
	uint32_t seen; /* the sequence that came with the item */
};

struct wait_set {
	uint32_t count;
	struct cordon_wait items[CORDON_WAIT_MAX];
	struct wait_entry entries[CORDON_WAIT_MAX];
};

/* Whether what an item asks can be asked: some known signals, and a sequence only with EDGE. */
static bool wait_item_is_valid(const struct cordon_wait *item)
{
	uint32_t signals = item->signals & ~CORDON_SIGNAL_EDGE;

	if (!signals || (signals & ~SIGNALS_ALL))
		return false;
	return item->signals & CORDON_SIGNAL_EDGE || item->sequence == 0;
}

/* Checks all items and takes a reference to each object; on failure none is left. */
static int wait_decode(struct wait_set *set, const struct cordon_wait *user, uint32_t count)
{
	int error;

	if (count == 0 || count > CORDON_WAIT_MAX)
		return -EINVAL;
	error = user_read(set->items, uaddr((uintptr_t)user), count * sizeof(*user));
	if (error)
		return error;
	for (set->count = 0; set->count < count; set->count++) {
		struct cordon_wait *item = &set->items[set->count];

		set->entries[set->count].seen = item->sequence;
		error = -EINVAL;
		if (!wait_item_is_valid(item))
			goto fail;
		error = handle_get(&task_current()->handles, item->handle, CORDON_OBJECT_NONE,
		                   CORDON_RIGHT_WAIT, &set->entries[set->count].object, NULL);
		if (error)
			goto fail;
	}
	return 0;
fail:
	while (set->count)
		object_unref(set->entries[--set->count].object);
	return error;
}

/* Notes what is pending for an item. With EDGE: nothing, unless something was raised since the
 * sequence that the caller knows. */
static void wait_item_update_locked(struct cordon_wait *item, const struct wait_entry *entry)
{
	const struct object *object = entry->object;
	bool news = !(item->signals & CORDON_SIGNAL_EDGE) || object->raises != entry->seen;

	item->pending = news ? object->signals & item->signals : 0;
	if (item->signals & CORDON_SIGNAL_EDGE)
		item->sequence = item->pending ? object->raises : entry->seen;
}

/* Notes which signals are raised; enlists the thread with objects that raise none. */
static int64_t wait_collect(struct wait_set *set, bool enlist)
{
	int64_t ready = 0;

	for (uint32_t i = 0; i < set->count; i++) {
		struct wait_entry *entry = &set->entries[i];
		struct object *object = entry->object;

		spin_lock(&object->lock);
		wait_item_update_locked(&set->items[i], entry);
		if (enlist) {
			entry->waiter.thread = thread_current();
			entry->waiter.signals = set->items[i].signals;
			list_append(&object->waiters, &entry->waiter.link);
		}
		spin_unlock(&object->lock);
		ready += set->items[i].pending != 0;
	}
	return ready;
}

static void wait_leave(struct wait_set *set)
{
	for (uint32_t i = 0; i < set->count; i++) {
		struct object *object = set->entries[i].object;

		spin_lock(&object->lock);
		list_remove(&set->entries[i].waiter.link);
		spin_unlock(&object->lock);
	}
}

int64_t sys_object_wait(struct cordon_wait *user, uint32_t count, uint64_t deadline)
{
	struct wait_set set;
	int64_t result = wait_decode(&set, user, count);

	if (result)
		return result;
	result = wait_collect(&set, false);
	while (result == 0) {
		int error = -ETIMEDOUT;

		if (deadline != CORDON_TIME_POLL) {
			sched_wait_prepare();
			if (wait_collect(&set, true) == 0)
				error = sched_wait(deadline);
			else
				error = 0;
			wait_leave(&set);
		}
		result = wait_collect(&set, false);
		if (result == 0 && error)
			result = error;
	}
	for (uint32_t i = 0; i < set.count; i++)
		object_unref(set.entries[i].object);
	if (user_write(uaddr((uintptr_t)user), set.items, set.count * sizeof(set.items[0])))
		return -EFAULT;
	return result;
}

/* --- time --- */

int64_t sys_clock_get(uint32_t clock, uint64_t *out)
{
	uint64_t now;

	if (clock == CORDON_CLOCK_MONOTONIC)
		now = clock_now();
	else if (clock == CORDON_CLOCK_REALTIME)
		now = clock_realtime();
	else
		return -EINVAL;
	return user_write_u64(uaddr((uintptr_t)out), now);
}

int64_t sys_clock_sleep(uint64_t deadline)
{
	int error;

	do {
		sched_wait_prepare();
		error = sched_wait(deadline);
	} while (error == 0);
	return error == -ETIMEDOUT ? 0 : error;
}

/* --- events --- */

int64_t sys_event_create(uint64_t initial, cordon_handle_t *out)
{
	struct event *event;
	int error = event_create(task_current()->account, initial, &event);

	return error ? error : syscall_return_handle(&event->object, out);
}

/* Of a handle to an event, with a reference. */
static inline int event_get(cordon_handle_t handle, uint32_t rights, struct event **out)
{
	struct object *object;
	int error = handle_get_inline(&task_current()->handles, handle, CORDON_OBJECT_EVENT, rights,
	                              &object, NULL);

	if (!error)
		*out = container_of(object, struct event, object);
	return error;
}

int64_t sys_event_signal(cordon_handle_t handle, uint64_t add)
{
	struct handle_table *table = &task_current()->handles;
	struct object *object;
	int error;

	/* Signalling is short and waits for nothing: the table's lock keeps the event meanwhile. */
	spin_lock(&table->lock);
	error = handle_find_locked(table, handle, CORDON_OBJECT_EVENT, CORDON_RIGHT_WRITE, &object,
	                           NULL);
	if (!error)
		error = event_add(container_of(object, struct event, object), add);
	spin_unlock(&table->lock);
	return error;
}

int64_t sys_event_take(cordon_handle_t handle, uint64_t *out)
{
	struct event *event;
	uint64_t count = 0;
	int error = event_get(handle, CORDON_RIGHT_READ, &event);

	if (error)
		return error;
	/* The place is tried first, so that a bad address does not lose the count. */
	error = user_write_u64(uaddr((uintptr_t)out), count);
	if (!error)
		error = event_take(event, &count);
	if (!error)
		error = user_write_u64(uaddr((uintptr_t)out), count);
	object_unref(&event->object);
	return error;
}

int64_t sys_event_wait(cordon_handle_t handle, uint64_t deadline, uint64_t *out)
{
	struct event *event;
	uint64_t count;
	int error = event_get(handle, CORDON_RIGHT_READ | CORDON_RIGHT_WAIT, &event);

	if (error)
		return error;
	error = event_wait(event, deadline, &count);
	if (!error) {
		error = user_write_u64(uaddr((uintptr_t)out), count);
		if (error) /* nobody heard of what was taken */
			event_add(event, count);
	}
	object_unref(&event->object);
	return error;
}
