/* SPDX-License-Identifier: MIT */
#include <cordon/errno.h>
#include <kernel/handle.h>
#include <kernel/heap.h>
#include <kernel/inject.h>
#include <kernel/panic.h>
#include <kernel/sched.h>
#include <kernel/string.h>

#define FIRST_CAPACITY 64u
#define NONE           ((handle_index_t)-1)

_Static_assert(CORDON_HANDLE_MAX / 64 <= 64, "one bit of full for each word of taken");
_Static_assert(CORDON_HANDLE_MAX <= INT16_MAX, "handle_index_t");

static cordon_handle_t handle_number(uint32_t index, uint32_t generation)
{
	return (cordon_handle_t)(generation << CORDON_HANDLE_INDEX_BITS | index);
}

/* --- which slots can be used ----------------------------------------------------------------- */

static void slot_take_locked(struct handle_table *table, uint32_t index)
{
	uint64_t *word = &table->taken[index / 64];

	*word |= UINT64_C(1) << index % 64;
	if (*word == UINT64_MAX)
		table->full |= UINT64_C(1) << index / 64;
}

static void slot_release_locked(struct handle_table *table, uint32_t index)
{
	table->taken[index / 64] &= ~(UINT64_C(1) << index % 64);
	table->full &= ~(UINT64_C(1) << index / 64);
}

/* The lowest slot from `lowest` on that can be used; CORDON_HANDLE_MAX when there is none. */
static uint32_t slot_lowest_locked(const struct handle_table *table, uint32_t lowest)
{
	uint32_t word = lowest / 64;
	uint64_t free = ~table->taken[word] & UINT64_MAX << lowest % 64;
	uint64_t words;

	if (inject_fails(CORDON_INJECT_SLOT))
		return CORDON_HANDLE_MAX;
	if (!free) {
		/* Words behind this one that are not full. In two steps: the shift may be 64. */
		words = ~table->full & UINT64_MAX << word << 1 &
		        UINT64_MAX >> (64 - CORDON_HANDLE_MAX / 64);
		if (!words)
			return CORDON_HANDLE_MAX;
		word = (uint32_t)__builtin_ctzll(words);
		free = ~table->taken[word];
	}
	return word * 64 + (uint32_t)__builtin_ctzll(free);
}

static bool slot_is_taken_locked(const struct handle_table *table, uint32_t index)
{
	return table->taken[index / 64] >> index % 64 & 1;
}

static size_t slots_size(uint32_t capacity)
{
	return capacity * sizeof(struct handle_slot);
}

/* Makes room for a slot number below CORDON_HANDLE_MAX. */
static int table_grow_locked(struct handle_table *table, uint32_t index)
{
	uint32_t capacity = table->capacity ? table->capacity : FIRST_CAPACITY;
	struct handle_slot *slots;

	while (capacity <= index)
		capacity *= 2;
	if (capacity == table->capacity)
		return 0;
	slots = account_alloc(table->account, slots_size(capacity));
	if (!slots)
		return -ENOMEM;
	if (table->capacity > 0)
		memcpy(slots, table->slots, slots_size(table->capacity));
	account_free(table->account, table->slots, slots_size(table->capacity));
	table->slots = slots;
	table->capacity = capacity;
	return 0;
}

/* --- handles --------------------------------------------------------------------------------- */

/* Puts a handle that its object counts already into a slot that is free. */
static int slot_put_locked(struct handle_table *table, uint32_t index, struct object *object,
                           uint32_t rights, cordon_handle_t *out)
{
	struct handle_slot *slot;
	int err;

	if (account_charge(table->account, CHARGE_HANDLES, 1) != 0)
		return -EMFILE;
	err = table_grow_locked(table, index);
	if (err != 0) {
		account_uncharge(table->account, CHARGE_HANDLES, 1);
		return err;
	}
	slot_take_locked(table, index);
	slot = &table->slots[index];
	slot->object = object;
	slot->rights = rights & object->ops->rights;
	slot->older = table->newest;
	slot->newer = NONE;
	if (table->newest != NONE)
		table->slots[table->newest].newer = (handle_index_t)index;
	table->newest = (handle_index_t)index;
	table->used++;
	*out = handle_number(index, slot->generation);
	return 0;
}

/* Gives an object a new handle, in a slot that is free. */
static int slot_fill_locked(struct handle_table *table, uint32_t index, struct object *object,
                            uint32_t rights, cordon_handle_t *out)
{
	int err = slot_put_locked(table, index, object, rights, out);

	if (err == 0)
		object_handle_added(object);
	return err;
}

/* Takes the object out of a slot; the caller gives its handle reference back, without the lock. */
static struct object *slot_empty_locked(struct handle_table *table, uint32_t index)
{
	struct handle_slot *slot = &table->slots[index];
	struct object *object = slot->object;

	if (slot->newer != NONE)
		table->slots[slot->newer].older = slot->older;
	else
		table->newest = slot->older;
	if (slot->older != NONE)
		table->slots[slot->older].newer = slot->newer;
	slot->object = NULL;
	slot->generation++;
	if (slot->generation < HANDLE_GENERATIONS)
		slot_release_locked(table, index);
	table->used--;
	account_uncharge(table->account, CHARGE_HANDLES, 1);
	return object;
}

int handle_table_init(struct handle_table *table, struct account *account)
{
	*table = (struct handle_table){.account = account, .newest = NONE};
	spin_init(&table->lock, RANK_HANDLES, "handles");
	account_ref(account);
	return 0;
}

void handle_table_close(struct handle_table *table)
{
	struct handle_slot *slots;
	struct account *account;
	struct object *object;
	uint32_t capacity;
	uint32_t count = 0;

	spin_lock(&table->lock);
	table->closed = true;
	while (table->newest != NONE) {
		object = slot_empty_locked(table, (uint32_t)table->newest);
		spin_unlock(&table->lock);
		object_handle_removed(object);
		if (++count % SCHED_POINT_EVERY == 0)
			sched_point();
		spin_lock(&table->lock);
	}
	slots = table->slots;
	capacity = table->capacity;
	account = table->account;
	table->slots = NULL;
	table->capacity = 0;
	table->account = NULL;
	spin_unlock(&table->lock);
	if (!account)
		return;
	account_free(account, slots, slots_size(capacity));
	account_unref(account);
}

int handle_add_from(struct handle_table *table, struct object *object, uint32_t rights,
                    uint32_t lowest, cordon_handle_t *out)
{
	uint32_t index;
	int err = -EMFILE;

	ASSERT(lowest < CORDON_HANDLE_MAX);
	spin_lock(&table->lock);
	index = slot_lowest_locked(table, lowest);
	if (!table->closed && index < CORDON_HANDLE_MAX)
		err = slot_fill_locked(table, index, object, rights, out);
	spin_unlock(&table->lock);
	return err;
}

int handle_add(struct handle_table *table, struct object *object, uint32_t rights,
               cordon_handle_t *out)
{
	return handle_add_from(table, object, rights, 0, out);
}

int handle_add_at(struct handle_table *table, struct object *object, uint32_t rights,
                  cordon_handle_t slot)
{
	uint32_t index = handle_index(slot);
	cordon_handle_t handle;
	int err = -EMFILE;

	ASSERT(slot >= 0 && slot < CORDON_HANDLE_MAX);
	spin_lock(&table->lock);
	if (table->closed)
		goto unlock;
	err = -EEXIST;
	if (slot_is_taken_locked(table, index) ||
	    (index < table->capacity && table->slots[index].generation > 0))
		goto unlock;
	err = slot_fill_locked(table, index, object, rights, &handle);
unlock:
	spin_unlock(&table->lock);
	return err;
}

int handle_get(struct handle_table *table, cordon_handle_t handle, enum cordon_object_type type,
               uint32_t rights, struct object **out, uint32_t *rights_out)
{
	return handle_get_inline(table, handle, type, rights, out, rights_out);
}

int handle_close(struct handle_table *table, cordon_handle_t handle)
{
	const struct handle_slot *slot;
	struct object *object = NULL;

	spin_lock(&table->lock);
	slot = slot_find_locked(table, handle);
	if (slot)
		object = slot_empty_locked(table, handle_index(handle));
	spin_unlock(&table->lock);
	if (!object)
		return -EBADF;
	object_handle_removed(object);
	return 0;
}

/* --- handles that move to another table ------------------------------------------------------ */

static int moved_check_locked(const struct handle_table *table, const struct handle_moved *moved,
                              uint32_t index)
{
	const struct handle_slot *slot = slot_find_locked(table, moved[index].handle);

	if (!slot || slot->object != moved[index].object)
		return -EBADF;
	if (!(slot->rights & CORDON_RIGHT_TRANSFER) || (moved[index].rights & ~slot->rights))
		return -EACCES;
	for (uint32_t i = 0; i < index; i++) {
		if (moved[i].handle == moved[index].handle)
			return -EINVAL;
	}
	return 0;
}

int handle_take_all(struct handle_table *table, const struct handle_moved *moved, uint32_t count)
{
	int err = 0;

	if (count == 0)
		return 0;
	spin_lock(&table->lock);
	for (uint32_t i = 0; i < count && err == 0; i++)
		err = moved_check_locked(table, moved, i);
	for (uint32_t i = 0; i < count && err == 0; i++)
		slot_empty_locked(table, handle_index(moved[i].handle));
	spin_unlock(&table->lock);
	return err;
}

int handle_put_all(struct handle_table *table, struct handle_moved *moved, uint32_t count)
{
	uint32_t done = 0;
	int err = 0;

	if (count == 0)
		return 0;
	spin_lock(&table->lock);
	while (done < count && err == 0) {
		uint32_t index = slot_lowest_locked(table, 0);

		err = -EMFILE;
		if (!table->closed && index < CORDON_HANDLE_MAX)
			err = slot_put_locked(table, index, moved[done].object, moved[done].rights,
			                      &moved[done].handle);
		if (err == 0)
			done++;
	}
	while (err != 0 && done > 0)
		slot_empty_locked(table, handle_index(moved[--done].handle));
	spin_unlock(&table->lock);
	return err;
}

bool handle_table_holds(struct handle_table *table, const struct object *object)
{
	bool found = false;

	spin_lock(&table->lock);
	for (handle_index_t index = table->newest; index != NONE && !found;
	     index = table->slots[index].older)
		found = table->slots[index].object == object;
	spin_unlock(&table->lock);
	return found;
}

void handle_table_count(struct handle_table *table, uint32_t counts[CORDON_OBJECT_TYPES])
{
	memset(counts, 0, CORDON_OBJECT_TYPES * sizeof(*counts));
	spin_lock(&table->lock);
	for (uint32_t i = 0; i < table->capacity; i++)
		if (table->slots[i].object)
			counts[table->slots[i].object->ops->type]++;
	spin_unlock(&table->lock);
}
