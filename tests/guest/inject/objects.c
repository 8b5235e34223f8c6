/* SPDX-License-Identifier: MIT */
#include <cordon/errno.h>
#include <tests/guest/inject/objects.h>
#include <tests/guest/inject/sweep.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>

#define PAGE UINT64_C(4096)
#define HUGE UINT64_C(0x200000)
#define RW   (CORDON_PROT_READ | CORDON_PROT_WRITE)

/* --- memory ---------------------------------------------------------------------------------- */

static void touch(uint64_t address)
{
	*(volatile uint8_t *)(uintptr_t)address += 1;
}

/* Changes pages in the middle of a mapping. A change that fails has changed nothing: what could be
 * written before can be written. */
static int64_t change_middle(const struct cordon_memory_map *map)
{
	uint64_t middle = map->address + PAGE;
	int64_t result = MAY(cordon_memory_protect(middle, PAGE, CORDON_PROT_READ), ENOMEM, 0);

	if (result) {
		touch(middle);
		return result;
	}
	result = MAY(cordon_memory_protect(map->address, 2 * PAGE, CORDON_PROT_NONE), ENOMEM, 0);
	if (result) {
		touch(map->address);
		return result;
	}
	result = MAY(cordon_memory_protect(map->address, map->size, RW), ENOMEM, 0);
	if (result)
		return result;
	touch(middle);
	result = MAY(cordon_memory_unmap(middle, PAGE), ENOMEM, 0);
	if (result)
		touch(middle);
	touch(map->address);
	touch(map->address + map->size - 1);
	return result;
}

static int64_t memory_life(uint64_t size, uint32_t flags)
{
	struct cordon_memory_map map = {.size = size, .prot = RW};
	struct cordon_memory_info info;
	cordon_handle_t memory;
	int64_t result = MAY(cordon_memory_create(size, flags, &memory), ENOMEM, EMFILE);

	if (result)
		return result;
	result = MAY(cordon_memory_info(memory, &info), 0, 0);
	if (!result)
		result = MAY(cordon_memory_map(memory, &map), ENOMEM, 0);
	if (!result) {
		if (*(uint8_t *)(uintptr_t)map.address ||
		    *(uint8_t *)(uintptr_t)(map.address + size - 1))
			tap_bail("memory is not cleared");
		result = change_middle(&map);
		undo_unmap(map.address, size);
	}
	cordon_handle_close(memory);
	return result;
}

int64_t objects_memory(void)
{
	static const struct {
		uint64_t size;
		uint32_t flags;
	} layouts[] = {
	        {5 * PAGE, 0},
	        {70 * PAGE, CORDON_MEMORY_SCATTER},
	        {7 * PAGE, CORDON_MEMORY_CONTIGUOUS},
	        {HUGE, CORDON_MEMORY_HUGE},
	        {HUGE, CORDON_MEMORY_HUGE | CORDON_MEMORY_CONTIGUOUS},
	};
	int64_t result = 0;

	for (size_t i = 0; !result && i < sizeof(layouts) / sizeof(layouts[0]); i++)
		result = memory_life(layouts[i].size, layouts[i].flags);
	return result;
}

/* --- events, threads, tasks ------------------------------------------------------------------ */

int64_t objects_event(void)
{
	struct cordon_wait item = {.signals = CORDON_SIGNAL_READABLE};
	cordon_handle_t event, second;
	uint64_t count = 0;
	int64_t result = MAY(cordon_event_create(1, &event), ENOMEM, EMFILE);

	if (result)
		return result;
	item.handle = event;
	result = MAY(cordon_handle_dup(event, 0, &second), ENOMEM, EMFILE);
	if (!result) {
		result = MAY(cordon_event_signal(second, 2), 0, 0);
		cordon_handle_close(second);
	}
	if (!result && MAY(cordon_object_wait(&item, 1, CORDON_TIME_FOREVER), 0, 0) != 1)
		tap_bail("an event that was signalled is not readable");
	if (!result)
		result = MAY(cordon_event_take(event, &count), 0, 0);
	if (!result && count != 3)
		tap_bail("an event counted %llu", (unsigned long long)count);
	cordon_handle_close(event);
	return result;
}

static void add_one(void *argument)
{
	++*(volatile int *)argument;
}

int64_t objects_thread(void)
{
	struct cordon_thread_control *thread;
	volatile int ran = 0;
	int64_t result = MAY(cordon_thread_start("second", add_one, (void *)&ran, 0, &thread),
	                     ENOMEM, EMFILE);

	if (result)
		return result;
	result = MAY(cordon_thread_join(thread), 0, 0);
	if (!result && ran != 1)
		tap_bail("the thread did not run");
	return result;
}

int64_t objects_task(void)
{
	struct child child = {.arguments = {"exit"}};
	struct cordon_task_info info;
	cordon_handle_t event, task;
	int64_t result = MAY(cordon_event_create(0, &event), ENOMEM, EMFILE);

	if (result)
		return result;
	child.gives[0].handle = event;
	child.gives[0].name = "event";
	result = MAY(child_start(&child, &task), ENOMEM, EMFILE);
	cordon_handle_close(event);
	if (result)
		return result;
	info = child_wait(task);
	if (info.cause != CORDON_CAUSE_EXIT || info.code != CHILD_CODE)
		tap_bail("the child ended with %lld", (long long)info.code);
	cordon_handle_close(task);
	return 0;
}
