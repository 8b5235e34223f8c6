/* SPDX-License-Identifier: MIT */
/*
 * Budgets (S10). Every task has an account; what a task makes the kernel hold is charged to
 * it. An object keeps a reference to the account it was charged to, so that the charge is
 * given back to the right place even after the task ended.
 *
 * Accounts form a tree that divides what there is. The limit of an account is lent by its parent,
 * where it counts as used from the first moment: so the limits of all accounts together never
 * exceed the machine, a charge looks at one account only, and nobody else's use can make it fail.
 * What a task has no more use for at its end goes back at once (account_close), the rest with the
 * last thing that is charged to it.
 */
#ifndef KERNEL_ACCOUNT_H
#define KERNEL_ACCOUNT_H

#include <cordon/errno.h>
#include <cordon/task.h>
#include <kernel/heap.h>
#include <kernel/inject.h>
#include <kernel/panic.h>
#include <kernel/types.h>

enum charge {
	CHARGE_FRAMES, /* frames of memory objects */
	CHARGE_KERNEL, /* bytes of kernel memory: heap, page tables, kernel stacks */
	CHARGE_HANDLES,
	CHARGE_THREADS,
	CHARGE_MAPPINGS,
	CHARGE_OBJECTS,
	CHARGE_CPU, /* parts of CPU time: lent, and never used up */
	CHARGE_KINDS,
};

/* No lock: the numbers are independent of each other, and each is changed in one step. */
struct account {
	uint32_t references;
	bool closed; /* nobody spends from it any more: what becomes free goes up */
	uint32_t refused[CHARGE_KINDS]; /* charges */
	struct account *parent;         /* a reference; NULL: it divides the machine */
	uint64_t limit[CHARGE_KINDS];
	uint64_t used[CHARGE_KINDS];
	uint64_t cpu_rate; /* how fast CPU time counts for its task, 16.16: the less it has, the
	                      more */
	uint64_t lent[CHARGE_KINDS]; /* the part of used that children have, or the parent again */
};

/* The part of CPU time of which a nanosecond counts as one. */
#define ACCOUNT_CPU_UNIT (CORDON_CPU_PARTS / 8)

/* What an account takes of its own kernel memory, until it goes. */
#define ACCOUNT_OWN_MEMORY heap_cost(sizeof(struct account))

/* An account without parent. budget: zero members are without limit. Returns 0 or -ENOMEM. */
int account_create(const struct cordon_budget *budget, struct account **out);

/*
 * An account whose limits are taken from the parent's. budget: of a zero member the child gets the
 * part 1 / ACCOUNT_SHARE of what the parent has left. Returns 0, or -ENOMEM when the parent has
 * less left than that, or the heap.
 */
#define ACCOUNT_SHARE 8
int account_divide(struct account *parent, const struct cordon_budget *budget,
                   struct account **out);

/* The task of the account ended: what is not in use goes back to the parent, now and whenever
 * something is uncharged, or one of its own children gives something back. */
void account_close(struct account *account);

/* Something of a closed account became free; for account_uncharge only. */
void account_settle(struct account *account, enum charge kind);

/* Uncharges what was charged, counts, and returns -ENOMEM; for account_charge only. */
int account_refuse(struct account *account, enum charge kind, uint64_t charged);

/* The last reference went; for account_unref only. */
void account_release(struct account *account);

static inline void account_ref(struct account *account)
{
	uint32_t before = __atomic_fetch_add(&account->references, 1, __ATOMIC_RELAXED);

	ASSERT(before != 0); /* else it is being destroyed */
}

/* Whether it was the last reference. */
static inline bool account_drop(struct account *account)
{
	uint32_t before = __atomic_fetch_sub(&account->references, 1, __ATOMIC_ACQ_REL);

	ASSERT(before != 0);
	return before == 1;
}

static inline void account_unref(struct account *account)
{
	if (account_drop(account))
		account_release(account);
}

/* Its limits, what of them was lent to children, and how often each refused a charge. Counts that
 * do not fit show as their largest value. */
void account_describe(const struct account *account, struct cordon_budget *limits,
                      struct cordon_budget *lent, struct cordon_budget *refused);

/* As people read it: "frames". */
const char *account_kind_name(enum charge kind);

/* How often all accounts together refused a charge of a kind, since boot. */
uint64_t account_refusals(enum charge kind);

/* What the account's own task uses, without what children have. */
static inline uint64_t account_used(const struct account *account, enum charge kind)
{
	uint64_t lent = __atomic_load_n(&account->lent[kind], __ATOMIC_ACQUIRE);
	uint64_t used = __atomic_load_n(&account->used[kind], __ATOMIC_RELAXED);

	return used > lent ? used - lent : 0; /* a child may have gone in between */
}

static inline void account_uncharge(struct account *account, enum charge kind, uint64_t amount)
{
	uint64_t before = __atomic_fetch_sub(&account->used[kind], amount, __ATOMIC_SEQ_CST);

	ASSERT(before >= amount);
	/* Seen either here or by account_close, which stores it before it looks at what is used. */
	if (__builtin_expect(__atomic_load_n(&account->closed, __ATOMIC_SEQ_CST), 0))
		account_settle(account, kind);
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

	if (__builtin_expect(amount > limit || inject_fails(CORDON_INJECT_BUDGET), 0))
		return account_refuse(account, kind, 0);
	before = __atomic_fetch_add(&account->used[kind], amount, __ATOMIC_RELAXED);
	if (__builtin_expect(before > limit - amount, 0))
		return account_refuse(account, kind, amount);
	return 0;
}

/* --- kernel memory --------------------------------------------------------------------------- */

/* Zeroed heap memory, charged at what it takes. NULL: no budget, or no memory. */
static inline void *account_alloc(struct account *account, size_t size)
{
	void *memory;

	if (account_charge(account, CHARGE_KERNEL, heap_cost(size)) != 0)
		return NULL;
	memory = heap_alloc(size);
	if (!memory)
		account_uncharge(account, CHARGE_KERNEL, heap_cost(size));
	return memory;
}

/* Frees what account_alloc returned for that size. NULL is allowed. */
static inline void account_free(struct account *account, void *memory, size_t size)
{
	if (!memory)
		return;
	heap_free(memory);
	account_uncharge(account, CHARGE_KERNEL, heap_cost(size));
}

/* The same for an object, which counts as one, and for the reference that it holds. */
static inline void *account_alloc_object(struct account *account, size_t size)
{
	void *memory;

	if (account_charge(account, CHARGE_OBJECTS, 1) != 0)
		return NULL;
	memory = account_alloc(account, size);
	if (memory)
		account_ref(account);
	else
		account_uncharge(account, CHARGE_OBJECTS, 1);
	return memory;
}

static inline void account_free_object(struct account *account, void *memory, size_t size)
{
	account_free(account, memory, size);
	account_uncharge(account, CHARGE_OBJECTS, 1);
	account_unref(account);
}

#endif
