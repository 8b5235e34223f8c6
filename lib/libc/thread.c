/* SPDX-License-Identifier: MIT */
/*
 * Threads: how they start, and how what they leave behind is used again.
 *
 * A thread's memory is one mapping: guard page, stack, thread-local variables, control block. It
 * cannot be given back by the thread that still runs on it; that is done by whoever joins it or,
 * for a detached one, by whoever starts the next thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "futex.h"
#include "internal.h"

#define STACK_DEFAULT    UINT64_C(0x20000)
#define STACK_MAX        UINT64_C(0x40000000)
#define STACK_ALIGN      16u
#define CONTROL_ALIGN    64u
#define KEPT_MAX         8 /* mappings kept for the next thread of the same size */
#define EXIT_NOT_STARTED 127

static struct cordon_thread_control first_control;
static uint32_t alive = 1; /* threads that did not end */

/* Lists of threads that ended, under the lock: detached ones whose last instructions may still
 * run, and mappings to use again. */
static uint32_t lists_lock;
static struct cordon_thread_control *leaving;
static struct cordon_thread_control *kept;
static unsigned int kept_count;

static uint64_t pages(uint64_t size)
{
	return (size + CORDON_PAGE_SIZE - 1) & ~(CORDON_PAGE_SIZE - 1);
}

/* --- memory ---------------------------------------------------------------------------------- */

/* The highest place below end where a control block with thread-local variables below it fits;
 * *low is where they begin. */
static struct cordon_thread_control *control_at(uint64_t end, uint64_t *low)
{
	uint64_t align = tls_align() > CONTROL_ALIGN ? tls_align() : CONTROL_ALIGN;
	uint64_t at = (end - sizeof(struct cordon_thread_control)) & ~(align - 1);

	*low = at - tls_size();
	return (struct cordon_thread_control *)(uintptr_t)at;
}

static int mapping_create(uint64_t size, uint64_t guard, uint64_t *address)
{
	struct cordon_memory_map map = {.size = size, .prot = CORDON_PROT_READ | CORDON_PROT_WRITE};
	cordon_handle_t memory;
	int64_t err = cordon_memory_create(size, 0, &memory);

	if (err != 0)
		return (int)err;
	err = cordon_memory_map(memory, &map);
	cordon_handle_close(memory); /* the mapping keeps it */
	if (err == 0 && guard != 0) {
		err = cordon_memory_protect(map.address, guard, CORDON_PROT_NONE);
		if (err != 0)
			cordon_memory_unmap(map.address, size);
	}
	*address = map.address;
	return (int)err;
}

/* A mapping of exactly this size that an earlier thread left. */
static bool mapping_kept(uint64_t size, uint64_t guard, uint64_t *address)
{
	struct cordon_thread_control **link;
	bool found = false;

	word_lock(&lists_lock);
	for (link = &kept; *link && !found; link = found ? link : &(*link)->next) {
		found = (*link)->mapping_size == size && (*link)->guard_size == guard;
		if (found) {
			*address = (*link)->mapping;
			*link = (*link)->next;
			kept_count--;
		}
	}
	word_unlock(&lists_lock);
	return found;
}

/* Keeps the memory of a thread that no longer runs, or gives it back. */
static void memory_release(struct cordon_thread_control *thread)
{
	bool keep;

	if (thread->mapping == 0)
		return;
	word_lock(&lists_lock);
	keep = kept_count < KEPT_MAX;
	if (keep) {
		thread->next = kept;
		kept = thread;
		kept_count++;
	}
	word_unlock(&lists_lock);
	if (!keep)
		cordon_memory_unmap(thread->mapping, thread->mapping_size);
}

/* --- ends ------------------------------------------------------------------------------------ */

static bool has_left(const struct cordon_thread_control *thread)
{
	struct cordon_wait wait = {thread->handle, CORDON_SIGNAL_TERMINATED, 0, 0};

	return cordon_object_wait(&wait, 1, CORDON_TIME_POLL) > 0;
}

/* Takes one detached thread off the list that runs no more; NULL when there is none. */
static struct cordon_thread_control *leaving_take(void)
{
	struct cordon_thread_control **link, *found = NULL;

	word_lock(&lists_lock);
	for (link = &leaving; *link && !found;) {
		if (has_left(*link)) {
			found = *link;
			*link = found->next;
		} else {
			link = &(*link)->next;
		}
	}
	word_unlock(&lists_lock);
	return found;
}

static void leaving_add(struct cordon_thread_control *thread)
{
	word_lock(&lists_lock);
	thread->next = leaving;
	leaving = thread;
	word_unlock(&lists_lock);
}

static void leaving_collect(void)
{
	struct cordon_thread_control *thread;

	while (__atomic_load_n(&leaving, __ATOMIC_RELAXED) && (thread = leaving_take())) {
		cordon_handle_close(thread->handle);
		memory_release(thread);
	}
}

void pthread_exit(void *result)
{
	struct cordon_thread_control *thread = thread_self();

	thread->result = result;
	while (thread->cleanup)
		_pthread_cleanup_pop(1);
	keys_destroy(thread);
	if (__atomic_sub_fetch(&alive, 1, __ATOMIC_ACQ_REL) == 0)
		exit(0);
	if (thread->tcb.reent == &thread->own_reent)
		_reclaim_reent(&thread->own_reent);
	if (__atomic_exchange_n(&thread->end, THREAD_ENDED, __ATOMIC_ACQ_REL) == THREAD_DETACHED)
		leaving_add(thread);
	for (;;)
		cordon_thread_exit();
}

int pthread_join(pthread_t thread, void **result)
{
	struct cordon_wait wait = {thread->handle, CORDON_SIGNAL_TERMINATED, 0, 0};

	if (thread == thread_self())
		return EDEADLK;
	if (__atomic_load_n(&thread->end, __ATOMIC_ACQUIRE) == THREAD_DETACHED)
		return EINVAL;
	if (cordon_object_wait(&wait, 1, CORDON_TIME_FOREVER) < 0)
		return EINVAL;
	if (result)
		*result = thread->result;
	cordon_handle_close(thread->handle);
	memory_release(thread);
	return 0;
}

int pthread_detach(pthread_t thread)
{
	enum thread_end end = THREAD_JOINABLE;

	if (__atomic_compare_exchange_n(&thread->end, &end, THREAD_DETACHED, false,
	                                __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return 0;
	if (end == THREAD_DETACHED)
		return EINVAL;
	leaving_add(thread);
	return 0;
}

/* --- starts ---------------------------------------------------------------------------------- */

static void thread_entry(struct cordon_thread_control *thread)
{
	if (thread->start.procedure) {
		thread->start.procedure(thread->start.argument);
		pthread_exit(NULL);
	}
	pthread_exit(thread->start.function(thread->start.argument));
}

/* Sizes of a new thread's parts, whole pages where the library maps them. */
static int memory_get(const pthread_attr_t *attr, uint64_t *low, uint64_t *end, uint64_t *mapping,
                      uint64_t *guard)
{
	uint64_t size;

	*mapping = 0;
	*guard = pages(attr->_guard_size);
	if (attr->_stack) {
		*low = (uint64_t)(uintptr_t)attr->_stack;
		*end = *low + attr->_stack_size;
		return 0;
	}
	size = *guard + pages(attr->_stack_size + tls_size() + tls_align() +
	                      sizeof(struct cordon_thread_control));
	if (!mapping_kept(size, *guard, mapping)) {
		int err = mapping_create(size, *guard, mapping);

		if (err != 0)
			return err;
	}
	*low = *mapping;
	*end = *mapping + size;
	return 0;
}

static void control_init(struct cordon_thread_control *thread, struct _reent *reent)
{
	thread->tcb.self = &thread->tcb;
	thread->tcb.reent = reent;
	thread->cleanup = NULL;
	thread->result = NULL;
	memset(thread->values, 0, thread->values_used * sizeof(thread->values[0]));
	thread->values_used = 0;
	tls_fill(thread);
}

static int thread_start(const pthread_attr_t *attr, const char *name,
                        const struct thread_start *start, struct cordon_thread_control **out)
{
	struct cordon_thread_control *thread;
	struct cordon_thread args = {0};
	uint64_t low, end, mapping, guard, top;
	int64_t err;

	leaving_collect();
	err = memory_get(attr, &low, &end, &mapping, &guard);
	if (err != 0)
		return (int)err;
	thread = control_at(end, &top);
	if (!mapping) /* what lies there is the program's */
		memset(thread, 0, sizeof(*thread));
	control_init(thread, &thread->own_reent);
	_REENT_INIT_PTR(&thread->own_reent);
	thread->mapping = mapping;
	thread->mapping_size = mapping ? end - low : 0;
	thread->guard_size = guard;
	thread->start = *start;
	thread->end = attr->_detached ? THREAD_DETACHED : THREAD_JOINABLE;
	strlcpy(thread->name, name, sizeof(thread->name));
	args.entry = (uint64_t)(uintptr_t)thread_entry;
	/* As after a call: the ABI wants %rsp + 8 to be 16-byte aligned at a function's entry. */
	args.stack = (top & ~(uint64_t)(STACK_ALIGN - 1)) - 8;
	args.argument = (uint64_t)(uintptr_t)thread;
	args.fs_base = (uint64_t)(uintptr_t)&thread->tcb;
	memcpy(args.name, thread->name, sizeof(args.name));
	__atomic_add_fetch(&alive, 1, __ATOMIC_RELAXED);
	/* The kernel stores the handle before the thread runs: *out must be right by then, too. */
	*out = thread;
	err = cordon_thread_create(&args, &thread->handle);
	if (err == 0)
		return 0;
	__atomic_sub_fetch(&alive, 1, __ATOMIC_RELAXED);
	memory_release(thread);
	return (int)err;
}

static const pthread_attr_t attr_default = {
        ._stack_size = STACK_DEFAULT,
        ._guard_size = CORDON_PAGE_SIZE,
};

int pthread_attr_init(pthread_attr_t *attr)
{
	*attr = attr_default;
	return 0;
}

int pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*function)(void *),
                   void *argument)
{
	const struct thread_start start = {.function = function, .argument = argument};
	int err = thread_start(attr ? attr : &attr_default, thread_self()->name, &start, out);

	return err == 0 ? 0 : EAGAIN;
}

int cordon_thread_start(const char *name, void (*function)(void *), void *argument,
                        uint64_t stack_size, struct cordon_thread_control **out)
{
	const struct thread_start start = {.procedure = function, .argument = argument};
	pthread_attr_t attr = attr_default;

	if (function == NULL || stack_size > STACK_MAX)
		return -EINVAL;
	if (stack_size != 0)
		attr._stack_size = stack_size;
	return thread_start(&attr, name, &start, out);
}

int cordon_thread_join(struct cordon_thread_control *thread)
{
	return -pthread_join(thread, NULL);
}

/* --- the first thread ------------------------------------------------------------------------ */

void thread_first(void)
{
	struct cordon_thread_control *thread = &first_control;
	uint64_t size = pages(sizeof(*thread) + tls_size() + tls_align() + CONTROL_ALIGN);
	uint64_t low, address;

	if (tls_size() != 0) {
		if (mapping_create(size, 0, &address) != 0)
			goto fail;
		thread = control_at(address + size, &low);
	}
	control_init(thread, _GLOBAL_REENT);
	thread->handle = CORDON_HANDLE_NONE;
	strlcpy(thread->name, "main", sizeof(thread->name));
	if (cordon_thread_set_pointer((uint64_t)(uintptr_t)&thread->tcb) == 0)
		return;
fail:
	for (;;)
		cordon_task_exit(EXIT_NOT_STARTED);
}
