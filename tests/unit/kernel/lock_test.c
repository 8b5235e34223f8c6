/* SPDX-License-Identifier: MIT */
/* The real locks, as debug kernels have them; two CPUs are played by changing the CPU's number. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <arch/percpu.h>
#include <kernel/lock.h>
#include <kernel/lock_stats.h>
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

/* CPU 1 has the lock, and gives it back while CPU 0 waits for it. */
static void lock_after_another_cpu(void)
{
	fake_percpu.number = 1;
	spin_lock(&outer);
	fake_percpu.lock_depth = 0;
	fake_percpu.number = 0;
	fake_on_relax(other_cpu_releases, &outer);
	spin_lock(&outer);
}

Test(lock, waits_for_another_cpu)
{
	lock_after_another_cpu();
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

/* --- counts ---------------------------------------------------------------------------------- */

/* The value of lock.NAME.WHAT. */
static uint64_t counted(const char *name, const char *what)
{
	struct cordon_counter counter;
	char wanted[40];

	snprintf(wanted, sizeof(wanted), "lock.%s.%s", name, what);
	for (uint32_t i = 0; i < lock_stats_count(); i++) {
		lock_stats_at(i, &counter);
		if (strcmp(counter.name, wanted) == 0)
			return counter.value;
	}
	cr_assert_fail("there is no counter %s", wanted);
	return 0;
}

Test(lock, counts_how_often_locks_of_a_rank_are_taken_on_all_cpus)
{
	struct spinlock other = SPINLOCK_INIT(RANK_HEAP, "another of this rank");

	for (uint32_t cpu = 0; cpu < CPUS_MAX; cpu++) {
		fake_percpu.number = cpu;
		spin_lock(&outer);
		spin_lock(cpu % 2 ? &inner : &other);
		spin_unlock(cpu % 2 ? &inner : &other);
		spin_unlock(&outer);
	}
	cr_assert_eq(counted("heap", "taken"), CPUS_MAX);
	cr_assert_eq(counted("aspace", "taken"), CPUS_MAX);
	cr_assert_eq(counted("pages", "taken"), 0);
	cr_assert_eq(counted("heap", "waited"), 0, "nobody had to wait");
}

Test(lock, counts_a_wait_once)
{
	lock_after_another_cpu();
	cr_assert_eq(counted("aspace", "waited"), 1);
	cr_assert_eq(counted("aspace", "taken"), 2);
	cr_assert_eq(counted("heap", "waited"), 0);
}

Test(lock, counters_have_names_of_their_own_that_fit)
{
	struct cordon_counter a, b;

	for (uint32_t i = 0; i < lock_stats_count(); i++) {
		lock_stats_at(i, &a);
		cr_assert(strcmp(strrchr(a.name, '.'), i % 2 ? ".waited" : ".taken") == 0, "%s",
		          a.name);
		for (uint32_t k = 0; k < i; k++) {
			lock_stats_at(k, &b);
			cr_assert_str_neq(a.name, b.name);
		}
	}
}
