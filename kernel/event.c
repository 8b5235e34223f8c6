/* SPDX-License-Identifier: MIT */
#include <cordon/errno.h>
#include <kernel/account.h>
#include <kernel/event.h>

static void event_destroy(struct object *object)
{
	struct event *event = container_of(object, struct event, object);

	account_free_object(event->account, event, sizeof(*event));
}

static const struct object_ops event_ops = {
        .name = "event",
        .type = CORDON_OBJECT_EVENT,
        .rights = CORDON_RIGHT_READ | CORDON_RIGHT_WRITE | CORDON_RIGHT_DUP |
                  CORDON_RIGHT_TRANSFER | CORDON_RIGHT_WAIT,
        .destroy = event_destroy,
};

/* Makes the signals follow the count. Those that stay raised are raised again, because every
 * change of the count is an edge. */
static void event_raise_locked(struct event *event)
{
	const uint32_t both = CORDON_SIGNAL_READABLE | CORDON_SIGNAL_WRITABLE;
	uint32_t raised = 0;

	if (event->count > 0)
		raised |= CORDON_SIGNAL_READABLE;
	if (event->count < CORDON_EVENT_MAX)
		raised |= CORDON_SIGNAL_WRITABLE;
	object_signal_locked(&event->object, both & ~raised, raised);
}

int event_create(struct account *account, uint64_t initial, struct event **out)
{
	struct event *event;

	if (initial > CORDON_EVENT_MAX)
		return -EINVAL;
	event = account_alloc_object(account, sizeof(*event));
	if (!event)
		return -ENOMEM;
	event->account = account;
	event->count = initial;
	list_init(&event->takers);
	object_init(&event->object, &event_ops);
	spin_lock(&event->object.lock);
	event_raise_locked(event);
	spin_unlock(&event->object.lock);
	*out = event;
	return 0;
}

int event_add_locked(struct event *event, uint64_t add)
{
	if (add > CORDON_EVENT_MAX - event->count)
		return -EOVERFLOW;
	if (add > 0) {
		event->count += add;
		event_raise_locked(event);
	}
	return 0;
}

bool event_take_locked(struct event *event, uint64_t *count)
{
	if (event->count == 0)
		return false;
	*count = event->count;
	event->count = 0;
	event_raise_locked(event);
	return true;
}

int event_take(struct event *event, uint64_t *count)
{
	bool taken;

	spin_lock(&event->object.lock);
	taken = event_take_locked(event, count);
	spin_unlock(&event->object.lock);
	return taken ? 0 : -EAGAIN;
}
