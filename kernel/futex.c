/* SPDX-License-Identifier: MIT */
#include <arch/mmio.h>
#include <arch/percpu.h>
#include <cordon/errno.h>
#include <kernel/futex.h>
#include <kernel/sched.h>
#include <kernel/user.h>
#include <kernel/waiting.h>

/* What a word is known by. */
struct futex_key {
	struct memory *memory; /* shared words: a reference; else NULL */
	uint64_t offset;       /* in the object; else the address, in the space of the bucket */
};

/* One waiting thread; lives on its stack. */
struct futex_waiter {
	struct waiting waiting;
	struct futex_key key;
};

#define BUCKET_INIT(n) \
	[n] = {.lock = SPINLOCK_INIT(RANK_FUTEX, "futex"), .waiters = LIST_INIT(shared[n].waiters)}
#define BUCKET_INIT_4(n) BUCKET_INIT(n), BUCKET_INIT(n + 1), BUCKET_INIT(n + 2), BUCKET_INIT(n + 3)
#define BUCKET_INIT_16(n) \
	BUCKET_INIT_4(n), BUCKET_INIT_4(n + 4), BUCKET_INIT_4(n + 8), BUCKET_INIT_4(n + 12)

/* Who waits on words that tasks share. Those of one task alone wait in its address space, so that
 * nobody has to wait for a task that has many. */
static struct futex_bucket shared[] = {
        BUCKET_INIT_16(0),
        BUCKET_INIT_16(16),
        BUCKET_INIT_16(32),
        BUCKET_INIT_16(48),
};

/* The upper half of the product is the number of the bucket. */
static struct futex_bucket *bucket_of(struct aspace *aspace, const struct futex_key *key)
{
	uint64_t what = (uintptr_t)key->memory + (key->offset >> 2);
	uint64_t hash = what * UINT64_C(0x9e3779b97f4a7c15) >> 32;

	if (key->memory)
		return &shared[hash * ARRAY_SIZE(shared) >> 32];
	return &aspace->futexes[hash * ARRAY_SIZE(aspace->futexes) >> 32];
}

/* Finds the memory behind an address and takes a reference to it. */
static int key_get_shared(struct aspace *aspace, uaddr_t address, struct futex_key *key)
{
	uint64_t size;
	int error = aspace_resolve(aspace, address, sizeof(uint32_t), CORDON_PROT_READ,
	                           &key->memory, &key->offset, &size);

	if (error)
		return error;
	if (key->memory->kind != MEMORY_DEVICE)
		return 0;
	object_unref(&key->memory->object);
	return -EINVAL;
}

static int key_get(struct aspace *aspace, uaddr_t address, uint32_t flags, struct futex_key *key)
{
	if (!is_aligned(address.raw, sizeof(uint32_t)) || (flags & ~CORDON_FUTEX_SHARED))
		return -EINVAL;
	if (flags & CORDON_FUTEX_SHARED)
		return key_get_shared(aspace, address, key);
	*key = (struct futex_key){.offset = address.raw};
	return 0;
}

static void key_put(const struct futex_key *key)
{
	if (key->memory)
		object_unref(&key->memory->object);
}

/* Reads a shared word through the kernel's own mapping: the task may map another object there
 * meanwhile. A task's own word is whatever is there: should another CPU take it away now, the
 * copy fails, and that CPU waits until this one lets go of the lock. */
static int word_read(const struct futex_key *key, uint32_t *word)
{
	paddr_t base;
	int error;

	if (!key->memory) {
		percpu()->copies_grow_nothing = true;
		error = user_read(word, uaddr(key->offset), sizeof(*word));
		percpu()->copies_grow_nothing = false;
		return error;
	}
	memory_run(key->memory, key->offset, sizeof(*word), &base);
	*word = __atomic_load_n((const uint32_t *)phys_to_virt(base), __ATOMIC_SEQ_CST);
	return 0;
}

/* Enlists a waiter if the word is expected; both under the lock that a waker takes. */
static int waiter_enlist(struct futex_bucket *bucket, struct futex_waiter *waiter,
                         uint32_t expected)
{
	uint32_t word;
	int error = 0;

	/* A stack that has to grow for this does so before the lock is taken. */
	if (!waiter->key.memory)
		error = user_read(&word, uaddr(waiter->key.offset), sizeof(word));
	if (error)
		return error;
	spin_lock(&bucket->lock);
	error = word_read(&waiter->key, &word);
	if (!error && word != expected)
		error = -EAGAIN;
	if (!error)
		waiting_enter_locked(&waiter->waiting, &bucket->waiters);
	spin_unlock(&bucket->lock);
	return error;
}

int futex_wait(struct aspace *aspace, uaddr_t address, uint32_t expected, uint64_t deadline,
               uint32_t flags)
{
	struct futex_waiter waiter;
	struct futex_bucket *bucket;
	int error = key_get(aspace, address, flags, &waiter.key);

	if (error)
		return error;
	bucket = bucket_of(aspace, &waiter.key);
	error = waiter_enlist(bucket, &waiter, expected);
	if (!error)
		error = waiting_block(&waiter.waiting, &bucket->lock, deadline);
	key_put(&waiter.key);
	return error;
}

static bool key_is(const struct futex_key *a, const struct futex_key *b)
{
	return a->memory == b->memory && a->offset == b->offset;
}

int64_t futex_wake(struct aspace *aspace, uaddr_t address, uint32_t count, uint32_t flags)
{
	struct futex_waiter *waiter, *after;
	struct futex_key key;
	struct futex_bucket *bucket;
	int64_t woken = 0;
	int error = key_get(aspace, address, flags, &key);

	if (error)
		return error;
	bucket = bucket_of(aspace, &key);
	spin_lock(&bucket->lock);
	list_for_each_safe(waiter, after, &bucket->waiters, waiting.link)
	{
		if (woken == count)
			break;
		if (!key_is(&waiter->key, &key))
			continue;
		waiting_tell_locked(&waiter->waiting);
		woken++;
	}
	spin_unlock(&bucket->lock);
	key_put(&key);
	return woken;
}
