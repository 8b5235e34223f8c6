/* SPDX-License-Identifier: MIT */
#include <tests/guest/hostile/corpus.h>

#include <cordon/rt.h>
#include <string.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>

#define PAGE      CORDON_PAGE_SIZE
#define PLACE     UINT64_C(0x4000000000) /* nothing is mapped there */
#define UNMAPPED  UINT64_C(0x5000000000)
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static uint8_t *arena, *read_only, *edge; /* edge: where mapped memory ends */
static cordon_handle_t masters[CORDON_OBJECT_TYPES], handles[CORDON_OBJECT_TYPES], stale;

/* --- what the task has ----------------------------------------------------------------------- */

static _Noreturn void thread_entry(void)
{
	for (;;)
		cordon_thread_exit();
}

static void make_masters(void)
{
	static uint8_t stack[2048] __attribute__((aligned(16)));
	const struct cordon_thread thread = {.entry = (uintptr_t)thread_entry,
	                                     .stack = (uintptr_t)stack + sizeof(stack),
	                                     .name = "brief"};
	cordon_handle_t ends[2];

	for (uint32_t type = 1; type < CORDON_OBJECT_TYPES; type++)
		masters[type] = cordon_handle_of_type(type, 0);
	masters[CORDON_OBJECT_CONSOLE] = CORDON_STDIN;
	cordon_memory_create(2 * PAGE, 0, &masters[CORDON_OBJECT_MEMORY]);
	cordon_event_create(1, &masters[CORDON_OBJECT_EVENT]);
	cordon_channel_create(ends);
	masters[CORDON_OBJECT_CHANNEL] = ends[0];
	cordon_thread_create(&thread, &masters[CORDON_OBJECT_THREAD]);
	cordon_event_create(0, &stale);
	cordon_handle_close(stale);
}

void corpus_begin(void)
{
	struct cordon_memory_map map = {.size = PAGE, .prot = CORDON_PROT_READ};
	cordon_handle_t memory;

	make_masters();
	if (cordon_memory_create(PAGE, 0, &memory) < 0 || cordon_memory_map(memory, &map) < 0)
		tap_bail("no memory for hostile arguments");
	read_only = (uint8_t *)(uintptr_t)map.address;
	arena = test_memory(ARENA_SIZE + PAGE, 0, &memory);
	edge = arena + ARENA_SIZE;
	cordon_memory_unmap((uintptr_t)edge, PAGE);
	memset(handles, 0xff, sizeof(handles));
	corpus_renew();
}

void corpus_renew(void)
{
	struct cordon_handle_info info;

	for (uint32_t type = 1; type < CORDON_OBJECT_TYPES; type++)
		if (masters[type] != CORDON_HANDLE_NONE &&
		    cordon_handle_info(handles[type], &info) < 0 &&
		    cordon_handle_dup(masters[type], 0, &handles[type]) < 0)
			handles[type] = masters[type];
	memset(arena, 0, ARENA_SIZE);
}

/* --- values ---------------------------------------------------------------------------------- */

static bool is_pointer(uint32_t argument)
{
	return KIND(argument) >= OUT;
}

uint64_t corpus_plain(uint32_t argument)
{
	switch (KIND(argument)) {
	case HANDLE:
		return (uint32_t)handles[TYPE(argument) ? TYPE(argument) : CORDON_OBJECT_EVENT];
	case SIZE:
		return PAGE;
	case ADDRESS:
	case IOVA:
		return PLACE;
	case PROTECTION:
		return CORDON_PROT_READ;
	case BDF:
		return CORDON_BDF(0, 4, 0, 0);
	case NUMBER:
		return 1;
	default:
		return is_pointer(argument) ? (uintptr_t)arena : 0;
	}
}

static bool handle_value(uint32_t argument, unsigned int index, uint64_t *value)
{
	static const cordon_handle_t never[] = {
	        CORDON_HANDLE_NONE, -2, INT32_MIN, INT32_MAX, 4095, 7 * CORDON_HANDLE_MAX + 5,
	        CORDON_HANDLE_MAX,
	};
	uint32_t type = index + 1;

	if (index < LENGTH(never)) {
		*value = (uint32_t)never[index];
		return true;
	}
	type -= LENGTH(never);
	if (type == CORDON_OBJECT_TYPES)
		*value = (uint32_t)stale;
	else if (type < CORDON_OBJECT_TYPES)
		*value = type == TYPE(argument) ? (uint32_t)stale : (uint32_t)handles[type];
	return type <= CORDON_OBJECT_TYPES;
}

/* Null, unmapped, of the kernel, not canonical, wrapping, across the end; read-only for what is
 * written. */
static bool pointer_value(uint32_t argument, unsigned int index, uint64_t *value)
{
	static const uint64_t bad[] = {
	        0,
	        8,
	        UNMAPPED,
	        CORDON_USER_MAX - 1,
	        CORDON_USER_MAX,
	        UINT64_C(0x7fffffffffff),
	        UINT64_C(0x800000000000),
	        UINT64_C(0xffff800000100000),
	        UINT64_C(0xffffffff80200000),
	        UINT64_MAX - 3,
	        UINT64_MAX,
	};
	bool written = KIND(argument) == OUT || KIND(argument) == OUT_HANDLE;

	if (index < LENGTH(bad))
		*value = bad[index];
	else if (index == LENGTH(bad))
		*value = (uintptr_t)edge - 1; /* of everything but a byte */
	else if (index == LENGTH(bad) + 1 && written)
		*value = (uintptr_t)read_only;
	else
		return false;
	return true;
}

static bool number_value(unsigned int index, uint64_t *value)
{
	static const uint64_t limits[] = {
	        0,
	        1,
	        3,
	        0xff,
	        PAGE - 1,
	        PAGE,
	        PAGE + 1,
	        0x7fffffff,
	        0x80000000,
	        UINT32_MAX,
	        UINT64_C(0x100000000),
	        UINT64_C(0x800000000000),
	        UINT64_C(0x7fffffffffffffff),
	        UINT64_C(0x8000000000000000),
	        UINT64_C(0xffff800000000000),
	        UINT64_MAX - PAGE + 1,
	        UINT64_MAX,
	};

	if (index >= LENGTH(limits))
		return false;
	*value = limits[index];
	return true;
}

bool corpus_value(uint32_t argument, unsigned int index, uint64_t *value, bool *refused)
{
	*refused = false;
	if (KIND(argument) == DEADLINE) { /* nothing is waited for */
		*value = index;
		return index < 2;
	}
	if (KIND(argument) == HANDLE) {
		*refused = TYPE(argument) != CORDON_OBJECT_NONE;
		return handle_value(argument, index, value);
	}
	if (is_pointer(argument)) {
		*refused = true;
		return pointer_value(argument, index, value);
	}
	return number_value(index, value);
}

bool corpus_contents(unsigned int index)
{
	static const uint64_t words[] = {
	        UINT64_MAX,
	        1,
	        UINT64_C(0x4141414141414141),
	        UINT64_C(0xffffffff80200000),
	        UINT64_C(0x8000000000000000),
	        UNMAPPED,
	        UINT64_C(0x0000000100001000),
	};

	if (index >= LENGTH(words))
		return false;
	for (uint64_t at = 0; at < ARENA_SIZE; at += sizeof(words[0]))
		memcpy(arena + at, &words[index], sizeof(words[0]));
	return true;
}
