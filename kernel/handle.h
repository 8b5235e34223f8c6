/* SPDX-License-Identifier: MIT */
/* A task's handle table: slots with object, rights and generation. */
#ifndef KERNEL_HANDLE_H
#define KERNEL_HANDLE_H

#include <kernel/account.h>
#include <kernel/object.h>

struct handle_slot {
	struct object *object; /* NULL: free */
	uint32_t rights;
	uint32_t generation;
	int32_t next_free;
};

struct handle_table {
	struct spinlock lock;
	struct account *account;
	struct handle_slot *slots; /* grows by doubling up to CORDON_HANDLE_MAX */
	uint32_t capacity;
	uint32_t used;
	int32_t first_free;
	bool closed; /* the task is ending: nothing can be added */
};

int handle_table_init(struct handle_table *table, struct account *account);

/* Closes every handle, last opened first, and refuses new ones. */
void handle_table_close(struct handle_table *table);

/* Adds a handle (a reference of its own). rights are cut to what the type allows.
 * Returns 0, -EMFILE (table or budget full) or -ENOMEM. The new handle is the lowest free slot. */
int handle_add(struct handle_table *table, struct object *object, uint32_t rights,
               cordon_handle_t *out);

/* The same at a given slot that was never used; for stdin, stdout, stderr of a new task. */
int handle_add_at(struct handle_table *table, struct object *object, uint32_t rights,
                  cordon_handle_t slot);

/* Finds the object behind a handle and takes a reference, which the caller drops with
 * object_unref. type CORDON_OBJECT_NONE accepts any. Returns 0, -EBADF (none, stale, other
 * type) or -EACCES (lacks a right). rights_out may be NULL. */
int handle_get(struct handle_table *table, cordon_handle_t handle, enum cordon_object_type type,
               uint32_t rights, struct object **out, uint32_t *rights_out);

int handle_close(struct handle_table *table, cordon_handle_t handle);

/* Whether the table holds any handle to the object (CORE-8). */
bool handle_table_holds(struct handle_table *table, const struct object *object);

#endif
