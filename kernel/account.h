/* SPDX-License-Identifier: MIT */
/*
 * Budgets (S10). Every task has an account; what a task makes the kernel hold is charged to
 * it. An object keeps a reference to the account it was charged to, so that the charge is
 * given back to the right place even after the task ended.
 */
#ifndef KERNEL_ACCOUNT_H
#define KERNEL_ACCOUNT_H

#include <cordon/task.h>
#include <kernel/lock.h>

enum charge {
	CHARGE_FRAMES,
	CHARGE_HANDLES,
	CHARGE_THREADS,
	CHARGE_MAPPINGS,
	CHARGE_OBJECTS,
	CHARGE_KINDS,
};

struct account {
	struct spinlock lock;
	uint32_t references;
	uint64_t limit[CHARGE_KINDS];
	uint64_t used[CHARGE_KINDS];
};

/* limits: zero members take the kernel's defaults. Returns 0 or -ENOMEM. */
int account_create(const struct cordon_budget *limits, struct account **out);
void account_ref(struct account *account);
void account_unref(struct account *account);

/* Returns 0, or -ENOMEM when the budget does not allow it (nothing is charged then). */
int account_charge(struct account *account, enum charge kind, uint64_t amount);
void account_uncharge(struct account *account, enum charge kind, uint64_t amount);

#endif
