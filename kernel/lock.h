/* SPDX-License-Identifier: MIT */
/*
 * Spinlocks with a place in the lock order.
 *
 * The kernel runs with interrupts disabled, so a lock need not touch the interrupt flag.
 * A lock may only be taken while every lock already held by this CPU has a smaller rank;
 * debug kernels panic otherwise. docs/architecture.md has the same table. A function that
 * needs a lock held has the suffix _locked and asserts it.
 */
#ifndef KERNEL_LOCK_H
#define KERNEL_LOCK_H

#include <kernel/types.h>

enum lock_rank {
	RANK_VFIO = 10,      /* the topology of containers, groups and devices */
	RANK_CONTAINER = 20, /* one container: its mappings and domain */
	RANK_DEVICE = 25,    /* one open device: its config space and regions */
	RANK_TASK_LIST = 30, /* the list of tasks */
	RANK_TASK = 35,      /* one task: state, threads */
	RANK_HANDLES = 40,   /* one handle table */
	RANK_ASPACE = 50,    /* one address space */
	RANK_MEMORY = 55,    /* one memory object: who maps it */
	RANK_DOMAIN = 60,    /* one translation domain's tables */
	RANK_UNIT = 65,      /* one IOMMU unit: its queue and roots */
	RANK_PCI = 68,       /* config space of functions */
	RANK_EVENT = 69,     /* one event or the console: its state and signals together */
	RANK_OBJECT = 70,    /* one object: signals and waiters */
	RANK_FAULTS = 72,    /* fault rings */
	RANK_SCHEDULER = 75, /* run queues, sleepers */
	RANK_ACCOUNT = 80,   /* budgets */
	RANK_HEAP = 85,
	RANK_PAGES = 90,
	RANK_LOG = 95,
};

struct spinlock {
	uint32_t next;  /* ticket handed out next */
	uint32_t owner; /* ticket being served */
	uint16_t rank;
	uint16_t holder; /* CPU number + 1 while held, for assertions */
	const char *name;
};

#define SPINLOCK_INIT(rank_, name_)              \
	{                                        \
		.rank = (rank_), .name = (name_) \
	}

void spin_init(struct spinlock *lock, enum lock_rank rank, const char *name);
void spin_lock(struct spinlock *lock);
void spin_unlock(struct spinlock *lock);

/* Whether this CPU holds the lock. */
bool spin_held(const struct spinlock *lock);

#endif
