/* SPDX-License-Identifier: MIT */
#include <cordon/errno.h>
#include <kernel/account.h>
#include <kernel/heap.h>
#include <kernel/page.h>
#include <kernel/panic.h>

/* What a task gets whose creator names no limit. */
#define DEFAULT_FRAMES_SHARE 4 /* a quarter of all frames */
#define DEFAULT_HANDLES      1024
#define DEFAULT_THREADS      64
#define DEFAULT_MAPPINGS     65536
#define DEFAULT_OBJECTS      4096

static uint64_t limit_or(uint64_t limit, uint64_t otherwise)
{
	return limit ? limit : otherwise;
}

int account_create(const struct cordon_budget *limits, struct account **out)
{
	struct account *account = heap_alloc(sizeof(*account));

	if (!account)
		return -ENOMEM;
	account->references = 1;
	account->limit[CHARGE_FRAMES] = limit_or(limits->frames,
	                                         page_total_count() / DEFAULT_FRAMES_SHARE);
	account->limit[CHARGE_HANDLES] = limit_or(limits->handles, DEFAULT_HANDLES);
	account->limit[CHARGE_THREADS] = limit_or(limits->threads, DEFAULT_THREADS);
	account->limit[CHARGE_MAPPINGS] = limit_or(limits->mappings, DEFAULT_MAPPINGS);
	account->limit[CHARGE_OBJECTS] = limit_or(limits->objects, DEFAULT_OBJECTS);
	*out = account;
	return 0;
}

void account_release(struct account *account)
{
	for (int kind = 0; kind < CHARGE_KINDS; kind++)
		ASSERT(account->used[kind] == 0);
	heap_free(account);
}
