/* SPDX-License-Identifier: MIT */
#include <arch/console.h>
#include <cordon/errno.h>
#include <cordon/syscall.h>
#include <kernel/console.h>
#include <kernel/log.h>
#include <kernel/sched.h>
#include <kernel/syscall.h>
#include <kernel/task.h>
#include <kernel/user.h>

#define CONSOLE_WRITE_MAX 4096u
#define CONSOLE_CHUNK     256u
#define CONSOLE_INPUT     1024u /* typed bytes that wait; more are dropped */

static struct {
	struct object object;
	struct spinlock lock;
	uint32_t head, tail; /* free running; the difference is what waits */
	char input[CONSOLE_INPUT];
} console;

static void console_destroy(struct object *object)
{
	(void)object; /* the kernel keeps a reference for ever */
}

static const struct object_ops console_ops = {
        .name = "console",
        .type = CORDON_OBJECT_CONSOLE,
        .rights = CORDON_RIGHT_READ | CORDON_RIGHT_WRITE | CORDON_RIGHT_DUP |
                  CORDON_RIGHT_TRANSFER | CORDON_RIGHT_WAIT,
        .destroy = console_destroy,
};

void console_init(void)
{
	object_init(&console.object, &console_ops);
	spin_init(&console.lock, RANK_CONSOLE, "console");
}

struct object *console_object(void)
{
	object_ref(&console.object);
	return &console.object;
}

void console_receive(void)
{
	int byte;

	spin_lock(&console.lock);
	while ((byte = console_get()) >= 0)
		if (console.tail - console.head < CONSOLE_INPUT)
			console.input[console.tail++ % CONSOLE_INPUT] = (char)byte;
	if (console.tail != console.head)
		object_signal(&console.object, 0, CORDON_SIGNAL_READABLE);
	spin_unlock(&console.lock);
}

/* Takes up to size bytes that were typed. */
static uint32_t console_take(char *bytes, uint32_t size)
{
	uint32_t count = 0;

	spin_lock(&console.lock);
	while (count < size && console.head != console.tail)
		bytes[count++] = console.input[console.head++ % CONSOLE_INPUT];
	if (console.head == console.tail)
		object_signal(&console.object, CORDON_SIGNAL_READABLE, 0);
	spin_unlock(&console.lock);
	return count;
}

int64_t sys_console_write(cordon_handle_t handle, const void *bytes, uint64_t size)
{
	struct object *object;
	char chunk[CONSOLE_CHUNK];
	int64_t result = handle_get(&task_current()->handles, handle, CORDON_OBJECT_CONSOLE,
	                            CORDON_RIGHT_WRITE, &object, NULL);
	if (result)
		return result;
	size = min_u64(size, CONSOLE_WRITE_MAX);
	for (uint64_t done = 0; done < size;) {
		uint64_t count = min_u64(size - done, sizeof(chunk));
		if (user_read(chunk, uaddr((uintptr_t)bytes + done), count)) {
			result = done ? (int64_t)done : -EFAULT;
			goto out;
		}
		log_console_put(chunk, count);
		done += count;
		if (done == size)
			break;
		if (task_pause()) /* the line is slow */
			size = done;
	}
	result = (int64_t)size;
out:
	object_unref(object);
	return result;
}

int64_t sys_console_read(cordon_handle_t handle, void *bytes, uint64_t size)
{
	struct object *object;
	char chunk[CONSOLE_CHUNK];
	int64_t result = handle_get(&task_current()->handles, handle, CORDON_OBJECT_CONSOLE,
	                            CORDON_RIGHT_READ, &object, NULL);
	if (result)
		return result;
	object_unref(object);
	size = min_u64(size, sizeof(chunk));
	if (size == 0)
		return 0;
	/* The buffer is tried first, so that a bad address does not lose what was typed. */
	for (uint32_t i = 0; i < size; i++)
		chunk[i] = 0;
	if (user_write(uaddr((uintptr_t)bytes), chunk, size))
		return -EFAULT;
	uint32_t count = console_take(chunk, (uint32_t)size);
	if (count == 0)
		return -EAGAIN;
	if (user_write(uaddr((uintptr_t)bytes), chunk, count))
		return -EFAULT;
	return count;
}
