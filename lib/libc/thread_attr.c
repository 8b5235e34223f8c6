/* SPDX-License-Identifier: MIT */
/* Attributes of threads, their names, their identity, and handlers of their end. */
#include <errno.h>
#include <string.h>

#include "internal.h"

#define STACK_MAX UINT64_C(0x40000000)

int pthread_attr_destroy(pthread_attr_t *attr)
{
	(void)attr;
	return 0;
}

int pthread_attr_setdetachstate(pthread_attr_t *attr, int state)
{
	if (state != PTHREAD_CREATE_JOINABLE && state != PTHREAD_CREATE_DETACHED)
		return EINVAL;
	attr->_detached = state;
	return 0;
}

int pthread_attr_getdetachstate(const pthread_attr_t *attr, int *state)
{
	*state = attr->_detached;
	return 0;
}

int pthread_attr_setstacksize(pthread_attr_t *attr, size_t size)
{
	if (size < PTHREAD_STACK_MIN || size > STACK_MAX)
		return EINVAL;
	attr->_stack_size = size;
	return 0;
}

int pthread_attr_getstacksize(const pthread_attr_t *attr, size_t *size)
{
	*size = attr->_stack_size;
	return 0;
}

int pthread_attr_setstack(pthread_attr_t *attr, void *stack, size_t size)
{
	if (!stack || size < PTHREAD_STACK_MIN || size > STACK_MAX)
		return EINVAL;
	attr->_stack = stack;
	attr->_stack_size = size;
	return 0;
}

int pthread_attr_getstack(const pthread_attr_t *attr, void **stack, size_t *size)
{
	*stack = attr->_stack;
	*size = attr->_stack_size;
	return 0;
}

int pthread_attr_setguardsize(pthread_attr_t *attr, size_t size)
{
	if (size > STACK_MAX)
		return EINVAL;
	attr->_guard_size = size;
	return 0;
}

int pthread_attr_getguardsize(const pthread_attr_t *attr, size_t *size)
{
	*size = attr->_guard_size;
	return 0;
}

pthread_t pthread_self(void)
{
	return thread_self();
}

int pthread_equal(pthread_t a, pthread_t b)
{
	return a == b;
}

int sched_yield(void)
{
	return cordon_errno(cordon_thread_yield());
}

void pthread_yield(void)
{
	cordon_thread_yield();
}

/* The handle that names a thread to the kernel. The first thread has none: only it can name itself.
 */
static bool handle_of(pthread_t thread, cordon_handle_t *handle)
{
	*handle = thread == thread_self() ? CORDON_HANDLE_NONE : thread->handle;
	return thread == thread_self() || thread->handle != CORDON_HANDLE_NONE;
}

static int thread_set(pthread_t thread, const struct cordon_thread_settings *settings)
{
	cordon_handle_t handle;

	if (!handle_of(thread, &handle))
		return ENOTSUP;
	return (int)-cordon_thread_set(handle, settings);
}

static int thread_info(pthread_t thread, struct cordon_thread_info *info)
{
	cordon_handle_t handle;

	if (!handle_of(thread, &handle))
		return ENOTSUP;
	return (int)-cordon_thread_info(handle, info);
}

int pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *set)
{
	struct cordon_thread_settings settings = {.what = CORDON_THREAD_SET_CPUS};

	if (size < sizeof(set->_cpus))
		return EINVAL;
	settings.cpus = set->_cpus;
	return thread_set(thread, &settings);
}

int pthread_getaffinity_np(pthread_t thread, size_t size, cpu_set_t *set)
{
	struct cordon_thread_info info;
	int error;

	if (size < sizeof(*set))
		return EINVAL;
	error = thread_info(thread, &info);
	if (!error)
		set->_cpus = info.cpus;
	return error;
}

int sched_getcpu(void)
{
	struct cordon_thread_info info;

	return cordon_errno(cordon_thread_info(CORDON_HANDLE_NONE, &info)) ? -1 : (int)info.cpu;
}

/* There are two classes, so all priorities of a policy are one. */
int sched_get_priority_max(int policy)
{
	return policy == SCHED_OTHER ? 0 : 1;
}

int sched_get_priority_min(int policy)
{
	return policy == SCHED_OTHER ? 0 : 1;
}

int pthread_setschedparam(pthread_t thread, int policy, const struct sched_param *param)
{
	struct cordon_thread_settings settings = {.what = CORDON_THREAD_SET_CLASS};

	if (policy != SCHED_OTHER && policy != SCHED_FIFO && policy != SCHED_RR)
		return EINVAL;
	if (param->sched_priority < 0)
		return EINVAL;
	settings.scheduling = policy == SCHED_OTHER ? CORDON_THREAD_NORMAL : CORDON_THREAD_REALTIME;
	return thread_set(thread, &settings);
}

int pthread_getschedparam(pthread_t thread, int *policy, struct sched_param *param)
{
	struct cordon_thread_info info;
	int error = thread_info(thread, &info);

	if (error)
		return error;
	*policy = info.scheduling == CORDON_THREAD_REALTIME ? SCHED_RR : SCHED_OTHER;
	param->sched_priority = *policy == SCHED_OTHER ? 0 : 1;
	return 0;
}

int pthread_setname_np(pthread_t thread, const char *name)
{
	struct cordon_thread_settings settings = {.what = CORDON_THREAD_SET_NAME};
	int error;

	if (strlcpy(settings.name, name, sizeof(settings.name)) >= sizeof(settings.name))
		return ERANGE;
	error = thread_set(thread, &settings);
	if (error)
		return error;
	memcpy(thread->name, settings.name, sizeof(thread->name));
	return 0;
}

int pthread_getname_np(pthread_t thread, char *name, size_t size)
{
	return strlcpy(name, thread->name, size) >= size ? ERANGE : 0;
}

void _pthread_cleanup_push(struct _pthread_cleanup *cleanup)
{
	cleanup->outer = thread_self()->cleanup;
	thread_self()->cleanup = cleanup;
}

void _pthread_cleanup_pop(int execute)
{
	struct _pthread_cleanup *cleanup = thread_self()->cleanup;

	thread_self()->cleanup = cleanup->outer;
	if (execute)
		cleanup->function(cleanup->argument);
}
