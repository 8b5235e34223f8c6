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

#include <arch/cpu.h>
#include <arch/percpu.h>
#include <kernel/types.h>

enum lock_rank {
	RANK_VFIO = 10,          /* mutex: the topology of containers, groups and devices */
	RANK_DEVICE = 15,        /* mutex: one open device: its config space and regions */
	RANK_CONTAINER = 20,     /* one container: its mappings and domain */
	RANK_TASK_LIST = 30,     /* the list of tasks */
	RANK_TASK = 35,          /* one task: state, threads */
	RANK_CHANNEL = 37,       /* both ends of one channel */
	RANK_TRANSIT = 38,       /* which ends of channels are in messages */
	RANK_HANDLES = 40,       /* one handle table */
	RANK_ASPACE = 50,        /* one address space */
	RANK_MEMORY = 55,        /* one memory object: who maps it */
	RANK_DOMAIN = 60,        /* one translation domain's tables */
	RANK_TELLING = 62,       /* faults on the way from a unit to their sink */
	RANK_UNIT = 65,          /* one IOMMU unit: its queue and roots */
	RANK_PCI = 68,           /* config space of functions */
	RANK_CONSOLE = 69,       /* the console: its state and signals together */
	RANK_OBJECT = 70,        /* one object: signals and waiters */
	RANK_FAULTS = 72,        /* fault rings */
	RANK_FUTEX = 73,         /* who waits on words of memory */
	RANK_MUTEX = 74,         /* who waits for one mutex */
	RANK_SCHEDULER = 75,     /* run queues, sleepers */
	RANK_ADDRESSES = 82,     /* the kernel's own: stacks, registers of devices */
	RANK_KERNEL_TABLES = 83, /* page tables of the kernel; frames are allocated under it */
	RANK_HEAP = 85,
	RANK_PAGES = 90,
	RANK_VECTORS = 92, /* interrupt vectors */
	RANK_IOAPIC = 93,
	RANK_TRACE = 94, /* names that are traced */
	RANK_LOG = 95,
	RANK_MARK = 98, /* marks are written under any other lock */
};

struct spinlock {
	uint32_t next;   /* ticket handed out next */
	uint32_t owner;  /* ticket being served */
	uint32_t holder; /* number of the CPU that holds it, for assertions */
	uint16_t rank;
	const char *name;
};

#define LOCK_NO_HOLDER UINT32_MAX

#define SPINLOCK_INIT(rank_, name_)                                        \
	{                                                                  \
		.rank = (rank_), .holder = LOCK_NO_HOLDER, .name = (name_) \
	}

/* Set by a panic, when nothing else runs any more: locks are neither waited for nor checked. */
extern bool locks_are_broken;

void spin_init(struct spinlock *lock, enum lock_rank rank, const char *name);

/* Whether this CPU holds the lock. */
static inline bool spin_held(const struct spinlock *lock)
{
	return __atomic_load_n(&lock->holder, __ATOMIC_RELAXED) == percpu_number();
}

/* The slow part of spin_lock: another CPU has the lock, or this one has already. */
ARCH_KEEPS_REGISTERS void spin_wait(struct spinlock *lock, uint32_t ticket);

/* What debug kernels check and remember (lock.c). */
#if defined(CORDON_DEBUG) && CORDON_DEBUG
void lock_check_order(const struct spinlock *lock);
void lock_record(const struct spinlock *lock);
void lock_forget(const struct spinlock *lock);
#else
static inline void lock_check_order(const struct spinlock *lock)
{
	(void)lock;
}

static inline void lock_record(const struct spinlock *lock)
{
	(void)lock;
}

static inline void lock_forget(const struct spinlock *lock)
{
	(void)lock;
}
#endif

/* In the header because a system call takes half a dozen locks, none of them contended. */
static inline void spin_lock(struct spinlock *lock)
{
	uint32_t ticket;

	lock_check_order(lock);
	ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);
	if (__builtin_expect(__atomic_load_n(&lock->owner, __ATOMIC_ACQUIRE) != ticket, 0))
		ARCH_CALL_KEEPING_REGISTERS(spin_wait, lock, ticket);
	__atomic_store_n(&lock->holder, percpu_number(), __ATOMIC_RELAXED);
	lock_record(lock);
}

static inline void spin_unlock(struct spinlock *lock)
{
	lock_forget(lock);
	__atomic_store_n(&lock->holder, LOCK_NO_HOLDER, __ATOMIC_RELAXED);
	arch_increment_release(&lock->owner); /* which only the holder writes */
}

#endif
