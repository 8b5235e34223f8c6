/* SPDX-License-Identifier: MIT */
/* System calls on channels. */
#include <cordon/errno.h>
#include <kernel/channel.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/syscall.h>
#include <kernel/task.h>
#include <kernel/user.h>

_Static_assert(sizeof(struct cordon_message) == 32, "user_read_32");

static inline int channel_get(cordon_handle_t handle, uint32_t rights, struct channel **out)
{
	struct object *object;
	int error = handle_get_inline(&task_current()->handles, handle, CORDON_OBJECT_CHANNEL,
	                              rights, &object, NULL);

	if (!error)
		*out = channel_from(object);
	return error;
}

int64_t sys_channel_create(cordon_handle_t *out)
{
	struct handle_table *table = &task_current()->handles;
	cordon_handle_t handles[2];
	struct channel *ends[2];
	int error = channel_create(task_current()->account, ends);

	if (error)
		return error;
	error = handle_add(table, &ends[0]->object, CORDON_RIGHTS_ALL, &handles[0]);
	if (error)
		goto unref;
	error = handle_add(table, &ends[1]->object, CORDON_RIGHTS_ALL, &handles[1]);
	if (error)
		goto close_first;
	error = user_write(uaddr((uintptr_t)out), handles, sizeof(handles));
	if (!error)
		goto unref;
	handle_close(table, handles[1]);
close_first:
	handle_close(table, handles[0]);
unref:
	object_unref(&ends[0]->object);
	object_unref(&ends[1]->object);
	return error;
}

/* --- sending --------------------------------------------------------------------------------- */

static void moved_unref(const struct handle_moved *moved, uint32_t count)
{
	while (count > 0)
		object_unref(moved[--count].object);
}

/* Finds what handles name, with a reference to each, and the rights that they are to keep. */
static int moved_decode(struct handle_moved *moved, uaddr_t user, uint32_t count)
{
	struct cordon_message_handle items[CORDON_MESSAGE_HANDLES];
	uint32_t done, have;
	int error = user_read(items, user, count * sizeof(items[0]));

	if (error)
		return error;
	for (done = 0; done < count; done++) {
		const struct cordon_message_handle *item = &items[done];

		error = item->type || item->reserved ? -EINVAL : 0;
		if (!error)
			error = handle_get(&task_current()->handles, item->handle,
			                   CORDON_OBJECT_NONE, CORDON_RIGHT_TRANSFER,
			                   &moved[done].object, &have);
		if (error)
			goto fail;
		moved[done].handle = item->handle;
		moved[done].rights = item->rights ? item->rights : have;
	}
	return 0;
fail:
	moved_unref(moved, done);
	return error;
}

/* Makes a message of what a task wants to send. */
static inline __attribute__((always_inline)) int message_decode(struct channel *end, uaddr_t user,
                                                                struct message **out)
{
	struct cordon_message args;
	struct message *message;
	int error = user_read_32(&args, user);

	if (error)
		return error;
	if (args.size > CORDON_MESSAGE_BYTES || args.handle_count > CORDON_MESSAGE_HANDLES)
		return -EMSGSIZE;
	message = message_create(end, task_current()->account, args.size, args.handle_count);
	if (!message)
		return -ENOMEM;
	message->id = args.id;
	message->answer = args.id != 0;
	error = user_read(message_bytes(message), uaddr(args.bytes), args.size);
	if (!error && args.handle_count)
		error = moved_decode(message->handles, uaddr(args.handles), args.handle_count);
	if (error)
		message_free(message);
	else
		*out = message;
	return error;
}

/* Sends a message that was decoded; frees it when that fails. */
static inline __attribute__((always_inline)) int message_perform(struct channel *end,
                                                                 struct message *message,
                                                                 struct channel_call *call)
{
	struct handle_moved moved[CORDON_MESSAGE_HANDLES];
	uint32_t count = message->handle_count;
	int error;

	/* Once sent, the message is the receiver's, and may be gone. */
	if (count > 0)
		memcpy(moved, message->handles, count * sizeof(moved[0]));
	error = channel_send(end, message, &task_current()->handles, call);
	if (count > 0)
		moved_unref(moved, count);
	if (error)
		message_free(message);
	return error;
}

int64_t sys_channel_send(cordon_handle_t handle, const struct cordon_message *user)
{
	struct message *message;
	struct channel *end;
	int error = channel_get(handle, CORDON_RIGHT_WRITE, &end);

	if (error)
		return error;
	error = message_decode(end, uaddr((uintptr_t)user), &message);
	if (!error)
		error = message_perform(end, message, NULL);
	object_unref(&end->object);
	return error;
}

/* --- receiving ------------------------------------------------------------------------------- */

/* Reads where a task wants to receive, and tries the room for handles by writing: once they are in
 * the task's table the message cannot go back. */
static inline __attribute__((always_inline)) int receive_decode(struct cordon_message *args,
                                                                uaddr_t user)
{
	static const struct cordon_message_handle none[CORDON_MESSAGE_HANDLES];
	int error = user_read_32(args, user);

	if (error || args->handle_count == 0)
		return error;
	if (args->handle_count > CORDON_MESSAGE_HANDLES)
		args->handle_count = CORDON_MESSAGE_HANDLES;
	return user_write(uaddr(args->handles), none, args->handle_count * sizeof(none[0]));
}

/* Puts a message's handles into the task's table and tells their numbers. */
static int handles_deliver(struct message *message, uaddr_t user)
{
	struct cordon_message_handle items[CORDON_MESSAGE_HANDLES] = {0};
	int error;

	/* Once in the table, another thread may close them. */
	for (uint32_t i = 0; i < message->handle_count; i++) {
		items[i].rights = message->handles[i].rights;
		items[i].type = message->handles[i].object->ops->type;
	}
	error = handle_put_all(&task_current()->handles, message->handles, message->handle_count);
	if (error)
		return error;
	for (uint32_t i = 0; i < message->handle_count; i++)
		items[i].handle = message->handles[i].handle;
	/* A task that unmaps the place meanwhile has the handles, and not their numbers. */
	user_write(user, items, message->handle_count * sizeof(items[0]));
	return 0;
}

/* Gives a message to the task; on failure it can still be put back. */
static inline __attribute__((always_inline)) int message_deliver(struct message *message,
                                                                 struct cordon_message *args,
                                                                 uaddr_t user)
{
	int error = user_write(uaddr(args->bytes), message_bytes(message), message->size);

	args->id = message->answer ? 0 : message->id;
	if (!error)
		error = user_write_32(user, args);
	if (!error && message->handle_count)
		error = handles_deliver(message, uaddr(args->handles));
	return error;
}

/* Delivers a message that is off the queue, or puts it back. */
static inline __attribute__((always_inline)) int message_finish(struct channel *end,
                                                                struct message *message,
                                                                struct cordon_message *args,
                                                                uaddr_t user)
{
	int error = message_deliver(message, args, user);

	if (error)
		channel_put_back(end, message);
	else
		message_free(message);
	return error;
}

int64_t sys_channel_receive(cordon_handle_t handle, struct cordon_message *user_args,
                            uint64_t deadline)
{
	uaddr_t user = uaddr((uintptr_t)user_args);
	struct cordon_message args;
	struct message *message;
	struct channel *end;
	int error = channel_get(handle, CORDON_RIGHT_READ, &end);

	if (error)
		return error;
	error = receive_decode(&args, user);
	if (error)
		goto unref;
	error = channel_receive(end, &args.size, &args.handle_count, deadline, &message);
	if (!error)
		error = message_finish(end, message, &args, user);
	else if (error == -EMSGSIZE && user_write_32(user, &args))
		error = -EFAULT;
unref:
	object_unref(&end->object);
	return error;
}

/* --- call and answer ------------------------------------------------------------------------- */

static inline __attribute__((always_inline)) int call_deliver(struct channel *end,
                                                              struct message *answer,
                                                              struct cordon_message *args,
                                                              uaddr_t user)
{
	bool fits = answer->size <= args->size && answer->handle_count <= args->handle_count;

	args->size = answer->size;
	args->handle_count = answer->handle_count;
	if (fits)
		return message_finish(end, answer, args, user);
	channel_put_back(end, answer);
	return user_write_32(user, args) ? -EFAULT : -EMSGSIZE;
}

/* Sends a message and waits for the answer to it. */
static int call_perform(struct channel *end, struct message *message, uint64_t deadline,
                        struct message **answer)
{
	struct channel_call call;
	int error;

	call.answer = NULL;
	call.error = 0;
	error = message_perform(end, message, &call);
	return error ? error : channel_call_wait(end, &call, deadline, answer);
}

int64_t sys_channel_call(cordon_handle_t handle, const struct cordon_message *request,
                         struct cordon_message *reply, uint64_t deadline)
{
	uaddr_t user = uaddr((uintptr_t)reply);
	struct message *message, *answer;
	struct cordon_message args;
	struct channel *end;
	int error = channel_get(handle, CORDON_RIGHT_READ | CORDON_RIGHT_WRITE, &end);

	if (error)
		return error;
	/* The request first: its handles and the answer's may have the same place. */
	error = message_decode(end, uaddr((uintptr_t)request), &message);
	if (error)
		goto unref;
	error = message->answer ? -EINVAL : receive_decode(&args, user);
	if (error) {
		moved_unref(message->handles, message->handle_count);
		message_free(message);
		goto unref;
	}
	error = call_perform(end, message, deadline, &answer);
	if (!error)
		error = call_deliver(end, answer, &args, user);
unref:
	object_unref(&end->object);
	return error;
}
