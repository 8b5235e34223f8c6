/* SPDX-License-Identifier: MIT */
#include <kernel/account.h>

static uint64_t budget_member(const struct cordon_budget *budget, enum charge kind)
{
	switch (kind) {
	case CHARGE_FRAMES:
		return budget->frames;
	case CHARGE_KERNEL:
		return budget->kernel;
	case CHARGE_HANDLES:
		return budget->handles;
	case CHARGE_THREADS:
		return budget->threads;
	case CHARGE_MAPPINGS:
		return budget->mappings;
	case CHARGE_CPU:
		return budget->cpu;
	default:
		return budget->objects;
	}
}

static uint64_t what_is_left(const struct account *account, enum charge kind)
{
	uint64_t used = __atomic_load_n(&account->used[kind], __ATOMIC_RELAXED);

	return used < account->limit[kind] ? account->limit[kind] - used : 0;
}

/* Who lent nearly all of its CPU time goes on with a sixteenth of it. */
static uint64_t rate_of(uint64_t limit, uint64_t used)
{
	uint64_t least = limit / 16 + 1;
	uint64_t weight = max_u64(used < limit ? limit - used : 0, least);

	return max_u64(((uint64_t)ACCOUNT_CPU_UNIT << 16) / weight, 1);
}

/* Whoever stores last has seen what was lent last. */
static void rate_update(struct account *account)
{
	uint64_t used;

	do {
		used = __atomic_load_n(&account->used[CHARGE_CPU], __ATOMIC_SEQ_CST);
		__atomic_store_n(&account->cpu_rate, rate_of(account->limit[CHARGE_CPU], used),
		                 __ATOMIC_SEQ_CST);
	} while (__atomic_load_n(&account->used[CHARGE_CPU], __ATOMIC_SEQ_CST) != used);
}

/* --- lending --------------------------------------------------------------------------------- */

static int lend(struct account *account, enum charge kind, uint64_t amount)
{
	int error = account_charge(account, kind, amount);

	if (error)
		return error;
	__atomic_fetch_add(&account->lent[kind], amount, __ATOMIC_RELEASE);
	if (kind == CHARGE_CPU)
		rate_update(account);
	return 0;
}

/* Takes all that is free, so that nobody can charge it any more. */
static uint64_t take_free(struct account *account, enum charge kind)
{
	uint64_t limit = account->limit[kind];
	uint64_t used = __atomic_load_n(&account->used[kind], __ATOMIC_SEQ_CST);

	/* Above the limit: somebody's charge that is about to be refused. */
	while (used < limit)
		if (__atomic_compare_exchange_n(&account->used[kind], &used, limit, true,
		                                __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
			__atomic_fetch_add(&account->lent[kind], limit - used, __ATOMIC_RELEASE);
			return limit - used;
		}
	return 0;
}

/* Something lent comes back to an account; through those that are closed it goes on to the next
 * that is not. */
static void give_back(struct account *account, enum charge kind, uint64_t amount)
{
	while (account && amount) {
		__atomic_fetch_sub(&account->lent[kind], amount, __ATOMIC_RELAXED);
		__atomic_fetch_sub(&account->used[kind], amount, __ATOMIC_SEQ_CST);
		if (kind == CHARGE_CPU)
			rate_update(account);
		if (!__atomic_load_n(&account->closed, __ATOMIC_SEQ_CST))
			return;
		amount = take_free(account, kind);
		account = account->parent;
	}
}

void account_settle(struct account *account, enum charge kind)
{
	if (account->parent)
		give_back(account->parent, kind, take_free(account, kind));
}

void account_close(struct account *account)
{
	/* Before what is free is taken: what comes back later is seen by one or the other. */
	__atomic_store_n(&account->closed, true, __ATOMIC_SEQ_CST);
	for (int kind = 0; kind < CHARGE_KINDS; kind++)
		account_settle(account, kind);
}

const char *account_kind_name(enum charge kind)
{
	static const char *const names[CHARGE_KINDS] = {
	        [CHARGE_FRAMES] = "frames",     [CHARGE_KERNEL] = "kernel",
	        [CHARGE_HANDLES] = "handles",   [CHARGE_THREADS] = "threads",
	        [CHARGE_MAPPINGS] = "mappings", [CHARGE_OBJECTS] = "objects",
	        [CHARGE_CPU] = "cpu",
	};

	return names[kind];
}

/* --- refusing -------------------------------------------------------------------------------- */

static uint64_t refusals[CHARGE_KINDS];

int account_refuse(struct account *account, enum charge kind, uint64_t charged)
{
	account_uncharge(account, kind, charged);
	__atomic_fetch_add(&account->refused[kind], 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&refusals[kind], 1, __ATOMIC_RELAXED);
	return -ENOMEM;
}

uint64_t account_refusals(enum charge kind)
{
	return __atomic_load_n(&refusals[kind], __ATOMIC_RELAXED);
}

/* --- creation -------------------------------------------------------------------------------- */

/* With the limits in place: it pays for itself. */
static struct account *account_begin(const uint64_t limits[CHARGE_KINDS])
{
	struct account *account;

	if (limits[CHARGE_KERNEL] < ACCOUNT_OWN_MEMORY)
		return NULL;
	account = heap_alloc(sizeof(*account));
	if (!account)
		return NULL;
	account->references = 1;
	account->used[CHARGE_KERNEL] = ACCOUNT_OWN_MEMORY;
	for (int kind = 0; kind < CHARGE_KINDS; kind++)
		account->limit[kind] = limits[kind];
	rate_update(account);
	return account;
}

int account_create(const struct cordon_budget *budget, struct account **out)
{
	uint64_t limits[CHARGE_KINDS];

	for (int kind = 0; kind < CHARGE_KINDS; kind++) {
		limits[kind] = budget_member(budget, kind);
		if (!limits[kind])
			limits[kind] = UINT64_MAX;
	}
	*out = account_begin(limits);
	return *out ? 0 : -ENOMEM;
}

/* What a child gets that named nothing. Of CPU time the first few get the same. */
static uint64_t part_of(const struct account *parent, enum charge kind)
{
	uint64_t left = what_is_left(parent, kind);

	if (kind == CHARGE_CPU)
		return min_u64(parent->limit[kind] / ACCOUNT_SHARE, left / 2);
	return left / ACCOUNT_SHARE;
}

int account_divide(struct account *parent, const struct cordon_budget *budget, struct account **out)
{
	uint64_t limits[CHARGE_KINDS];
	struct account *account = NULL;
	int lent, error = 0;

	for (lent = 0; lent < CHARGE_KINDS; lent++) {
		limits[lent] = budget_member(budget, lent);
		if (!limits[lent])
			limits[lent] = part_of(parent, lent);
		error = lend(parent, lent, limits[lent]);
		if (error)
			goto give_back;
	}
	error = -ENOMEM;
	account = account_begin(limits);
	if (!account)
		goto give_back;
	account_ref(parent);
	account->parent = parent;
	*out = account;
	return 0;

give_back:
	while (lent-- > 0)
		give_back(parent, lent, limits[lent]);
	return error;
}

/* --- references ------------------------------------------------------------------------------ */

/* What its parent lent and does not have again goes back. */
static void account_end(struct account *account)
{
	for (int kind = 0; kind < CHARGE_KINDS; kind++) {
		uint64_t own = kind == CHARGE_KERNEL ? ACCOUNT_OWN_MEMORY : 0;

		ASSERT(account->used[kind] == account->lent[kind] + own);
		if (account->parent)
			give_back(account->parent, kind,
			          account->limit[kind] - account->lent[kind]);
	}
	heap_free(account);
}

/* In a loop: a chain of tasks that each started the next and ended can be long. */
void account_release(struct account *account)
{
	do {
		struct account *parent = account->parent;

		account_end(account);
		account = parent;
	} while (account && account_drop(account));
}

/* --- the rest -------------------------------------------------------------------------------- */

static uint32_t shown(uint64_t count)
{
	return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

static void budget_of(const uint64_t numbers[CHARGE_KINDS], struct cordon_budget *out)
{
	*out = (struct cordon_budget){
	        .frames = numbers[CHARGE_FRAMES],
	        .kernel = numbers[CHARGE_KERNEL],
	        .handles = shown(numbers[CHARGE_HANDLES]),
	        .threads = shown(numbers[CHARGE_THREADS]),
	        .mappings = shown(numbers[CHARGE_MAPPINGS]),
	        .objects = shown(numbers[CHARGE_OBJECTS]),
	        .cpu = shown(numbers[CHARGE_CPU]),
	};
}

void account_describe(const struct account *account, struct cordon_budget *limits,
                      struct cordon_budget *lent, struct cordon_budget *refused)
{
	uint64_t counts[CHARGE_KINDS];

	for (int kind = 0; kind < CHARGE_KINDS; kind++)
		counts[kind] = account->refused[kind];
	budget_of(account->limit, limits);
	budget_of(account->lent, lent);
	budget_of(counts, refused);
}
