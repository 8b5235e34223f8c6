/* SPDX-License-Identifier: MIT */
/* Threads: a stack with a guard page below it, a thread control block and an errno each. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define STACK_DEFAULT UINT64_C(0x10000)
#define STACK_MAX     UINT64_C(0x40000000)

struct cordon_thread_control {
	struct tcb tcb;
	struct _reent reent;
	void (*function)(void *);
	void *argument;
	cordon_handle_t handle;
	uint64_t stack;      /* address of the guard page */
	uint64_t stack_size; /* with the guard page */
};

static int stack_create(uint64_t size, struct cordon_thread_control *thread)
{
	struct cordon_memory_map map = {
	        .size = ((size + CORDON_PAGE_SIZE - 1) & ~(CORDON_PAGE_SIZE - 1)) +
	                CORDON_PAGE_SIZE,
	        .prot = CORDON_PROT_READ | CORDON_PROT_WRITE,
	};
	cordon_handle_t memory;
	int64_t err;

	err = cordon_memory_create(map.size, 0, &memory);
	if (err != 0)
		return (int)err;
	err = cordon_memory_map(memory, &map);
	cordon_handle_close(memory);
	if (err != 0)
		return (int)err;
	err = cordon_memory_protect(map.address, CORDON_PAGE_SIZE, CORDON_PROT_NONE);
	if (err != 0) {
		cordon_memory_unmap(map.address, map.size);
		return (int)err;
	}
	thread->stack = map.address;
	thread->stack_size = map.size;
	return 0;
}

static void thread_entry(struct cordon_thread_control *thread)
{
	thread->function(thread->argument);
	_reclaim_reent(&thread->reent);
	for (;;)
		cordon_thread_exit();
}

int cordon_thread_start(const char *name, void (*function)(void *), void *argument,
                        uint64_t stack_size, struct cordon_thread_control **out)
{
	struct cordon_thread_control *thread;
	struct cordon_thread args = {0};
	int64_t err;

	if (function == NULL || stack_size > STACK_MAX)
		return -EINVAL;
	thread = calloc(1, sizeof(*thread));
	if (thread == NULL)
		return -ENOMEM;
	err = stack_create(stack_size == 0 ? STACK_DEFAULT : stack_size, thread);
	if (err != 0)
		goto fail;
	_REENT_INIT_PTR(&thread->reent);
	thread->tcb.self = &thread->tcb;
	thread->tcb.reent = &thread->reent;
	thread->function = function;
	thread->argument = argument;
	args.entry = (uint64_t)(uintptr_t)thread_entry;
	/* As after a call: the ABI wants %rsp + 8 to be 16-byte aligned at a function's entry. */
	args.stack = thread->stack + thread->stack_size - 8;
	args.argument = (uint64_t)(uintptr_t)thread;
	args.fs_base = (uint64_t)(uintptr_t)&thread->tcb;
	strlcpy(args.name, name, sizeof(args.name));
	err = cordon_thread_create(&args, &thread->handle);
	if (err != 0)
		goto fail;
	*out = thread;
	return 0;
fail:
	if (thread->stack_size != 0)
		cordon_memory_unmap(thread->stack, thread->stack_size);
	free(thread);
	return (int)err;
}

int cordon_thread_join(struct cordon_thread_control *thread)
{
	struct cordon_wait wait = {
	        .handle = thread->handle,
	        .signals = CORDON_SIGNAL_TERMINATED,
	};
	int64_t err;

	err = cordon_object_wait(&wait, 1, CORDON_TIME_FOREVER);
	if (err < 0)
		return (int)err;
	cordon_handle_close(thread->handle);
	cordon_memory_unmap(thread->stack, thread->stack_size);
	free(thread);
	return 0;
}
