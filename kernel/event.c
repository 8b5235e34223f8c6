/* SPDX-License-Identifier: MIT */
#include <cordon/errno.h>
#include <kernel/account.h>
#include <kernel/event.h>
#include <kernel/heap.h>

static void event_destroy(struct object *object)
{
	struct event *event = container_of(object, struct event, object);

	account_uncharge(event->account, CHARGE_OBJECTS, 1);
	account_unref(event->account);
	heap_free(event);
}

static const struct object_ops event_ops = {
        .name = "event",
        .type = CORDON_OBJECT_EVENT,
        .rights = CORDON_RIGHT_READ | CORDON_RIGHT_WRITE | CORDON_RIGHT_DUP |
                  CORDON_RIGHT_TRANSFER | CORDON_RIGHT_WAIT,
        .destroy = event_destroy,
};

int event_create(struct account *account, uint64_t initial, struct event **out)
{
	int error = account_charge(account, CHARGE_OBJECTS, 1);
	if (error)
		return error;
	struct event *event = heap_alloc(sizeof(*event));
	if (!event) {
		account_uncharge(account, CHARGE_OBJECTS, 1);
		return -ENOMEM;
	}
	account_ref(account);
	event->account = account;
	event->count = initial;
	spin_init(&event->lock, RANK_EVENT, "event");
	object_init(&event->object, &event_ops);
	if (initial)
		object_signal(&event->object, 0, CORDON_SIGNAL_READABLE);
	*out = event;
	return 0;
}

int event_add(struct event *event, uint64_t add)
{
	int error = 0;

	spin_lock(&event->lock);
	if (event->count + add < add) {
		error = -EOVERFLOW;
	} else {
		event->count += add;
		if (event->count)
			object_signal(&event->object, 0, CORDON_SIGNAL_READABLE);
	}
	spin_unlock(&event->lock);
	return error;
}

int event_take(struct event *event, uint64_t *count)
{
	int error = 0;

	spin_lock(&event->lock);
	if (event->count == 0) {
		error = -EAGAIN;
	} else {
		*count = event->count;
		event->count = 0;
		object_signal(&event->object, CORDON_SIGNAL_READABLE, 0);
	}
	spin_unlock(&event->lock);
	return error;
}
