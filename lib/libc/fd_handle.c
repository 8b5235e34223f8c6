/* SPDX-License-Identifier: MIT */
/* Handles that the kernel's types explain, as files: consoles, events, and what can only be
 * waited on. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"

int handle_wait(cordon_handle_t handle, uint32_t signals)
{
	struct cordon_wait wait = {.handle = handle, .signals = signals};
	int64_t ready = cordon_object_wait(&wait, 1, CORDON_TIME_FOREVER);

	return ready < 0 ? (int)ready : 0;
}

/* --- console --- */

/* Waits until at least one byte was typed. The Return key sends a carriage return. */
ssize_t console_read(cordon_handle_t handle, uint32_t flags, void *bytes, size_t size)
{
	char *text = bytes;
	int64_t got;

	while ((got = cordon_console_read(handle, text, size)) == -EAGAIN) {
		if (flags & O_NONBLOCK)
			return -EAGAIN;
		got = handle_wait(handle, CORDON_SIGNAL_READABLE);
		if (got < 0)
			return got;
	}
	for (int64_t i = 0; i < got; i++)
		if (text[i] == '\r')
			text[i] = '\n';
	return got;
}

/* The kernel takes a part at a time. Also nothing at all is asked of it, which checks the handle.
 */
ssize_t console_write(cordon_handle_t handle, const void *bytes, size_t size)
{
	const char *from = bytes;
	size_t done = 0;

	do {
		int64_t wrote = cordon_console_write(handle, from + done, size - done);

		if (wrote == 0 && size > 0)
			wrote = -EIO;
		if (wrote < 0)
			return done > 0 ? (ssize_t)done : wrote;
		done += (size_t)wrote;
	} while (done < size);
	return (ssize_t)done;
}

static ssize_t console_read_op(struct description *d, void *bytes, size_t size)
{
	return console_read(description_handle(d), d->flags, bytes, size);
}

static ssize_t console_write_op(struct description *d, const void *bytes, size_t size)
{
	return console_write(description_handle(d), bytes, size);
}

static uint32_t readable_signals(struct description *d, short events)
{
	(void)d;
	return events & (POLLIN | POLLRDNORM) ? CORDON_SIGNAL_READABLE : 0;
}

static short console_ready(struct description *d, uint32_t raised)
{
	short ready = POLLOUT | POLLWRNORM;

	(void)d;
	if (raised & CORDON_SIGNAL_READABLE)
		ready |= POLLIN | POLLRDNORM;
	return ready;
}

/* --- events --- */

/* Takes the count, or 1 of it. In the second case the rest is put back: the library's lock keeps
 * other readers of the description away meanwhile. */
static int64_t event_take(cordon_handle_t handle, uint32_t flags, uint64_t *value)
{
	int64_t err = cordon_event_take(handle, value);

	if (err != 0 || !(flags & FD_SEMAPHORE) || *value == 1)
		return err;
	(void)cordon_event_signal(handle, *value - 1);
	*value = 1;
	return 0;
}

ssize_t event_read(cordon_handle_t handle, uint32_t flags, void *bytes, size_t size)
{
	static struct __lock semaphores;
	uint64_t value;
	int64_t err;

	if (size < sizeof(value))
		return -EINVAL;
	for (;;) {
		if (flags & FD_SEMAPHORE)
			lock_acquire(&semaphores);
		err = event_take(handle, flags, &value);
		if (flags & FD_SEMAPHORE)
			lock_release(&semaphores);
		if (err != -EAGAIN || flags & O_NONBLOCK)
			break;
		err = handle_wait(handle, CORDON_SIGNAL_READABLE);
		if (err != 0)
			break;
	}
	if (err != 0)
		return err;
	memcpy(bytes, &value, sizeof(value));
	return sizeof(value);
}

/* Waits until the count was taken, if the value does not fit beside it. Each taking is an edge. */
ssize_t event_write(cordon_handle_t handle, uint32_t flags, const void *bytes, size_t size)
{
	struct cordon_wait wait = {
	        .handle = handle,
	        .signals = CORDON_SIGNAL_WRITABLE | CORDON_SIGNAL_EDGE,
	};
	uint64_t value;
	int64_t err;

	if (size < sizeof(value))
		return -EINVAL;
	memcpy(&value, bytes, sizeof(value));
	if (value > CORDON_EVENT_MAX)
		return -EINVAL;
	while ((err = cordon_event_signal(handle, value)) == -EOVERFLOW) {
		if (flags & O_NONBLOCK)
			return -EAGAIN;
		err = cordon_object_wait(&wait, 1, CORDON_TIME_FOREVER);
		if (err < 0)
			break;
	}
	return err < 0 ? err : (ssize_t)sizeof(value);
}

static ssize_t event_read_op(struct description *d, void *bytes, size_t size)
{
	return event_read(description_handle(d), d->flags, bytes, size);
}

static ssize_t event_write_op(struct description *d, const void *bytes, size_t size)
{
	return event_write(description_handle(d), d->flags, bytes, size);
}

uint32_t event_signals(struct description *d, short events)
{
	uint32_t signals = readable_signals(d, events);

	if (events & (POLLOUT | POLLWRNORM))
		signals |= CORDON_SIGNAL_WRITABLE;
	return signals;
}

short event_ready(struct description *d, uint32_t raised)
{
	short ready = 0;

	(void)d;
	if (raised & CORDON_SIGNAL_READABLE)
		ready |= POLLIN | POLLRDNORM;
	if (raised & CORDON_SIGNAL_WRITABLE)
		ready |= POLLOUT | POLLWRNORM;
	if (raised & CORDON_SIGNAL_TERMINATED)
		ready |= POLLHUP;
	return ready;
}

/* --- other objects: tasks, threads, containers --- */

static uint32_t other_signals(struct description *d, short events)
{
	return event_signals(d, events) | CORDON_SIGNAL_TERMINATED;
}

static void handle_release(struct description *d)
{
	free(d);
}

const struct fd_ops *handle_ops(uint32_t type)
{
	static const struct fd_ops console = {
	        .read = console_read_op,
	        .write = console_write_op,
	        .signals = readable_signals,
	        .ready = console_ready,
	        .release = handle_release,
	};
	static const struct fd_ops event = {
	        .read = event_read_op,
	        .write = event_write_op,
	        .signals = event_signals,
	        .ready = event_ready,
	        .release = handle_release,
	};
	static const struct fd_ops other = {
	        .signals = other_signals,
	        .ready = event_ready,
	        .release = handle_release,
	};

	switch (type) {
	case CORDON_OBJECT_CONSOLE:
		return &console;
	case CORDON_OBJECT_EVENT:
		return &event;
	default:
		return &other;
	}
}

int cordon_handle_fd(cordon_handle_t handle)
{
	struct description *d;
	int err = fd_adopt(handle, &d);

	if (err != 0)
		return cordon_errno(err);
	description_put(d);
	return handle & (CORDON_HANDLE_MAX - 1);
}
