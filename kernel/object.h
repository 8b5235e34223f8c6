/* SPDX-License-Identifier: MIT */
/*
 * Kernel objects: what a handle can name.
 *
 * An object lives while it has references; handles are references that are also counted
 * apart, because an object may have to act when no task can reach it any more (a device
 * quiesces with its last handle) although the kernel still uses it. Kernel code that does
 * not know an object's type works through its operations.
 */
#ifndef KERNEL_OBJECT_H
#define KERNEL_OBJECT_H

#include <cordon/types.h>
#include <kernel/list.h>
#include <kernel/lock.h>
#include <kernel/panic.h>
#include <kernel/types.h>

struct object;

struct object_ops {
	const char *name;
	enum cordon_object_type type;
	uint32_t rights; /* rights a first handle has */
	/* The last handle went. May block, may drop references. May be NULL. */
	void (*unreachable)(struct object *object);
	/* The last reference went: free it. */
	void (*destroy)(struct object *object);
};

struct object {
	const struct object_ops *ops;
	uint64_t id; /* never reused */
	uint32_t references;
	uint32_t handles;
	uint32_t signals;     /* CORDON_SIGNAL_* raised now */
	uint32_t raises;      /* counts raisings; after the first never 0 */
	struct spinlock lock; /* protects signals and waiters */
	struct list waiters;  /* struct waiter.link */
};

/* Sets up an object with one reference and no handle. */
void object_init(struct object *object, const struct object_ops *ops);

static inline void object_ref(struct object *object)
{
	uint32_t before = __atomic_fetch_add(&object->references, 1, __ATOMIC_RELAXED);

	ASSERT(before != 0); /* else it is being destroyed */
}

/* The same for an object that is found in a list, where it may lie though its last reference went:
 * false then. */
static inline bool object_ref_if_alive(struct object *object)
{
	uint32_t references = __atomic_load_n(&object->references, __ATOMIC_RELAXED);

	while (references != 0)
		if (__atomic_compare_exchange_n(&object->references, &references, references + 1,
		                                true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
	return false;
}

/* The last reference went; for object_unref only. */
void object_release(struct object *object);

static inline void object_unref(struct object *object)
{
	uint32_t before = __atomic_fetch_sub(&object->references, 1, __ATOMIC_ACQ_REL);

	ASSERT(before != 0);
	if (before == 1)
		object_release(object);
}

/* Handle bookkeeping, for handle.c only: adds or drops a reference and a handle count. */
void object_handle_added(struct object *object);
void object_handle_removed(struct object *object);

/* Wakes who waits for a signal that was raised, and of those that wait for edges who waits for one
 * that was set. For object_signal only. */
void object_wake_locked(struct object *object, uint32_t set, uint32_t raised);

/* Raises and clears signals; wakes waiters of those that are newly raised, and the waiters for
 * edges (CORDON_SIGNAL_EDGE) of all that are set. */
static inline void object_signal_locked(struct object *object, uint32_t clear, uint32_t set)
{
	uint32_t left = object->signals & ~clear;

	DEBUG_ASSERT(spin_held(&object->lock));
	object->signals = left | set;
	if (!set)
		return;
	object->raises += object->raises == UINT32_MAX ? 2 : 1; /* 0: before all */
	if (!list_empty(&object->waiters))
		object_wake_locked(object, set, set & ~left);
}

static inline void object_signal(struct object *object, uint32_t clear, uint32_t set)
{
	spin_lock(&object->lock);
	object_signal_locked(object, clear, set);
	spin_unlock(&object->lock);
}

/* How many objects of a type exist now (leak checks). One counts until its memory is given back. */
uint64_t object_count(enum cordon_object_type type);

#endif
