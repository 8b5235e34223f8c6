/* SPDX-License-Identifier: MIT */
/* The real locks, as debug kernels have them; two CPUs are played by changing the CPU's number. */
#include <criterion/criterion.h>
#include <signal.h>

#include <arch/percpu.h>
#include <kernel/lock.h>
#include <tests/unit/fake/fake.h>

static struct spinlock outer = SPINLOCK_INIT(RANK_ASPACE, "outer");
static struct spinlock inner = SPINLOCK_INIT(RANK_HEAP, "inner");

Test(lock, is_held_from_lock_to_unlock_by_this_cpu_only)
{
	cr_assert_not(spin_held(&outer));
	spin_lock(&outer);
	cr_assert(spin_held(&outer));
	fake_percpu.number = 3;
	cr_assert_not(spin_held(&outer), "another CPU");
	fake_percpu.number = 0;
	spin_unlock(&outer);
	cr_assert_not(spin_held(&outer));
	spin_lock(&outer);
	spin_unlock(&outer);
}

Test(lock, may_be_given_back_in_any_order)
{
	spin_lock(&outer);
	spin_lock(&inner);
	spin_unlock(&outer);
	spin_lock(&(struct spinlock)SPINLOCK_INIT(RANK_LOG, "third"));
	cr_assert_eq(fake_percpu.lock_depth, 2);
	spin_unlock(&inner);
	cr_assert_eq(fake_percpu.lock_depth, 1);
}

static void other_cpu_releases(void *context)
{
	struct spinlock *lock = context;

	/* What spin_unlock does, on the CPU that holds it. */
	lock->holder = LOCK_NO_HOLDER;
	lock->owner++;
}

Test(lock, waits_for_another_cpu)
{
	fake_percpu.number = 1;
	spin_lock(&outer);
	fake_percpu.lock_depth = 0;
	fake_percpu.number = 0;
	fake_on_relax(other_cpu_releases, &outer);
	spin_lock(&outer);
	cr_assert(spin_held(&outer));
	spin_unlock(&outer);
}

Test(lock, panics_when_the_order_is_broken, .signal = SIGABRT)
{
	spin_lock(&inner);
	spin_lock(&outer);
}

Test(lock, panics_when_two_of_one_rank_are_taken, .signal = SIGABRT)
{
	struct spinlock twin = SPINLOCK_INIT(RANK_ASPACE, "twin");

	spin_lock(&outer);
	spin_lock(&twin);
}

Test(lock, panics_when_it_is_taken_twice, .signal = SIGABRT)
{
	spin_lock(&outer);
	fake_percpu.lock_depth = 0; /* so that not the order is what fails */
	spin_lock(&outer);
}

Test(lock, panics_when_another_cpu_gives_it_back, .signal = SIGABRT)
{
	spin_lock(&outer);
	fake_percpu.number = 1;
	spin_unlock(&outer);
}
