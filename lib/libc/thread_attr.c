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

int pthread_setname_np(pthread_t thread, const char *name)
{
	struct cordon_thread_settings settings = {.what = CORDON_THREAD_SET_NAME};

	if (strlcpy(settings.name, name, sizeof(settings.name)) >= sizeof(settings.name))
		return ERANGE;
	if (cordon_thread_set(thread->handle, &settings) != 0)
		return EINVAL;
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
