/* SPDX-License-Identifier: MIT */
/*
 * Budgets (S10). Every task has an account; what a task makes the kernel hold is charged to
 * it. An object keeps a reference to the account it was charged to, so that the charge is
 * given back to the right place even after the task ended.
 */
#ifndef KERNEL_ACCOUNT_H
#define KERNEL_ACCOUNT_H

#include <cordon/errno.h>
#include <cordon/task.h>
#include <kernel/inject.h>
#include <kernel/panic.h>
#include <kernel/types.h>

enum charge {
	CHARGE_FRAMES,
	CHARGE_HANDLES,
	CHARGE_THREADS,
	CHARGE_MAPPINGS,
	CHARGE_OBJECTS,
	CHARGE_KINDS,
};

/* No lock: the numbers are independent of each other, and each is changed in one step. */
struct account {
	uint32_t references;
	uint64_t limit[CHARGE_KINDS];
	uint64_t used[CHARGE_KINDS];
};

/* limits: zero members take the kernel's defaults. Returns 0 or -ENOMEM. */
int account_create(const struct cordon_budget *limits, struct account **out);

static inline void account_ref(struct account *account)
{
	uint32_t before = __atomic_fetch_add(&account->references, 1, __ATOMIC_RELAXED);

	ASSERT(before != 0); /* else it is being destroyed */
}

/* The last reference went; for account_unref only. */
void account_release(struct account *account);

static inline void account_unref(struct account *account)
{
	uint32_t before = __atomic_fetch_sub(&account->references, 1, __ATOMIC_ACQ_REL);

	ASSERT(before != 0);
	if (before == 1)
		account_release(account);
}

static inline uint64_t account_used(const struct account *account, enum charge kind)
{
	return __atomic_load_n(&account->used[kind], __ATOMIC_RELAXED);
}

/*
 * Returns 0, or -ENOMEM when the budget does not allow it (nothing is charged then). What another
 * thread tries to charge counts until it is refused: the limit holds at any time, and may be met a
 * little early.
 */
static inline int account_charge(struct account *account, enum charge kind, uint64_t amount)
{
	uint64_t limit = account->limit[kind];
	uint64_t before;

	if (amount > limit || inject_fails(CORDON_INJECT_BUDGET))
		return -ENOMEM;
	before = __atomic_fetch_add(&account->used[kind], amount, __ATOMIC_RELAXED);
	if (__builtin_expect(before <= limit - amount, 1))
		return 0;
	__atomic_fetch_sub(&account->used[kind], amount, __ATOMIC_RELAXED);
	return -ENOMEM;
}

static inline void account_uncharge(struct account *account, enum charge kind, uint64_t amount)
{
	uint64_t before = __atomic_fetch_sub(&account->used[kind], amount, __ATOMIC_RELAXED);

	ASSERT(before >= amount);
}

#endif
