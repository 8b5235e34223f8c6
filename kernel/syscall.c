/* SPDX-License-Identifier: MIT */
#include <arch/percpu.h>
#include <cordon/errno.h>
#include <kernel/mark.h>
#include <kernel/panic.h>
#include <kernel/syscall.h>
#include <kernel/task.h>
#include <kernel/trace.h>
#include <kernel/user.h>

int64_t sys_none(void)
{
	return -ENOSYS;
}

int64_t sys_null(void)
{
	return 0;
}

/* The entry passes the argument registers unchanged, so each function finds its arguments under the
 * calling convention whatever its prototype; the cast only gives the table one type. */
#define SYSCALL(number, name, prototype) [number] = (syscall_function_t)(void (*)(void))sys_##name,
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init" /* every number first means: none */
const syscall_function_t syscall_table[CORDON_SYSCALL_LIMIT] = {
        [0 ... CORDON_SYSCALL_LIMIT - 1] = sys_none,
#include <cordon/syscalls.def>
};
#pragma GCC diagnostic pop
#undef SYSCALL

#define SYSCALL(number, name, prototype) [number] = #name,
static const char *const syscall_names[CORDON_SYSCALL_LIMIT] = {
#include <cordon/syscalls.def>
};
#undef SYSCALL

const char *syscall_name(uint64_t number)
{
	return number < CORDON_SYSCALL_LIMIT ? syscall_names[number] : NULL;
}

void syscall_check_leave(void)
{
	ASSERT(percpu()->obligations == 0);
	ASSERT(percpu()->lock_depth == 0);
}

bool syscall_watched;

void syscall_watch_start(void)
{
#if defined(CORDON_DEBUG) && CORDON_DEBUG
	syscall_watch();
#else
	if (mark_on)
		syscall_watch();
#endif
}

void syscall_watch(void)
{
	__atomic_store_n(&syscall_watched, true, __ATOMIC_RELAXED);
}

static bool is_traced(void)
{
	return __atomic_load_n(&task_current()->traced, __ATOMIC_RELAXED);
}

void syscall_enter(uint64_t number, const uint64_t arguments[6])
{
	if (is_traced())
		trace_enter(number, arguments);
	mark_call_enter(number);
}

void syscall_leave(uint64_t number, const uint64_t arguments[6], int64_t result)
{
#if defined(CORDON_DEBUG) && CORDON_DEBUG
	syscall_check_leave();
#endif
	mark_call_leave(number);
	if (is_traced())
		trace_leave(number, arguments, result);
}

int64_t syscall_return_handle(struct object *object, cordon_handle_t *user_out)
{
	struct task *task = task_current();
	cordon_handle_t handle;
	int error = handle_add(&task->handles, object, object->ops->rights, &handle);

	object_unref(object);
	if (error)
		return error;
	error = user_write(uaddr((uintptr_t)user_out), &handle, sizeof(handle));
	if (error)
		handle_close(&task->handles, handle);
	return error;
}
