/* SPDX-License-Identifier: MIT */
/* Three threads on one CPU: who runs is changed by hand, and while one waits others act. */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include <kernel/lock_stats.h>
#include <kernel/mutex.h>
#include <kernel/sched.h>
#include <tests/unit/fake/fake.h>

static struct mutex outer = MUTEX_INIT(outer, RANK_VFIO, "outer");
static struct mutex inner = MUTEX_INIT(inner, RANK_DEVICE, "inner");
static struct spinlock spin = SPINLOCK_INIT(RANK_LOG, "spin");
static struct thread a, b, c;

static void run(struct thread *thread)
{
	fake_percpu.current = thread;
}

static bool held_by(struct thread *thread)
{
	struct thread *before = thread_current();
	bool held;

	run(thread);
	held = mutex_held(&outer);
	run(before);
	return held;
}

static void unlock_as(struct thread *thread)
{
	struct thread *before = thread_current();

	run(thread);
	mutex_unlock(&outer);
	run(before);
}

Test(mutex, is_held_from_lock_to_unlock_by_this_thread_only)
{
	run(&a);
	cr_assert_not(mutex_held(&outer));
	mutex_lock(&outer);
	cr_assert(mutex_held(&outer));
	cr_assert_not(held_by(&b));
	mutex_lock(&inner);
	mutex_unlock(&inner);
	mutex_unlock(&outer);
	cr_assert_not(mutex_held(&outer));
	cr_assert_eq(a.mutex_rank, 0);
}

static void a_unlocks(void *context)
{
	(void)context;
	unlock_as(&a);
	cr_assert(held_by(&b), "handed over, not merely free");
	cr_assert_eq(fake_woken, &b);
}

Test(mutex, is_handed_to_who_waits)
{
	run(&a);
	mutex_lock(&outer);
	run(&b);
	fake_on_wait(a_unlocks, NULL);
	mutex_lock(&outer);
	cr_assert(held_by(&b));
	mutex_unlock(&outer);
	cr_assert_eq(outer.state, 0);
}

static uint64_t counted(const char *name)
{
	struct cordon_counter counter;

	for (uint32_t i = 0; i < lock_stats_count(); i++) {
		lock_stats_at(i, &counter);
		if (strcmp(counter.name, name) == 0)
			return counter.value;
	}
	cr_assert_fail("there is no counter %s", name);
	return 0;
}

Test(mutex, that_had_to_be_waited_for_is_counted_once)
{
	run(&a);
	mutex_lock(&outer);
	cr_assert_eq(counted("lock.vfio.waited"), 0);
	run(&b);
	fake_on_wait(a_unlocks, NULL);
	mutex_lock(&outer);
	cr_assert_eq(counted("lock.vfio.waited"), 1);
	cr_assert_eq(counted("lock.vfio.taken"), 2);
}

/* What happens while the first, then while the second of two threads waits. */
static unsigned int turns;

static void in_turn(void *context)
{
	(void)context;
	switch (turns++) {
	case 0: /* b waits: c comes too, and waits within */
		run(&c);
		mutex_lock(&outer);
		cr_assert(held_by(&c));
		unlock_as(&c);
		run(&b);
		break;
	case 1: /* c waits: somebody wakes it for nothing */
		thread_wake(&c);
		break;
	case 2: /* still: now the holder goes */
		unlock_as(&a);
		cr_assert(held_by(&b), "who waits longest is first");
		break;
	case 3: /* as b, whose call has yet to return */
		run(&b);
		mutex_hand_over(&outer);
		run(&c);
		cr_assert(held_by(&c));
		break;
	default:
		cr_assert_fail("somebody waits although the mutex was handed over");
	}
}

Test(mutex, goes_to_who_waits_longest)
{
	run(&a);
	mutex_lock(&outer);
	run(&b);
	fake_on_wait(in_turn, NULL);
	mutex_lock(&outer);
	cr_assert_eq(turns, 4);
	cr_assert_eq(outer.state, 0, "all gave it back");
}

static void a_unlocks_meanwhile(void *context)
{
	(void)context;
	fake_on_relax(NULL, NULL);
	cr_assert_fail("nobody spins");
}

Test(mutex, that_came_free_is_taken_without_a_wait)
{
	fake_on_relax(a_unlocks_meanwhile, NULL);
	run(&b);
	mutex_wait(&outer); /* as when the holder left between the two looks */
	cr_assert(held_by(&b));
	cr_assert_eq(fake_wakes, 0);
}

Test(mutex, panics_when_taken_twice, .signal = SIGABRT)
{
	run(&a);
	mutex_lock(&outer);
	a.mutex_rank = 0; /* so that not the order is what fails */
	mutex_lock(&outer);
}

Test(mutex, panics_when_the_order_is_broken, .signal = SIGABRT)
{
	run(&a);
	mutex_lock(&inner);
	mutex_lock(&outer);
}

Test(mutex, panics_under_a_spinlock, .signal = SIGABRT)
{
	run(&a);
	spin_lock(&spin);
	mutex_lock(&outer);
}

Test(mutex, panics_when_given_back_by_another, .signal = SIGABRT)
{
	run(&a);
	mutex_lock(&outer);
	unlock_as(&b);
}

Test(mutex, panics_when_the_inner_one_is_still_held, .signal = SIGABRT)
{
	run(&a);
	mutex_lock(&outer);
	mutex_lock(&inner);
	mutex_unlock(&outer);
}
