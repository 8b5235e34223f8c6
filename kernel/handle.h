/* SPDX-License-Identifier: MIT */
/* A task's handle table: slots with object, rights and generation. */
#ifndef KERNEL_HANDLE_H
#define KERNEL_HANDLE_H

#include <kernel/account.h>
#include <kernel/object.h>

/* Slot numbers and "none" (-1) in the order of opening. */
typedef int16_t handle_index_t;

struct handle_slot {
	struct object *object; /* NULL: free */
	uint32_t rights;
	uint32_t generation;  /* of the handle in it, or of the next one */
	handle_index_t older; /* the handle opened before and the one opened after this one */
	handle_index_t newer;
};

struct handle_table {
	struct spinlock lock;
	struct account *account;
	struct handle_slot *slots; /* grows by doubling up to CORDON_HANDLE_MAX */
	uint32_t capacity;
	uint32_t used;
	handle_index_t newest;
	bool closed; /* the task is ending: nothing can be added */
	/* Bit n of taken[m]: slot m * 64 + n is in use or retired. Bit m of full: all of taken[m].
	 */
	uint64_t full;
	uint64_t taken[CORDON_HANDLE_MAX / 64];
};

/*
 * How often a slot can be used. A handle's number names slot and generation; a slot whose
 * generations are used up is never used again, so that no number ever comes back.
 */
#define HANDLE_GENERATIONS (UINT32_C(1) << (31 - CORDON_HANDLE_INDEX_BITS))

/* An empty table, charging to the account, to which it takes a reference. Returns 0. */
int handle_table_init(struct handle_table *table, struct account *account);

/* Closes every handle, last opened first, and refuses new ones; also drops the reference to the
 * account. Doing it again does nothing. Called without locks. */
void handle_table_close(struct handle_table *table);

/* Adds a handle (a reference of its own). rights are cut to what the type allows.
 * Returns 0, -EMFILE (table or budget full) or -ENOMEM. The new handle is the lowest free slot. */
int handle_add(struct handle_table *table, struct object *object, uint32_t rights,
               cordon_handle_t *out);

/* The same with the lowest free slot that is not below `lowest` (< CORDON_HANDLE_MAX). */
int handle_add_from(struct handle_table *table, struct object *object, uint32_t rights,
                    uint32_t lowest, cordon_handle_t *out);

/* The same at a given slot that was never used; for stdin, stdout, stderr of a new task. -EEXIST
 * when it is in use or was. */
int handle_add_at(struct handle_table *table, struct object *object, uint32_t rights,
                  cordon_handle_t slot);

/* --- finding ---------------------------------------------------------------------------------- */

static inline uint32_t handle_index(cordon_handle_t handle)
{
	return (uint32_t)handle & (CORDON_HANDLE_MAX - 1);
}

static inline uint32_t handle_generation(cordon_handle_t handle)
{
	return (uint32_t)handle >> CORDON_HANDLE_INDEX_BITS;
}

/* The slot that a number names now; NULL for numbers that name none. */
static inline struct handle_slot *slot_find_locked(const struct handle_table *table,
                                                   cordon_handle_t handle)
{
	uint32_t index = handle_index(handle);
	struct handle_slot *slot;

	if (index >= table->capacity)
		return NULL;
	slot = &table->slots[index];
	/* A slot in use never has the generation of a negative number. */
	if (!slot->object || slot->generation != handle_generation(handle))
		return NULL;
	return slot;
}

/* The object behind a handle, as for handle_get; it stays while the table's lock is held. */
static inline int handle_find_locked(const struct handle_table *table, cordon_handle_t handle,
                                     enum cordon_object_type type, uint32_t rights,
                                     struct object **out, uint32_t *rights_out)
{
	const struct handle_slot *slot = slot_find_locked(table, handle);
	struct object *object;

	if (!slot)
		return -EBADF;
	object = slot->object;
	if (type != CORDON_OBJECT_NONE && object->ops->type != type)
		return -EBADF;
	if (rights & ~slot->rights)
		return -EACCES;
	*out = object;
	if (rights_out)
		*rights_out = slot->rights;
	return 0;
}

/* handle_get below, for calls whose cost is counted in instructions. */
static inline int handle_get_inline(struct handle_table *table, cordon_handle_t handle,
                                    enum cordon_object_type type, uint32_t rights,
                                    struct object **out, uint32_t *rights_out)
{
	int err;

	spin_lock(&table->lock);
	err = handle_find_locked(table, handle, type, rights, out, rights_out);
	if (!err)
		object_ref(*out);
	spin_unlock(&table->lock);
	return err;
}

/* Finds the object behind a handle and takes a reference, which the caller drops with
 * object_unref. type CORDON_OBJECT_NONE accepts any. Returns 0, -EBADF (none, stale, other
 * type) or -EACCES (lacks a right). rights_out may be NULL. */
int handle_get(struct handle_table *table, cordon_handle_t handle, enum cordon_object_type type,
               uint32_t rights, struct object **out, uint32_t *rights_out);

/* --- closing, moving ---------------------------------------------------------------------------
 */

/* Closes one handle. The object may act on its last handle's going, so no lock is held. Returns 0
 * or -EBADF. */
int handle_close(struct handle_table *table, cordon_handle_t handle);

/* A handle on its way from one table to another: no table has it, but its object counts it. */
struct handle_moved {
	struct object *object;
	uint32_t rights;        /* those it keeps */
	cordon_handle_t handle; /* where it was, where it is now */
};

/*
 * Takes handles out of a table, all or none. Each must still name its object, which the caller
 * keeps alive, and allow to be transferred with its rights. Returns 0, -EBADF, -EACCES, or -EINVAL
 * when one is named twice.
 */
int handle_take_all(struct handle_table *table, const struct handle_moved *moved, uint32_t count);

/* Puts handles into a table, all or none; their numbers go to moved. Returns 0, -EMFILE or
 * -ENOMEM. */
int handle_put_all(struct handle_table *table, struct handle_moved *moved, uint32_t count);

/* How many handles there are to objects of each type. */
void handle_table_count(struct handle_table *table, uint32_t counts[CORDON_OBJECT_TYPES]);

/* Whether the table holds any handle to the object (CORE-8). Looks at all slots in use. */
bool handle_table_holds(struct handle_table *table, const struct object *object);

#endif
