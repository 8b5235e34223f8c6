// SPDX-License-Identifier: MIT
/* One CPU: a lock is taken or it is not, and nobody waits. The order is checked as in a debug
 * kernel. */
#include <arch/percpu.h>
#include <kernel/lock.h>
#include <kernel/panic.h>

void spin_init(struct spinlock *lock, enum lock_rank rank, const char *name)
{
	*lock = (struct spinlock){.rank = (uint16_t)rank, .name = name};
}

void spin_lock(struct spinlock *lock)
{
	struct percpu *cpu = percpu();

	if (lock->holder)
		panic("lock %s is taken twice", lock->name);
	for (uint32_t i = 0; i < cpu->lock_depth; i++) {
		const struct spinlock *held = cpu->locks[i];
		if (held->rank >= lock->rank)
			panic("lock %s (%u) is taken after %s (%u)", lock->name, lock->rank,
			      held->name, held->rank);
	}
	ASSERT(cpu->lock_depth < PERCPU_LOCKS_MAX);
	cpu->locks[cpu->lock_depth++] = lock;
	lock->holder = (uint16_t)(cpu->number + 1);
}

void spin_unlock(struct spinlock *lock)
{
	struct percpu *cpu = percpu();

	if (lock->holder != cpu->number + 1)
		panic("lock %s is released by one who does not hold it", lock->name);
	for (uint32_t i = cpu->lock_depth; i-- > 0;) {
		if (cpu->locks[i] != lock)
			continue;
		for (cpu->lock_depth--; i < cpu->lock_depth; i++)
			cpu->locks[i] = cpu->locks[i + 1];
		break;
	}
	lock->holder = 0;
}

bool spin_held(const struct spinlock *lock)
{
	return lock->holder == percpu()->number + 1;
}
