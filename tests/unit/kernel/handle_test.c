/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <signal.h>

#include <cordon/errno.h>
#include <kernel/handle.h>
#include <kernel/heap.h>
#include <tests/unit/fake/fake.h>

#include <tests/random.h>

struct thing {
	struct object object;
	int unreachable;
	int destroyed;
};

static struct thing *closing_order[8];
static size_t closing_count;

static void thing_unreachable(struct object *object)
{
	struct thing *thing = container_of(object, struct thing, object);

	thing->unreachable++;
	if (closing_count < 8)
		closing_order[closing_count++] = thing;
}

static void thing_destroy(struct object *object)
{
	container_of(object, struct thing, object)->destroyed++;
}

static const struct object_ops event_like = {
        .name = "event",
        .type = CORDON_OBJECT_EVENT,
        .rights = CORDON_RIGHT_READ | CORDON_RIGHT_WRITE | CORDON_RIGHT_WAIT,
        .unreachable = thing_unreachable,
        .destroy = thing_destroy,
};

static const struct object_ops memory_like = {
        .name = "memory",
        .type = CORDON_OBJECT_MEMORY,
        .rights = CORDON_RIGHT_READ | CORDON_RIGHT_MAP,
        .unreachable = thing_unreachable,
        .destroy = thing_destroy,
};

static struct account *account_of(uint32_t handles)
{
	const struct cordon_budget budget = {.handles = handles};
	struct account *account;

	cr_assert_eq(account_create(&budget, &account), 0);
	return account;
}

static void table_init(struct handle_table *table, uint32_t limit)
{
	struct account *account = account_of(limit);

	cr_assert_eq(handle_table_init(table, account), 0);
	account_unref(account); /* the table has its own */
}

Test(handle, the_new_handle_is_the_lowest_free_slot)
{
	struct handle_table table;
	struct thing thing = {0};
	cordon_handle_t handle;

	table_init(&table, 4096);
	object_init(&thing.object, &event_like);
	for (int i = 0; i < 300; i++) {
		cr_assert_eq(handle_add(&table, &thing.object, 0, &handle), 0);
		cr_assert_eq(handle, i, "a slot that was never used gives its own number");
	}
	cr_assert_eq(handle_close(&table, 200), 0);
	cr_assert_eq(handle_close(&table, 7), 0);
	cr_assert_eq(handle_add(&table, &thing.object, 0, &handle), 0);
	cr_assert_eq(handle, 1 << CORDON_HANDLE_INDEX_BITS | 7);
	cr_assert_eq(handle_add(&table, &thing.object, 0, &handle), 0);
	cr_assert_eq(handle, 1 << CORDON_HANDLE_INDEX_BITS | 200);
	handle_table_close(&table);
	cr_assert_eq(thing.unreachable, 1);
	object_unref(&thing.object);
	cr_assert_eq(thing.destroyed, 1);
	cr_assert_eq(heap_in_use(), 0);
}

Test(handle, the_new_handle_is_the_lowest_free_slot_from_a_given_one_on)
{
	struct handle_table table;
	struct thing thing = {0};
	cordon_handle_t handle;

	table_init(&table, UINT32_MAX);
	object_init(&thing.object, &event_like);
	for (int i = 0; i < 200; i++)
		cr_assert_eq(handle_add(&table, &thing.object, 0, &handle), 0);
	for (int hole = 0; hole < 200; hole += 37) /* 0 37 74 111 148 185 */
		cr_assert_eq(handle_close(&table, hole), 0);
	for (uint32_t lowest = 0; lowest < CORDON_HANDLE_MAX; lowest += 7) {
		uint32_t want = lowest <= 185 ? (lowest + 36) / 37 * 37 : lowest;

		if (want < 200 && lowest > 185)
			want = 200;
		cr_assert_eq(handle_add_from(&table, &thing.object, 0, lowest, &handle), 0);
		cr_assert_eq(handle & (CORDON_HANDLE_MAX - 1), want, "from %u: %d", lowest, handle);
		cr_assert_eq(handle_close(&table, handle), 0);
	}
	for (uint32_t slot = 4000; slot < CORDON_HANDLE_MAX; slot++)
		cr_assert_eq(handle_add_from(&table, &thing.object, 0, slot, &handle), 0);
	cr_assert_eq(handle_add_from(&table, &thing.object, 0, 4000, &handle), -EMFILE);
	cr_assert_eq(handle_add_from(&table, &thing.object, 0, 4095, &handle), -EMFILE);
	cr_assert_eq(handle_add_from(&table, &thing.object, 0, 3999, &handle), 0);
	handle_table_close(&table);
	cr_assert_eq(heap_in_use(), 0);
}

Test(handle, a_stale_handle_is_never_another_object)
{
	struct handle_table table;
	struct thing a = {0};
	struct thing b = {0};
	struct object *found;
	cordon_handle_t stale;
	cordon_handle_t fresh;

	table_init(&table, 10);
	object_init(&a.object, &event_like);
	object_init(&b.object, &event_like);
	cr_assert_eq(handle_add(&table, &a.object, 0, &stale), 0);
	cr_assert_eq(handle_close(&table, stale), 0);
	cr_assert_eq(handle_add(&table, &b.object, 0, &fresh), 0);
	cr_assert_eq(fresh & (CORDON_HANDLE_MAX - 1), stale & (CORDON_HANDLE_MAX - 1));
	cr_assert_eq(handle_get(&table, stale, CORDON_OBJECT_NONE, 0, &found, NULL), -EBADF);
	cr_assert_eq(handle_close(&table, stale), -EBADF);
	cr_assert_eq(handle_get(&table, fresh, CORDON_OBJECT_NONE, 0, &found, NULL), 0);
	cr_assert_eq(found, &b.object);
	object_unref(found);
	handle_table_close(&table);
}

Test(handle, a_slot_is_retired_when_its_generations_are_used_up)
{
	struct handle_table table;
	struct thing thing = {0};
	cordon_handle_t handle;
	cordon_handle_t last = -1;

	table_init(&table, 10);
	object_init(&thing.object, &event_like);
	for (uint32_t i = 0; i < HANDLE_GENERATIONS; i++) {
		cr_assert_eq(handle_add(&table, &thing.object, 0, &handle), 0);
		if ((handle & (CORDON_HANDLE_MAX - 1)) != 0 || handle <= last)
			cr_assert_fail("generation %u gives %d after %d", i, handle, last);
		last = handle;
		cr_assert_eq(handle_close(&table, handle), 0);
	}
	cr_assert_eq(last, INT32_MAX - (CORDON_HANDLE_MAX - 1), "the largest of slot 0");
	cr_assert_eq(handle_add(&table, &thing.object, 0, &handle), 0);
	cr_assert_eq(handle, 1, "slot 0 never comes back");
	cr_assert_eq(handle_add_at(&table, &thing.object, 0, 0), -EEXIST);
	handle_table_close(&table);
}

Test(handle, rights_are_cut_to_the_type_and_checked)
{
	struct handle_table table;
	struct thing thing = {0};
	struct object *found = NULL;
	cordon_handle_t handle;
	uint32_t rights;

	table_init(&table, 10);
	object_init(&thing.object, &memory_like);
	cr_assert_eq(handle_add(&table, &thing.object, CORDON_RIGHTS_ALL, &handle), 0);
	cr_assert_eq(handle_get(&table, handle, CORDON_OBJECT_MEMORY, CORDON_RIGHT_READ, &found,
	                        &rights),
	             0);
	cr_assert_eq(rights, CORDON_RIGHT_READ | CORDON_RIGHT_MAP);
	object_unref(found);
	cr_assert_eq(handle_get(&table, handle, CORDON_OBJECT_MEMORY,
	                        CORDON_RIGHT_READ | CORDON_RIGHT_WRITE, &found, NULL),
	             -EACCES);
	cr_assert_eq(handle_get(&table, handle, CORDON_OBJECT_EVENT, 0, &found, NULL), -EBADF,
	             "another type");
	cr_assert_eq(thing.object.references, 2, "a failure takes no reference");
	handle_table_close(&table);
}

Test(handle, closing_all_goes_from_the_last_opened_to_the_first)
{
	struct handle_table table;
	struct thing things[4] = {0};
	cordon_handle_t handles[4];

	table_init(&table, 10);
	for (int i = 0; i < 3; i++) {
		object_init(&things[i].object, &event_like);
		cr_assert_eq(handle_add(&table, &things[i].object, 0, &handles[i]), 0);
	}
	/* The slot of the first is used again: its new handle is the youngest. */
	cr_assert_eq(handle_close(&table, handles[0]), 0);
	object_init(&things[3].object, &event_like);
	cr_assert_eq(handle_add(&table, &things[3].object, 0, &handles[3]), 0);
	closing_count = 0;
	handle_table_close(&table);
	cr_assert_eq(closing_count, 3);
	cr_assert_eq(closing_order[0], &things[3]);
	cr_assert_eq(closing_order[1], &things[2]);
	cr_assert_eq(closing_order[2], &things[1]);
}

Test(handle, a_closed_table_takes_and_finds_nothing)
{
	struct handle_table table;
	struct thing thing = {0};
	struct object *found;
	cordon_handle_t handle;

	table_init(&table, 10);
	object_init(&thing.object, &event_like);
	cr_assert_eq(handle_add(&table, &thing.object, 0, &handle), 0);
	handle_table_close(&table);
	handle_table_close(&table);
	cr_assert_eq(handle_add(&table, &thing.object, 0, &handle), -EMFILE);
	cr_assert_eq(handle_add_at(&table, &thing.object, 0, 5), -EMFILE);
	cr_assert_eq(handle_get(&table, 0, CORDON_OBJECT_NONE, 0, &found, NULL), -EBADF);
	cr_assert_eq(handle_close(&table, 0), -EBADF);
	cr_assert_not(handle_table_holds(&table, &thing.object));
}

Test(handle, the_budget_and_the_table_have_an_end)
{
	struct handle_table small;
	struct handle_table large;
	struct thing thing = {0};
	cordon_handle_t handle;

	object_init(&thing.object, &event_like);
	table_init(&small, 3);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(handle_add(&small, &thing.object, 0, &handle), 0);
	cr_assert_eq(handle_add(&small, &thing.object, 0, &handle), -EMFILE);
	cr_assert_eq(handle_close(&small, 1), 0);
	cr_assert_eq(handle_add(&small, &thing.object, 0, &handle), 0);
	handle_table_close(&small);

	table_init(&large, UINT32_MAX);
	for (int i = 0; i < CORDON_HANDLE_MAX; i++)
		cr_assert_eq(handle_add(&large, &thing.object, 0, &handle), 0);
	cr_assert_eq(handle_add(&large, &thing.object, 0, &handle), -EMFILE);
	cr_assert(handle_table_holds(&large, &thing.object));
	handle_table_close(&large);
	cr_assert_eq(thing.object.references, 1);
	cr_assert_eq(thing.object.handles, 0);
}

Test(handle, a_failed_growth_changes_nothing)
{
	struct handle_table table;
	struct thing thing = {0};
	cordon_handle_t handle;

	table_init(&table, 200);
	object_init(&thing.object, &event_like);
	for (int i = 0; i < 64; i++)
		cr_assert_eq(handle_add(&table, &thing.object, 0, &handle), 0);
	fake_heap_fail(1);
	cr_assert_eq(handle_add(&table, &thing.object, 0, &handle), -ENOMEM);
	cr_assert_eq(table.account->used[CHARGE_HANDLES], 64);
	cr_assert_eq(thing.object.handles, 64);
	fake_heap_fail(0);
	cr_assert_eq(handle_add(&table, &thing.object, 0, &handle), 0);
	cr_assert_eq(handle, 64);
	handle_table_close(&table);
}

/* What the table should say of the numbers that were ever given out. */
struct model {
	cordon_handle_t handle;
	struct thing *thing;
	bool open;
};

Test(handle, agrees_with_a_model_under_random_operations)
{
	static struct model model[20000];
	static struct thing things[40];
	struct handle_table table;
	struct random random = {11};
	uint32_t count = 0;
	uint32_t open = 0;

	table_init(&table, 500);
	for (size_t i = 0; i < 40; i++)
		object_init(&things[i].object, i % 2 ? &event_like : &memory_like);
	for (uint32_t round = 0; round < 60000; round++) {
		struct object *found = NULL;
		struct model *item = count ? &model[random_below(&random, count)] : NULL;
		uint64_t kind = random_below(&random, 10);

		if (kind < 3 && count < 20000) {
			struct thing *thing = &things[random_below(&random, 40)];
			int err = handle_add(&table, &thing->object, 0, &model[count].handle);

			cr_assert_eq(err, open < 500 ? 0 : -EMFILE);
			if (err == 0) {
				model[count].thing = thing;
				model[count++].open = true;
				open++;
			}
		} else if (kind < 6 && item) {
			cr_assert_eq(handle_close(&table, item->handle), item->open ? 0 : -EBADF);
			open -= item->open;
			item->open = false;
		} else if (kind < 9 && item) {
			enum cordon_object_type type = item->thing->object.ops->type;
			int err = handle_get(&table, item->handle, type, 0, &found, NULL);

			cr_assert_eq(err, item->open ? 0 : -EBADF);
			if (err == 0) {
				cr_assert_eq(found, &item->thing->object);
				object_unref(found);
			}
		} else {
			cordon_handle_t any = (cordon_handle_t)random_next(&random);
			bool named = false;

			for (uint32_t i = 0; i < count; i++)
				named |= model[i].open && model[i].handle == any;
			cr_assert_eq(handle_get(&table, any, CORDON_OBJECT_NONE, 0, &found, NULL),
			             named ? 0 : -EBADF);
			if (named)
				object_unref(found);
		}
		cr_assert_eq(table.used, open);
		cr_assert_eq(table.account->used[CHARGE_HANDLES], open);
	}
	handle_table_close(&table);
	for (size_t i = 0; i < 40; i++) {
		cr_assert_eq(things[i].object.references, 1);
		cr_assert_eq(things[i].object.handles, 0);
	}
	cr_assert_eq(heap_in_use(), 0);
}

Test(handle, an_account_that_is_given_up_with_charges_panics, .signal = SIGABRT)
{
	struct account *account = account_of(10);

	cr_assert_eq(account_charge(account, CHARGE_OBJECTS, 1), 0);
	account_unref(account);
}

Test(handle, charges_stop_exactly_at_the_limit)
{
	struct account *account = account_of(10);

	cr_assert_eq(account_charge(account, CHARGE_HANDLES, 11), -ENOMEM);
	cr_assert_eq(account_charge(account, CHARGE_HANDLES, UINT64_MAX), -ENOMEM);
	cr_assert_eq(account_charge(account, CHARGE_HANDLES, 10), 0);
	cr_assert_eq(account_charge(account, CHARGE_HANDLES, 1), -ENOMEM);
	cr_assert_eq(account_charge(account, CHARGE_HANDLES, UINT64_MAX - 5), -ENOMEM);
	cr_assert_eq(account->used[CHARGE_HANDLES], 10);
	account_uncharge(account, CHARGE_HANDLES, 10);
	account_unref(account);
}
