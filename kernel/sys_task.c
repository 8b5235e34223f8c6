/* SPDX-License-Identifier: MIT */
/* System calls on tasks and threads. */
#include <arch/context.h>
#include <cordon/errno.h>
#include <kernel/account.h>
#include <kernel/futex.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/syscall.h>
#include <kernel/task.h>
#include <kernel/user.h>

/* What task_spawn checked and copied before anything is created. Others run while the program is
 * loaded, so the caller pays for it. */
struct spawn_request {
	struct account *payer;
	struct cordon_spawn args;
	struct spawn spawn;
	char *strings;
	struct cordon_spawn_handle *wanted;
	struct spawn_handle *handles;
	struct object *image;
};

static size_t strings_size(const struct spawn_request *request)
{
	return (size_t)request->args.argv_bytes + request->args.envp_bytes + 1;
}

static size_t wanted_size(const struct spawn_request *request)
{
	return (request->args.handle_count + 1) * sizeof(*request->wanted);
}

static size_t handles_size(const struct spawn_request *request)
{
	return (request->args.handle_count + 1) * sizeof(*request->handles);
}

static bool name_is_valid(const char name[CORDON_NAME_MAX])
{
	size_t length = strnlen(name, CORDON_NAME_MAX);

	if (length == 0 || length == CORDON_NAME_MAX)
		return false;
	for (size_t i = 0; i < length; i++)
		if (name[i] < ' ' || name[i] > '~')
			return false;
	return true;
}

/* Copies one block of zero-terminated strings from the caller. */
static int strings_read(char *to, uint64_t from, uint32_t bytes)
{
	uint32_t count = 0;
	int error;

	if (bytes == 0)
		return 0;
	error = user_read(to, uaddr(from), bytes);
	if (error)
		return error;
	for (uint32_t i = 0; i < bytes; i++)
		count += to[i] == 0;
	return to[bytes - 1] != 0 || count > CORDON_SPAWN_ARGC_MAX ? -EINVAL : 0;
}

static int decode_strings(struct spawn_request *request)
{
	const struct cordon_spawn *args = &request->args;
	int error;

	if (args->argv_bytes > CORDON_SPAWN_ARG_MAX ||
	    args->envp_bytes > CORDON_SPAWN_ARG_MAX - args->argv_bytes)
		return -EINVAL;
	request->strings = account_alloc(request->payer, strings_size(request));
	if (!request->strings)
		return -ENOMEM;
	error = strings_read(request->strings, args->argv, args->argv_bytes);
	if (error)
		return error;
	return strings_read(request->strings + args->argv_bytes, args->envp, args->envp_bytes);
}

static bool name_is_taken(const struct spawn_request *request, uint32_t index)
{
	for (uint32_t i = 0; i < index; i++)
		if (strcmp(request->handles[i].name, request->handles[index].name) == 0)
			return true;
	return false;
}

static int decode_handle(struct spawn_request *request, uint32_t index)
{
	const struct cordon_spawn_handle *wanted = &request->wanted[index];
	struct spawn_handle *give = &request->handles[index];
	uint32_t have;
	int error;

	if (wanted->reserved || (wanted->flags & ~CORDON_SPAWN_MOVE) ||
	    !name_is_valid(wanted->name))
		return -EINVAL;
	string_copy(give->name, wanted->name, sizeof(give->name));
	if (name_is_taken(request, index))
		return -EINVAL;
	error = handle_get(&task_current()->handles, wanted->handle, CORDON_OBJECT_NONE,
	                   CORDON_RIGHT_TRANSFER, &give->object, &have);
	if (error)
		return error;
	give->rights = wanted->rights ? wanted->rights : have;
	return give->rights & ~have ? -EACCES : 0;
}

static int decode_handles(struct spawn_request *request)
{
	uint32_t count = request->args.handle_count;
	int error;

	if (count > CORDON_SPAWN_HANDLES)
		return -EINVAL;
	request->wanted = account_alloc(request->payer, wanted_size(request));
	request->handles = account_alloc(request->payer, handles_size(request));
	if (!request->wanted || !request->handles)
		return -ENOMEM;
	error = user_read(request->wanted, uaddr(request->args.handles),
	                  count * sizeof(*request->wanted));
	if (error)
		return error;
	for (uint32_t i = 0; i < count && !error; i++)
		error = decode_handle(request, i);
	return error;
}

static int decode(struct spawn_request *request, const struct cordon_spawn *user)
{
	struct cordon_spawn *args = &request->args;
	int error = user_read(args, uaddr((uintptr_t)user), sizeof(*args));

	if (error)
		return error;
	if (args->budget.reserved || !name_is_valid(args->name))
		return -EINVAL;
	error = handle_get(&task_current()->handles, args->image, CORDON_OBJECT_MEMORY,
	                   CORDON_RIGHT_READ | CORDON_RIGHT_EXEC, &request->image, NULL);
	if (error)
		return error;
	error = decode_strings(request);
	if (error)
		return error;
	error = decode_handles(request);
	request->spawn = (struct spawn){
	        .name = args->name,
	        .image = memory_from(request->image),
	        .image_offset = args->image_offset,
	        .image_size = args->image_size,
	        .argv = request->strings,
	        .argv_bytes = args->argv_bytes,
	        .envp = request->strings + args->argv_bytes,
	        .envp_bytes = args->envp_bytes,
	        .handles = request->handles,
	        .handle_count = args->handle_count,
	};
	return error;
}

static void request_free(struct spawn_request *request)
{
	if (request->handles)
		for (uint32_t i = 0; i < request->args.handle_count; i++)
			if (request->handles[i].object)
				object_unref(request->handles[i].object);
	if (request->image)
		object_unref(request->image);
	account_free(request->payer, request->strings, strings_size(request));
	account_free(request->payer, request->wanted, wanted_size(request));
	account_free(request->payer, request->handles, handles_size(request));
	account_free(request->payer, request, sizeof(*request));
}

/* Handles that were to move leave the giver only when the task exists. */
static void close_moved(const struct spawn_request *request)
{
	for (uint32_t i = 0; i < request->args.handle_count; i++)
		if (request->wanted[i].flags & CORDON_SPAWN_MOVE)
			handle_close(&task_current()->handles, request->wanted[i].handle);
}

int64_t sys_task_spawn(const struct cordon_spawn *user, cordon_handle_t *out)
{
	struct account *payer = task_current()->account, *account = NULL;
	struct spawn_request *request = account_alloc(payer, sizeof(*request));
	struct task *task;
	cordon_handle_t none = CORDON_HANDLE_NONE;
	int64_t error;

	if (!request)
		return -ENOMEM;
	request->payer = payer;
	error = decode(request, user);
	if (!error) /* a task that nobody could name must not run */
		error = user_write(uaddr((uintptr_t)out), &none, sizeof(none));
	if (!error)
		error = account_divide(payer, &request->args.budget, &account);
	if (!error) {
		request->spawn.account = account;
		error = task_spawn(&request->spawn, &task);
	}
	if (!error) {
		object_ref(&task->object);
		error = syscall_return_handle(&task->object, out);
		if (error)
			task_end(task, CORDON_CAUSE_KILL, error, 0);
		else
			close_moved(request);
		object_unref(&task->object);
	}
	if (account)
		account_unref(account); /* the task has its own reference */
	request_free(request);
	return error;
}

int64_t sys_task_kill(cordon_handle_t handle, int64_t code)
{
	struct object *object;
	int error = handle_get(&task_current()->handles, handle, CORDON_OBJECT_TASK,
	                       CORDON_RIGHT_MANAGE, &object, NULL);

	if (error)
		return error;
	task_end(task_from(object), CORDON_CAUSE_KILL, code, 0);
	object_unref(object);
	return 0;
}

int64_t sys_task_info(cordon_handle_t handle, struct cordon_task_info *out)
{
	struct cordon_task_info info;
	struct object *object = &task_current()->object;
	int error = 0;

	if (handle == CORDON_HANDLE_NONE)
		object_ref(object);
	else
		error = handle_get(&task_current()->handles, handle, CORDON_OBJECT_TASK,
		                   CORDON_RIGHT_READ, &object, NULL);
	if (error)
		return error;
	task_describe(task_from(object), &info);
	object_unref(object);
	return user_write(uaddr((uintptr_t)out), &info, sizeof(info));
}

int64_t sys_task_exit(int64_t code)
{
	task_end(task_current(), CORDON_CAUSE_EXIT, code, 0);
	thread_exit();
}

static bool is_user_address(uint64_t address)
{
	return address >= CORDON_USER_MIN && address < CORDON_USER_MAX;
}

int64_t sys_thread_create(const struct cordon_thread *user, cordon_handle_t *out)
{
	struct cordon_thread args;
	struct thread *thread;
	int64_t error = user_read(&args, uaddr((uintptr_t)user), sizeof(args));

	if (error)
		return error;
	if (!is_user_address(args.entry) || !is_user_address(args.stack) ||
	    (args.fs_base && !is_user_address(args.fs_base)) || !name_is_valid(args.name))
		return -EINVAL;
	error = thread_create(task_current(), args.name, args.entry, args.stack, args.argument,
	                      args.fs_base, &thread);
	if (error)
		return error;
	/* Started only when the caller can name it. */
	object_ref(&thread->object);
	error = syscall_return_handle(&thread->object, out);
	if (!error)
		thread_start(thread);
	object_unref(&thread->object);
	return error;
}

int64_t sys_thread_exit(void)
{
	thread_exit();
}

int64_t sys_thread_yield(void)
{
	sched_yield_now();
	return 0;
}

int64_t sys_thread_set_pointer(uint64_t fs_base)
{
	if (!is_user_address(fs_base))
		return -EINVAL;
	thread_current()->arch.fs_base = fs_base;
	arch_set_fs_base(fs_base);
	return 0;
}

/* The thread that a handle names, or the calling one, with a reference. */
static int thread_named(cordon_handle_t handle, uint32_t rights, struct thread **out)
{
	struct object *object;
	int error;

	if (handle == CORDON_HANDLE_NONE) {
		*out = thread_current();
		object_ref(&(*out)->object);
		return 0;
	}
	error = handle_get(&task_current()->handles, handle, CORDON_OBJECT_THREAD, rights, &object,
	                   NULL);
	if (!error)
		*out = thread_from(object);
	return error;
}

static bool settings_are_valid(const struct cordon_thread_settings *settings)
{
	const uint32_t known = CORDON_THREAD_SET_NAME | CORDON_THREAD_SET_CPUS |
	                       CORDON_THREAD_SET_CLASS;

	if (settings->what & ~known)
		return false;
	if ((settings->what & CORDON_THREAD_SET_NAME) && !name_is_valid(settings->name))
		return false;
	return !(settings->what & CORDON_THREAD_SET_CLASS) ||
	       settings->scheduling <= CORDON_THREAD_REALTIME;
}

int64_t sys_thread_set(cordon_handle_t handle, const struct cordon_thread_settings *user)
{
	struct cordon_thread_settings settings;
	struct thread *thread;
	int error = user_read(&settings, uaddr((uintptr_t)user), sizeof(settings));

	if (error)
		return error;
	if (!settings_are_valid(&settings))
		return -EINVAL;
	error = thread_named(handle, CORDON_RIGHT_WRITE, &thread);
	if (error)
		return error;
	if (settings.what & CORDON_THREAD_SET_CPUS) /* the only one that may fail */
		error = sched_set_cpus(thread, settings.cpus);
	if (!error && (settings.what & CORDON_THREAD_SET_NAME))
		thread_rename(thread, settings.name);
	if (!error && (settings.what & CORDON_THREAD_SET_CLASS))
		sched_set_realtime(thread, settings.scheduling == CORDON_THREAD_REALTIME);
	object_unref(&thread->object);
	return error;
}

int64_t sys_thread_info(cordon_handle_t handle, struct cordon_thread_info *out)
{
	struct cordon_thread_info info;
	struct thread *thread;
	int error = thread_named(handle, CORDON_RIGHT_READ, &thread);

	if (error)
		return error;
	thread_describe(thread, &info);
	object_unref(&thread->object);
	return user_write(uaddr((uintptr_t)out), &info, sizeof(info));
}

int64_t sys_futex_wait(const uint32_t *address, uint32_t expected, uint64_t deadline,
                       uint32_t flags)
{
	return futex_wait(task_current()->aspace, uaddr((uintptr_t)address), expected, deadline,
	                  flags);
}

int64_t sys_futex_wake(const uint32_t *address, uint32_t count, uint32_t flags)
{
	return futex_wake(task_current()->aspace, uaddr((uintptr_t)address), count, flags);
}
