/* SPDX-License-Identifier: MIT */
/* Threads that wait on words of memory whose hash is the same (kernel/futex.h). */
#ifndef KERNEL_FUTEX_BUCKET_H
#define KERNEL_FUTEX_BUCKET_H

#include <kernel/list.h>
#include <kernel/lock.h>

struct futex_bucket {
	struct spinlock lock;
	struct list waiters; /* who waits longest first */
};

static inline void futex_bucket_init(struct futex_bucket *bucket)
{
	spin_init(&bucket->lock, RANK_FUTEX, "futex");
	list_init(&bucket->waiters);
}

#endif
