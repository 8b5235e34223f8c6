/* SPDX-License-Identifier: MIT */
/* One victim: a task that makes system calls without sense until its steps are done, or until one
 * of them ends it. */
#include <cordon/errno.h>
#include <cordon/rt.h>
#include <lib/cpio/cpio.h>
#include <stdio.h>
#include <string.h>
#include <tests/guest/fuzz/fuzz.h>
#include <tests/guest/fuzz/victim.h>

uint8_t *arena;
uint64_t leaf_offset, leaf_size;
cordon_bdf_t fuzzed_bdf;

/* --- handles --------------------------------------------------------------------------------- */

static struct {
	cordon_handle_t handle;
	uint32_t type;
} handles[HANDLES_MAX];
static uint32_t handle_count;

/* Remembers a handle; old ones, which may be closed, are forgotten when there are many. */
static void remember(cordon_handle_t handle)
{
	struct cordon_handle_info info;
	uint32_t slot = handle_count < HANDLES_MAX ? handle_count++
	                                           : random_below(&numbers, HANDLES_MAX);

	if (cordon_handle_info(handle, &info) < 0)
		info.type = CORDON_OBJECT_NONE;
	handles[slot].handle = handle;
	handles[slot].type = info.type;
}

cordon_handle_t pick_handle(uint32_t type)
{
	uint32_t start;

	if (random_once_in(20) || handle_count == 0)
		return (cordon_handle_t)(random_once_in(2) ? random_below(&numbers, 0x10000)
		                                           : random_next(&numbers));
	start = random_below(&numbers, handle_count);
	for (uint32_t i = 0; i < handle_count; i++) {
		uint32_t slot = (start + i) % handle_count;

		if (type == CORDON_OBJECT_NONE || handles[slot].type == type)
			return handles[slot].handle;
	}
	return handles[start].handle;
}

/* --- calls ----------------------------------------------------------------------------------- */

static struct call calls[CALLS_MAX];
static uint32_t call_count, total_weight;
static struct fuzz_record *record;
static int tells; /* says each call before it is made */

static void read_calls(void)
{
	call_count = calls_read(calls);
	for (uint32_t i = 0; i < call_count; i++)
		total_weight += calls[i].weight;
}

static const struct call *pick_call(void)
{
	uint32_t at = random_below(&numbers, total_weight);

	for (uint32_t i = 0;; i++) {
		if (at < calls[i].weight)
			return &calls[i];
		at -= calls[i].weight;
	}
}

/* In the kernel's log, for which no handle is needed. */
static void tell(const struct call *call, const uint64_t arguments[CALL_ARGUMENTS])
{
	char line[200];
	int length = snprintf(line, sizeof(line), "step %llu: %s", (unsigned long long)record->step,
	                      call->name);

	for (uint32_t i = 0; i < call->count; i++)
		length += snprintf(line + length, sizeof(line) - (size_t)length, " %llx",
		                   (unsigned long long)arguments[i]);
	cordon_system_log(line, (uint64_t)length);
}

static int in_arena(uint64_t address, uint64_t size)
{
	return address - (uintptr_t)arena <= ARENA_SIZE - size;
}

/* A handle that a call stored; channel_create stores two. */
static void use_handles(uint64_t address)
{
	struct cordon_handle_info info;
	cordon_handle_t out[2];

	if (!in_arena(address, sizeof(out)))
		return;
	memcpy(out, (const void *)(uintptr_t)address, sizeof(out));
	remember(out[0]);
	if (cordon_handle_info(out[1], &info) == 0)
		remember(out[1]);
}

/* The handles of a message that was received. */
static void use_message(uint64_t address)
{
	struct cordon_message message;
	struct cordon_message_handle handle;

	if (!in_arena(address, sizeof(message)))
		return;
	memcpy(&message, (const void *)(uintptr_t)address, sizeof(message));
	for (uint32_t i = 0; i < message.handle_count && i < 4; i++) {
		uint64_t at = message.handles + i * sizeof(handle);

		if (!in_arena(at, sizeof(handle)))
			return;
		memcpy(&handle, (const void *)(uintptr_t)at, sizeof(handle));
		remember(handle.handle);
	}
}

/* What a call gave is used by later ones. */
static void use_results(const struct call *call, const uint64_t arguments[CALL_ARGUMENTS])
{
	for (uint32_t i = 0; i < call->count; i++) {
		struct cordon_memory_map map;

		if (KIND(call->arguments[i]) == IN_MAP && in_arena(arguments[i], sizeof(map))) {
			memcpy(&map, (const void *)(uintptr_t)arguments[i], sizeof(map));
			range_remember(map.address, map.size);
		}
		if (KIND(call->arguments[i]) == OUT_HANDLE)
			use_handles(arguments[i]);
		if (KIND(call->arguments[i]) == OUT_MESSAGE)
			use_message(arguments[i]);
	}
}

/* One call. Returns 0, or 1 when the result is none that a call may give. */
#define ADDRESS_MAX ((INT64_C(1) << 47) - 1) /* no address of a task is above */

/* An errno, a number, or of the one call that gives an address one of the task's. */
static int result_is_good(uint64_t number, int64_t result)
{
	int64_t most = number == CORDON_SYS_memory_map_new ? ADDRESS_MAX : (int64_t)UINT32_MAX;

	return result >= -FUZZ_ERROR_MAX && result <= most;
}

static int step(void)
{
	const struct call *call = pick_call();
	uint64_t arguments[CALL_ARGUMENTS];
	int64_t result;

	/* Those after the last mean nothing, and must not. */
	for (uint32_t i = 0; i < CALL_ARGUMENTS; i++)
		arguments[i] = i < call->count ? make_argument(call->arguments[i])
		                               : random_next(&numbers);
	record->number = call->number;
	if (tells)
		tell(call, arguments);
	result = call_raw(call->number, arguments);
	record->result = result;
	if (!result_is_good(call->number, result))
		return 1;
	if (result >= 0 && call->number < CORDON_SYSCALL_LIMIT)
		record->succeeded[call->number]++;
	if (result == 0)
		use_results(call, arguments);
	return 0;
}

/* --- life ------------------------------------------------------------------------------------ */

static _Noreturn void thread_entry(void)
{
	cordon_thread_yield();
	for (;;)
		cordon_thread_exit();
}

/* One for all: they do the same on it. */
uint64_t thread_stack_address(void)
{
	static uint8_t stack[2048] __attribute__((aligned(16)));

	return (uintptr_t)stack + sizeof(stack);
}

uint64_t thread_entry_address(void)
{
	return (uintptr_t)thread_entry;
}

static void find_leaf(void)
{
	struct cordon_memory_info info;
	struct cordon_cpio_entry entry;
	struct cordon_memory_map map = {.prot = CORDON_PROT_READ};
	cordon_handle_t initramfs = cordon_handle_named("initramfs");

	if (cordon_memory_info(initramfs, &info) < 0)
		return;
	map.size = info.size;
	if (cordon_memory_map(initramfs, &map) < 0)
		return;
	if (cordon_cpio_find((const void *)(uintptr_t)map.address, map.size, "/test/fuzz_calls",
	                     &entry) == 0) {
		leaf_offset = entry.offset;
		leaf_size = entry.size;
	}
	cordon_memory_unmap(map.address, map.size);
}

/* Half of the victims begin with the device in their hands, as calls by chance seldom have it. */
static void bring_up(void)
{
	cordon_handle_t group = cordon_handle_of_type(CORDON_OBJECT_GROUP, 0), container, device;
	uint16_t command = (uint16_t)(random_below(&numbers, 8) |
	                              (random_once_in(4) ? 0 : 2)); /* memory */

	if (random_once_in(2) || cordon_container_create(&container) < 0)
		return;
	remember(container);
	if (cordon_container_add_group(container, group) < 0 ||
	    cordon_group_device(group, fuzzed_bdf, &device) < 0)
		return;
	remember(device);
	cordon_device_region_write(device, CORDON_REGION_CONFIG, 4, &command, sizeof(command));
}

static void *map_memory(cordon_handle_t memory, uint64_t size)
{
	struct cordon_memory_map map = {.size = size, .prot = CORDON_PROT_READ | CORDON_PROT_WRITE};

	return cordon_memory_map(memory, &map) < 0 ? NULL : (void *)(uintptr_t)map.address;
}

/* The record is written to without a handle, so that no call can reach it by one. */
static int begin(void)
{
	const struct cordon_startup *startup = cordon_startup();
	const struct cordon_startup_handle *given = (const void *)(uintptr_t)startup->handles;
	cordon_handle_t memory, book = cordon_handle_named("record");

	record = map_memory(book, sizeof(*record));
	if (!record || cordon_handle_close(book) < 0)
		return -1;
	find_leaf();
	if (cordon_memory_create(ARENA_SIZE, 0, &memory) < 0)
		return -1;
	arena = map_memory(memory, ARENA_SIZE);
	if (!arena)
		return -1;
	remember(memory);
	for (uint32_t i = 0; i < startup->handle_count; i++)
		if (given[i].handle != book)
			remember(given[i].handle);
	read_calls();
	return 0;
}

int victim_main(const struct victim *victim)
{
	numbers = random_of(victim->seed);
	fuzzed_bdf = victim->bdf;
	tells = victim->tells;
	if (begin() < 0)
		return VICTIM_NOT_STARTED;
	bring_up();
	for (record->step = 0; record->step < victim->steps; record->step++)
		if (step())
			return VICTIM_BAD_RESULT;
	return VICTIM_DONE;
}
