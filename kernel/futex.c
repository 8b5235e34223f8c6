/* SPDX-License-Identifier: MIT */
#include <arch/mmio.h>
#include <cordon/errno.h>
#include <kernel/futex.h>
#include <kernel/sched.h>

#define BUCKETS 64u /* a power of two */

/* Those who wait on words of one hash. */
struct bucket {
	struct spinlock lock;
	struct list waiters; /* struct futex_waiter.link, who waits longest first */
};

/* What a word is known by; a reference to the memory is held. */
struct futex_key {
	struct memory *memory;
	uint64_t offset;
};

/* One waiting thread; lives on its stack. In the list until it is woken. */
struct futex_waiter {
	struct list link;
	struct futex_key key;
	struct thread *thread;
};

#define BUCKET_INIT(n) \
	[n] = {.lock = SPINLOCK_INIT(RANK_FUTEX, "futex"), .waiters = LIST_INIT(buckets[n].waiters)}
#define BUCKET_INIT_4(n) BUCKET_INIT(n), BUCKET_INIT(n + 1), BUCKET_INIT(n + 2), BUCKET_INIT(n + 3)
#define BUCKET_INIT_16(n) \
	BUCKET_INIT_4(n), BUCKET_INIT_4(n + 4), BUCKET_INIT_4(n + 8), BUCKET_INIT_4(n + 12)

static struct bucket buckets[BUCKETS] = {
        BUCKET_INIT_16(0),
        BUCKET_INIT_16(16),
        BUCKET_INIT_16(32),
        BUCKET_INIT_16(48),
};

static struct bucket *bucket_of(const struct futex_key *key)
{
	uint64_t hash = key->memory->object.id * UINT64_C(0x9e3779b97f4a7c15) + (key->offset >> 2);

	return &buckets[(hash ^ hash >> 32) % BUCKETS];
}

/* Finds the word behind an address and takes a reference to its memory. */
static int key_get(struct aspace *aspace, uaddr_t address, struct futex_key *key)
{
	uint64_t size;
	int error;

	if (!is_aligned(address.raw, sizeof(uint32_t)))
		return -EINVAL;
	error = aspace_resolve(aspace, address, sizeof(uint32_t), CORDON_PROT_READ, &key->memory,
	                       &key->offset, &size);
	if (error)
		return error;
	if (key->memory->kind != MEMORY_DEVICE)
		return 0;
	object_unref(&key->memory->object);
	return -EINVAL;
}

static void key_put(const struct futex_key *key)
{
	object_unref(&key->memory->object);
}

/* Reads the word through the kernel's own mapping, so that no task can take it away meanwhile. */
static uint32_t word_read(const struct futex_key *key)
{
	paddr_t base;

	memory_run(key->memory, key->offset, sizeof(uint32_t), &base);
	return __atomic_load_n((const uint32_t *)phys_to_virt(base), __ATOMIC_SEQ_CST);
}

/* Blocks a waiter that is in the list. A waker takes it out under the lock before it wakes. */
static int waiter_block(struct bucket *bucket, struct futex_waiter *waiter, uint64_t deadline)
{
	bool woken;
	int error;

	do {
		error = sched_wait(deadline);
		spin_lock(&bucket->lock);
		woken = list_empty(&waiter->link);
		if (!woken && error)
			list_remove(&waiter->link);
		else if (!woken)
			sched_wait_prepare(); /* somebody else's wake */
		spin_unlock(&bucket->lock);
	} while (!woken && !error);
	return woken ? 0 : error;
}

int futex_wait(struct aspace *aspace, uaddr_t address, uint32_t expected, uint64_t deadline)
{
	struct futex_waiter waiter = {.thread = thread_current()};
	struct bucket *bucket;
	bool same;
	int error = key_get(aspace, address, &waiter.key);

	if (error)
		return error;
	bucket = bucket_of(&waiter.key);
	sched_wait_prepare();
	spin_lock(&bucket->lock);
	same = word_read(&waiter.key) == expected;
	if (same)
		list_append(&bucket->waiters, &waiter.link);
	spin_unlock(&bucket->lock);
	error = same ? waiter_block(bucket, &waiter, deadline) : -EAGAIN;
	key_put(&waiter.key);
	return error;
}

static bool key_is(const struct futex_key *a, const struct futex_key *b)
{
	return a->memory == b->memory && a->offset == b->offset;
}

int64_t futex_wake(struct aspace *aspace, uaddr_t address, uint32_t count)
{
	struct futex_waiter *waiter, *after;
	struct futex_key key;
	struct bucket *bucket;
	int64_t woken = 0;
	int error = key_get(aspace, address, &key);

	if (error)
		return error;
	bucket = bucket_of(&key);
	spin_lock(&bucket->lock);
	list_for_each_safe(waiter, after, &bucket->waiters, link)
	{
		if (woken == count)
			break;
		if (!key_is(&waiter->key, &key))
			continue;
		list_remove(&waiter->link);
		thread_wake(waiter->thread);
		woken++;
	}
	spin_unlock(&bucket->lock);
	key_put(&key);
	return woken;
}
