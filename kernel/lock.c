/* SPDX-License-Identifier: MIT */
#include <arch/cpu.h>
#include <arch/percpu.h>
#include <arch/smp.h>
#include <kernel/lock.h>
#include <kernel/lock_stats.h>
#include <kernel/panic.h>

/*
 * A lock is held for microseconds. Whoever has to ask this often waits for a CPU that never
 * gives it back: the kernel is broken and says so instead of hanging.
 */
#define SPIN_LIMIT  (UINT64_C(1) << 34)
#define RELAX_TURNS 256

bool locks_are_broken;

#if defined(CORDON_DEBUG) && CORDON_DEBUG

/* The order is checked before the lock is taken, so that a report comes instead of a deadlock. */
void lock_check_order(const struct spinlock *lock)
{
	const struct percpu *cpu = percpu();

	if (locks_are_broken)
		return;
	ASSERT(lock->name);
	if (cpu->lock_depth >= PERCPU_LOCKS_MAX)
		panic("lock %s: more than %d locks held", lock->name, PERCPU_LOCKS_MAX);
	for (uint32_t i = 0; i < cpu->lock_depth; i++) {
		const struct spinlock *held = cpu->locks[i];

		if (held->rank >= lock->rank)
			panic("lock order: %s (rank %u) taken while %s (rank %u) is held",
			      lock->name, lock->rank, held->name, held->rank);
	}
}

void lock_record(const struct spinlock *lock)
{
	struct percpu *cpu = percpu();

	if (locks_are_broken)
		return;
	cpu->locks[cpu->lock_depth++] = lock;
	lock_stats_taken(lock->rank);
}

/* Locks may be given back in any order. */
void lock_forget(const struct spinlock *lock)
{
	struct percpu *cpu = percpu();

	if (locks_are_broken)
		return;
	ASSERT(spin_held(lock));
	for (uint32_t i = cpu->lock_depth; i-- > 0;) {
		if (cpu->locks[i] != lock)
			continue;
		for (; i + 1 < cpu->lock_depth; i++)
			cpu->locks[i] = cpu->locks[i + 1];
		cpu->lock_depth--;
		return;
	}
	panic("lock %s is not in the list of held locks", lock->name);
}

#endif

void spin_wait(struct spinlock *lock, uint32_t ticket)
{
	uint64_t asked = 0;

	if (locks_are_broken)
		return;
	if (spin_held(lock))
		panic("lock %s is taken twice by one CPU", lock->name);
	lock_stats_waited(lock->rank);
	while (__atomic_load_n(&lock->owner, __ATOMIC_ACQUIRE) != ticket) {
		/* Not at every turn: an emulator that hears of each hint has no time for the
		 * holder. */
		if (asked % RELAX_TURNS == RELAX_TURNS - 1)
			arch_cpu_relax();
		arch_smp_poll(); /* the holder may wait for this CPU */
		if (++asked == SPIN_LIMIT)
			panic("lock %s is not given back by CPU %d", lock->name,
			      __atomic_load_n(&lock->holder, __ATOMIC_RELAXED));
	}
}

void spin_init(struct spinlock *lock, enum lock_rank rank, const char *name)
{
	*lock = (struct spinlock)SPINLOCK_INIT((uint16_t)rank, name);
}
