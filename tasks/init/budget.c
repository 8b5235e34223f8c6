/* SPDX-License-Identifier: MIT */
#include "budget.h"

static const struct {
	const char *name;
	size_t offset;
	size_t size;
	uint64_t unit;
} kinds[BUDGET_KINDS] = {
#define KIND(member, unit)                                                   \
	{                                                                    \
#member, offsetof(struct cordon_budget, member),             \
		        sizeof(((struct cordon_budget *)NULL)->member), unit \
	}
        KIND(frames, 1),
        KIND(kernel, 1024),
        KIND(handles, 1),
        KIND(threads, 1),
        KIND(mappings, 1),
        KIND(objects, 1),
        KIND(cpu, CORDON_CPU_PARTS / 1000),
#undef KIND
};

const char *budget_name(unsigned int kind)
{
	return kinds[kind].name;
}

uint64_t budget_unit(unsigned int kind)
{
	return kinds[kind].unit;
}

uint64_t budget_max(unsigned int kind)
{
	return kinds[kind].size == sizeof(uint32_t) ? UINT32_MAX : UINT64_MAX;
}

uint64_t budget_get(const struct cordon_budget *budget, unsigned int kind)
{
	const void *member = (const char *)budget + kinds[kind].offset;

	if (kinds[kind].size == sizeof(uint32_t))
		return *(const uint32_t *)member;
	return *(const uint64_t *)member;
}

void budget_set(struct cordon_budget *budget, unsigned int kind, uint64_t value)
{
	void *member = (char *)budget + kinds[kind].offset;

	if (kinds[kind].size == sizeof(uint32_t))
		*(uint32_t *)member = (uint32_t)value;
	else
		*(uint64_t *)member = value;
}

struct cordon_budget budget_left(const struct cordon_task_info *task)
{
	const struct cordon_budget used = {
	        .frames = task->frames,
	        .kernel = task->kernel,
	        .handles = task->handles,
	        .threads = task->threads,
	        .mappings = task->mappings,
	        .objects = task->objects,
	};
	struct cordon_budget rest = budget_less(&task->budget, &used);

	return budget_less(&rest, &task->lent);
}

struct cordon_budget budget_part(const struct cordon_budget *whole, uint32_t divisor)
{
	struct cordon_budget part = *whole;

	for (unsigned int kind = 0; kind < BUDGET_KINDS; kind++)
		budget_set(&part, kind, budget_get(whole, kind) / divisor);
	return part;
}

struct cordon_budget budget_less(const struct cordon_budget *a, const struct cordon_budget *b)
{
	struct cordon_budget rest = *a;

	for (unsigned int kind = 0; kind < BUDGET_KINDS; kind++) {
		uint64_t have = budget_get(a, kind), less = budget_get(b, kind);

		budget_set(&rest, kind, have > less ? have - less : 0);
	}
	return rest;
}

struct cordon_budget budget_share(const struct manifest *manifest, const struct cordon_budget *left)
{
	struct cordon_budget share = *left;

	for (unsigned int kind = 0; kind < BUDGET_KINDS; kind++) {
		uint64_t rest = budget_get(left, kind);
		unsigned int sharers = 0;

		for (unsigned int i = 0; i < manifest->task_count; i++) {
			const struct manifest_task *task = &manifest->tasks[i];
			uint64_t named = budget_get(&task->budget, kind);

			if (task->manual)
				continue;
			rest -= named < rest ? named : rest;
			sharers += named == 0;
		}
		budget_set(&share, kind, sharers > 0 ? rest / sharers : 0);
	}
	return share;
}

struct cordon_budget budget_complete(const struct cordon_budget *named,
                                     const struct cordon_budget *share)
{
	struct cordon_budget budget = *named;

	for (unsigned int kind = 0; kind < BUDGET_KINDS; kind++)
		if (budget_get(named, kind) == 0)
			budget_set(&budget, kind, budget_get(share, kind));
	return budget;
}
