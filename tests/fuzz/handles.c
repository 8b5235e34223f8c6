/* SPDX-License-Identifier: MIT */
/*
 * A handle table against a model that remembers every number ever given out: a number names the
 * object it was made for until it is closed, and nothing afterwards.
 */
#include <cordon/errno.h>
#include <kernel/handle.h>
#include <kernel/heap.h>
#include <tests/fuzz/fuzz.h>

#define OBJECTS 4
#define GIVEN   512

static const struct object_ops ops[2] = {
        {.name = "event", .type = CORDON_OBJECT_EVENT, .rights = CORDON_RIGHTS_ALL},
        {.name = "memory",
         .type = CORDON_OBJECT_MEMORY,
         .rights = CORDON_RIGHT_READ | CORDON_RIGHT_MAP | CORDON_RIGHT_DUP},
};

static struct object objects[OBJECTS];

/* All numbers, open or not. */
static struct {
	cordon_handle_t handle;
	unsigned int object;
	uint32_t rights;
	bool open;
} given[GIVEN];
static size_t given_count, open_count;

static void remember(cordon_handle_t handle, unsigned int object, uint32_t rights)
{
	FUZZ_CHECK(handle >= 0);
	for (size_t i = 0; i < given_count; i++)
		FUZZ_CHECK(given[i].handle != handle);
	given[given_count].handle = handle;
	given[given_count].object = object;
	given[given_count].rights = rights & objects[object].ops->rights;
	given[given_count++].open = true;
	open_count++;
}

static void check_get(struct handle_table *table, size_t index, uint32_t rights)
{
	struct object *object;
	uint32_t has;
	int error = handle_get(table, given[index].handle, CORDON_OBJECT_NONE, rights, &object,
	                       &has);

	if (!given[index].open) {
		FUZZ_CHECK(error == -EBADF);
		return;
	}
	if (rights & ~given[index].rights) {
		FUZZ_CHECK(error == -EACCES);
		return;
	}
	FUZZ_CHECK(error == 0 && object == &objects[given[index].object]);
	FUZZ_CHECK(has == given[index].rights);
	object_unref(object);
	error = handle_get(table, given[index].handle, CORDON_OBJECT_CONTAINER, 0, &object, NULL);
	FUZZ_CHECK(error == -EBADF);
}

static void check_counts(struct handle_table *table)
{
	uint32_t handles[OBJECTS] = {0};

	for (size_t i = 0; i < given_count; i++)
		handles[given[i].object] += given[i].open;
	for (unsigned int i = 0; i < OBJECTS; i++) {
		FUZZ_CHECK(objects[i].handles == handles[i]);
		FUZZ_CHECK(objects[i].references == handles[i] + 1);
		FUZZ_CHECK(handle_table_holds(table, &objects[i]) == (handles[i] > 0));
	}
	FUZZ_CHECK(table->used == open_count);
	FUZZ_CHECK(table->account->used[CHARGE_HANDLES] == open_count);
}

static void step(struct handle_table *table, struct fuzz_input *input)
{
	uint8_t how = fuzz_byte(input);
	unsigned int object = fuzz_byte(input) % OBJECTS;
	uint32_t rights = fuzz_byte(input);
	size_t index = given_count ? fuzz_number(input, 2) % given_count : 0;
	cordon_handle_t handle;

	switch (how % 6) {
	case 0:
	case 1:
		if (given_count < GIVEN &&
		    handle_add(table, &objects[object], rights, &handle) == 0)
			remember(handle, object, rights);
		break;
	case 2:
		handle = (cordon_handle_t)(rights % 80);
		if (given_count < GIVEN &&
		    handle_add_at(table, &objects[object], rights, handle) == 0)
			remember(handle, object, rights);
		break;
	case 3:
		if (!given_count)
			break;
		FUZZ_CHECK(handle_close(table, given[index].handle) ==
		           (given[index].open ? 0 : -EBADF));
		open_count -= given[index].open;
		given[index].open = false;
		break;
	case 4:
		if (given_count)
			check_get(table, index, rights);
		break;
	case 5:
		handle = (cordon_handle_t)fuzz_number(input, 4);
		for (size_t i = 0; i < given_count; i++)
			if (given[i].handle == handle)
				return;
		FUZZ_CHECK(handle_close(table, handle) == -EBADF);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	struct cordon_budget budget = {.handles = 1u + fuzz_byte(&input)};
	size_t heap = heap_in_use();
	struct handle_table table;
	struct account *account;

	given_count = open_count = 0;
	for (unsigned int i = 0; i < OBJECTS; i++)
		object_init(&objects[i], &ops[i % 2]);
	FUZZ_CHECK(account_create(&budget, &account) == 0);
	FUZZ_CHECK(handle_table_init(&table, account) == 0);
	while (input.size > 0)
		step(&table, &input);
	check_counts(&table);
	handle_table_close(&table);
	for (unsigned int i = 0; i < OBJECTS; i++)
		FUZZ_CHECK(objects[i].handles == 0 && objects[i].references == 1);
	FUZZ_CHECK(account->used[CHARGE_HANDLES] == 0);
	account_unref(account);
	FUZZ_CHECK(heap_in_use() == heap);
	return 0;
}
