/* SPDX-License-Identifier: MIT */
/*
 * Values that each thread has of its own. A key's generation is odd while it exists; a value counts
 * only for the generation under which it was set, so deleting a key costs nothing in any thread.
 */
#include <errno.h>
#include <pthread.h>

#include "internal.h"

static struct {
	uint32_t generation;
	void (*destructor)(void *);
} keys[PTHREAD_KEYS_MAX];

static bool exists(uint32_t generation)
{
	return generation % 2 == 1;
}

int pthread_key_create(pthread_key_t *key, void (*destructor)(void *))
{
	for (pthread_key_t i = 0; i < PTHREAD_KEYS_MAX; i++) {
		uint32_t generation = __atomic_load_n(&keys[i].generation, __ATOMIC_RELAXED);

		if (exists(generation) ||
		    !__atomic_compare_exchange_n(&keys[i].generation, &generation, generation + 1,
		                                 false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			continue;
		/* Nobody has a value under this generation before the key is told. */
		__atomic_store_n(&keys[i].destructor, destructor, __ATOMIC_RELEASE);
		*key = i;
		return 0;
	}
	return EAGAIN;
}

int pthread_key_delete(pthread_key_t key)
{
	uint32_t generation;

	if (key >= PTHREAD_KEYS_MAX)
		return EINVAL;
	generation = __atomic_load_n(&keys[key].generation, __ATOMIC_RELAXED);
	if (!exists(generation) ||
	    !__atomic_compare_exchange_n(&keys[key].generation, &generation, generation + 1, false,
	                                 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return EINVAL;
	return 0;
}

int pthread_setspecific(pthread_key_t key, const void *value)
{
	struct key_value *slot;
	uint32_t generation;

	if (key >= PTHREAD_KEYS_MAX)
		return EINVAL;
	generation = __atomic_load_n(&keys[key].generation, __ATOMIC_ACQUIRE);
	if (!exists(generation))
		return EINVAL;
	slot = &thread_self()->values[key];
	slot->generation = generation;
	slot->value = (void *)(uintptr_t)value;
	if (key >= thread_self()->values_used)
		thread_self()->values_used = key + 1;
	return 0;
}

void *pthread_getspecific(pthread_key_t key)
{
	const struct key_value *slot;

	if (key >= PTHREAD_KEYS_MAX)
		return NULL;
	slot = &thread_self()->values[key];
	if (slot->generation != __atomic_load_n(&keys[key].generation, __ATOMIC_ACQUIRE))
		return NULL;
	return exists(slot->generation) ? slot->value : NULL;
}

/* Calls the destructors of one thread's values once. Returns whether there was any. */
static bool destroy_values(struct cordon_thread_control *thread)
{
	bool any = false;

	for (pthread_key_t i = 0; i < thread->values_used; i++) {
		struct key_value *slot = &thread->values[i];
		void (*destructor)(void *) = __atomic_load_n(&keys[i].destructor, __ATOMIC_ACQUIRE);
		void *value = slot->value;

		slot->value = NULL;
		if (!value || !destructor || !exists(slot->generation) ||
		    slot->generation != __atomic_load_n(&keys[i].generation, __ATOMIC_ACQUIRE))
			continue;
		destructor(value);
		any = true;
	}
	return any;
}

void keys_destroy(struct cordon_thread_control *thread)
{
	for (int i = 0; i < PTHREAD_DESTRUCTOR_ITERATIONS; i++)
		if (!destroy_values(thread))
			return;
}
