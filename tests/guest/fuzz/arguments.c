/* SPDX-License-Identifier: MIT */
/* Values for arguments: mostly what a call could take, often its limits, sometimes anything. */
#include <cordon/rt.h>
#include <stdbool.h>
#include <string.h>
#include <tests/guest/fuzz/fuzz.h>

#define PAGE CORDON_PAGE_SIZE

struct random numbers;

static uint64_t random_limit(void)
{
	static const uint64_t limits[] = {
	        0,
	        1,
	        PAGE - 1,
	        PAGE,
	        UINT64_C(0x1fffff),
	        UINT64_C(0x200000),
	        UINT32_MAX,
	        UINT64_C(0x100000000),
	        CORDON_USER_MIN,
	        CORDON_USER_MAX - PAGE,
	        CORDON_USER_MAX,
	        UINT64_C(0xfee00000),
	        UINT64_C(0x7ffffffff000),
	        UINT64_C(0x800000000000),
	        UINT64_C(0xffff800000000000),
	        UINT64_C(0xffffffff80000000),
	        UINT64_C(0x7fffffffffffffff),
	        UINT64_C(0x8000000000000000),
	        UINT64_MAX - PAGE + 1,
	        UINT64_MAX,
	};

	return limits[random_below(&numbers, sizeof(limits) / sizeof(limits[0]))];
}

static uint64_t wild(void)
{
	return random_once_in(2) ? random_limit() : random_next(&numbers);
}

static uint64_t pages(uint32_t limit)
{
	uint64_t value = random_below(&numbers, limit) * PAGE;

	return random_once_in(20) ? value + random_below(&numbers, 4096) : value;
}

#define RANGES 8
static struct {
	uint64_t address;
	uint64_t size;
} ranges[RANGES];
static uint64_t range_size; /* of the one that was aimed at last; 0: none */

void range_remember(uint64_t address, uint64_t size)
{
	uint32_t slot = random_below(&numbers, RANGES);

	ranges[slot].address = address;
	ranges[slot].size = size;
}

static uint64_t place(void)
{
	uint32_t slot = random_below(&numbers, RANGES);

	range_size = 0;
	if (ranges[slot].size == 0 || random_once_in(3))
		return PLACE + pages(PLACE_PAGES);
	range_size = ranges[slot].size;
	return ranges[slot].address;
}

static uint64_t size(void)
{
	uint64_t fitting = range_size;

	range_size = 0;
	if (fitting && !random_once_in(3))
		return fitting;
	return random_once_in(4) ? random_below(&numbers, 64) : pages(12);
}

/* Where a structure of some bytes lies: in the arena, sometimes over its end or not there. */
static void *spot(uint64_t size)
{
	if (random_once_in(24))
		return (void *)(uintptr_t)wild();
	if (random_once_in(24))
		return arena + ARENA_SIZE - random_below(&numbers, (uint32_t)size + 1);
	return arena + random_below(&numbers, (uint32_t)(ARENA_SIZE - size) / 8) * 8;
}

/* Puts a structure there, with a word of it spoiled now and then. */
static uint64_t put(void *structure, uint64_t size)
{
	uint8_t *at = spot(size);
	uint8_t *bytes = structure;

	if (random_once_in(8))
		bytes[random_below(&numbers, (uint32_t)size)] ^=
		        (uint8_t)(1u << random_below(&numbers, 8));
	if (random_once_in(16) && size >= 8) {
		uint64_t value = wild();

		memcpy(bytes + random_below(&numbers, (uint32_t)(size / 8)) * 8, &value,
		       sizeof(value));
	}
	if ((uintptr_t)at - (uintptr_t)arena <= ARENA_SIZE - size)
		memcpy(at, structure, size);
	return (uintptr_t)at;
}

static uint32_t protection(void)
{
	static const uint32_t good[] = {CORDON_PROT_READ, CORDON_PROT_READ | CORDON_PROT_WRITE,
	                                CORDON_PROT_READ | CORDON_PROT_EXEC, CORDON_PROT_NONE};

	return random_once_in(8) ? random_below(&numbers, 16) : good[random_below(&numbers, 4)];
}

static uint64_t make_wait(void)
{
	struct cordon_wait items[4] = {0};

	for (int i = 0; i < 4; i++) {
		items[i].handle = pick_handle(CORDON_OBJECT_NONE);
		items[i].signals = 1 + random_below(&numbers, 7);
	}
	return put(items, sizeof(items));
}

static uint64_t make_map(void)
{
	struct cordon_memory_map map = {
	        .address = random_once_in(3) ? 0 : place(),
	        .offset = random_once_in(2) ? pages(8) : 0,
	        .size = pages(8),
	        .prot = protection(),
	        .flags = random_below(&numbers, 2),
	};

	return put(&map, sizeof(map));
}

static uint64_t make_region_map(void)
{
	/* One that is usually possible, or any. */
	struct cordon_region_map first = {
	        .size = PAGE,
	        .prot = CORDON_PROT_READ | CORDON_PROT_WRITE,
	};
	struct cordon_region_map map = {
	        .address = random_once_in(2) ? 0 : place(),
	        .offset = pages(4),
	        .size = pages(4),
	        .prot = protection(),
	        .flags = random_below(&numbers, 2),
	};

	return random_once_in(2) ? put(&first, sizeof(first)) : put(&map, sizeof(map));
}

/* To be sent, most often with one handle or none; or with room to receive in. */
static uint64_t make_message(bool room)
{
	struct cordon_message_handle handles[4] = {0};
	struct cordon_message message = {
	        .bytes = (uintptr_t)spot(64),
	        .id = random_once_in(6) ? random_below(&numbers, 8) : 0,
	        .size = room ? 64 : random_below(&numbers, 64),
	        .handle_count = room ? 4 : random_below(&numbers, random_once_in(4) ? 5 : 2),
	};

	for (int i = 0; i < 4; i++) {
		handles[i].handle = pick_handle(CORDON_OBJECT_NONE);
		handles[i].rights = random_once_in(4)
		                            ? random_below(&numbers, CORDON_RIGHTS_ALL + 1)
		                            : 0;
	}
	message.handles = put(handles, sizeof(handles));
	return put(&message, sizeof(message));
}

static uint64_t make_futex_word(void)
{
	uint32_t word = random_below(&numbers, 3);

	return put(&word, sizeof(word));
}

static uint64_t device_address(void)
{
	if (random_once_in(10))
		return UINT64_C(0xfedf0000) + pages(32);
	return UINT64_C(0x40000000) + pages(32) + (random_once_in(8) ? UINT64_C(0x1fe000) : 0);
}

static struct cordon_dma_map dma_map(void)
{
	struct cordon_dma_map map = {
	        .memory = pick_handle(CORDON_OBJECT_MEMORY),
	        .flags = 1 + random_below(&numbers, 3),
	        .offset = random_once_in(2) ? pages(8) : 0,
	        .iova = device_address(),
	        .size = pages(8),
	};

	if (random_once_in(3)) {
		map.memory = CORDON_HANDLE_NONE;
		map.offset = random_once_in(2) ? place() : (uintptr_t)arena + pages(8);
		if (range_size)
			map.size = range_size;
	}
	return map;
}

static uint64_t make_dma_map(void)
{
	struct cordon_dma_map map = dma_map();

	return put(&map, sizeof(map));
}

static uint64_t make_dma_ops(void)
{
	struct cordon_dma_op ops[6] = {0};

	for (int i = 0; i < 6; i++) {
		ops[i].op = 1 + random_below(&numbers, 2);
		ops[i].map = dma_map();
	}
	return put(ops, sizeof(ops));
}

/* A program that ends at once: what it is given does not matter to it. */
static uint64_t make_spawn(void)
{
	static const char argv[] = "fuzz_calls\0leaf";
	struct cordon_spawn_handle handles[3] = {0};
	struct cordon_spawn spawn = {
	        .image = cordon_handle_named("initramfs"),
	        .handle_count = random_below(&numbers, 4),
	        .image_offset = leaf_offset,
	        .image_size = leaf_size,
	        .argv_bytes = sizeof(argv),
	        .budget = {.frames = random_below(&numbers, 2) * 400},
	        .name = "leaf",
	};
	void *strings = arena;

	memcpy(strings, argv, sizeof(argv));
	spawn.argv = (uintptr_t)strings;
	for (uint32_t i = 0; i < 3; i++) {
		handles[i].handle = pick_handle(CORDON_OBJECT_NONE);
		handles[i].flags = random_once_in(4);
		handles[i].rights = random_once_in(3)
		                            ? random_below(&numbers, CORDON_RIGHTS_ALL + 1)
		                            : 0;
		handles[i].name[0] = (char)('a' + i);
	}
	spawn.handles = put(handles, sizeof(handles));
	return put(&spawn, sizeof(spawn));
}

static uint64_t make_thread(void)
{
	struct cordon_thread thread = {
	        .entry = thread_entry_address(),
	        .stack = thread_stack_address(),
	        .name = "thread",
	};

	return put(&thread, sizeof(thread));
}

static uint64_t make_deadline(void)
{
	uint64_t now = 0;

	if (random_once_in(2))
		return CORDON_TIME_POLL;
	cordon_clock_get(CORDON_CLOCK_MONOTONIC, &now);
	return now + random_below(&numbers, 200000);
}

/* A member of a structure that is not known here. */
static uint64_t make_word(void)
{
	switch (random_below(&numbers, 8)) {
	case 0:
		return (uint32_t)pick_handle(CORDON_OBJECT_NONE);
	case 1:
		return place();
	case 2:
		return (uintptr_t)arena + random_below(&numbers, ARENA_SIZE / 2);
	case 3:
		return pages(8);
	case 4:
		return make_deadline();
	case 5:
		return (uint64_t)random_below(&numbers, 4) << 32 | random_below(&numbers, 4);
	default:
		return random_once_in(4) ? wild() : random_below(&numbers, 9);
	}
}

static uint64_t make_bytes(void)
{
	uint64_t words[8];

	for (int i = 0; i < 8; i++)
		words[i] = make_word();
	return put(words, sizeof(words));
}

uint64_t make_argument(uint32_t argument)
{
	enum argument kind = KIND(argument);

	/* A deadline is always kept: a fuzzer that sleeps for ever finds nothing. */
	if (kind == DEADLINE)
		return make_deadline();
	if (random_once_in(32))
		return wild();
	switch (kind) {
	case HANDLE:
		return (uint64_t)(int64_t)pick_handle(TYPE(argument));
	case NUMBER:
		return random_once_in(16) ? random_below(&numbers, 300) : random_below(&numbers, 9);
	case RIGHTS:
		return random_once_in(2) ? 0 : random_below(&numbers, CORDON_RIGHTS_ALL + 1);
	case MEMORY_FLAGS:
		return random_once_in(3) ? random_below(&numbers, 8) : 0;
	case PROTECTION:
		return protection();
	case REGION:
		return random_once_in(3)   ? random_below(&numbers, 9)
		       : random_once_in(2) ? 0
		                           : CORDON_REGION_CONFIG;
	case SIZE:
		return size();
	case ADDRESS:
		return place();
	case OFFSET:
		return random_once_in(3)
		               ? pages(6)
		               : random_below(&numbers, random_once_in(2) ? 0x1100 : 0x80);
	case PHYSICAL:
		return pages(0x10000);
	case IOVA:
		return device_address();
	case BDF:
		return fuzzed_bdf ^ (random_once_in(8) ? 1u << random_below(&numbers, 16) : 0);
	case OUT:
		return random_once_in(3) ? make_bytes() : (uintptr_t)spot(256);
	case OUT_HANDLE:
		return (uintptr_t)spot(256);
	case IN_WAIT:
		return make_wait();
	case IN_MAP:
		return make_map();
	case IN_REGION_MAP:
		return make_region_map();
	case IN_DMA_MAP:
		return make_dma_map();
	case IN_DMA_OPS:
		return make_dma_ops();
	case IN_SPAWN:
		return make_spawn();
	case IN_THREAD:
		return make_thread();
	case IN_MESSAGE:
		return make_message(false);
	case OUT_MESSAGE:
		return make_message(!random_once_in(4));
	case IN_WORD:
		return make_futex_word();
	case IN_BYTES:
		return make_bytes();
	default:
		return wild();
	}
}
