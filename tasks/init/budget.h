/* SPDX-License-Identifier: MIT */
/* How init divides what it may use among the tasks it starts (docs/manifest.md). Hardware-free. */
#ifndef INIT_BUDGET_H
#define INIT_BUDGET_H

#include <stddef.h>
#include <stdint.h>

#include "manifest.h"

enum { BUDGET_KINDS = 7 };

/* A kind by its number, from 0: its name in a manifest, what one of its units there is worth, and
 * the largest number that a budget can hold. */
const char *budget_name(unsigned int kind);
uint64_t budget_unit(unsigned int kind);
uint64_t budget_max(unsigned int kind);

uint64_t budget_get(const struct cordon_budget *budget, unsigned int kind);
void budget_set(struct cordon_budget *budget, unsigned int kind, uint64_t value);

/* What a task has left: limits without what it uses and what it lent. */
struct cordon_budget budget_left(const struct cordon_task_info *task);

/* The part 1 / divisor of each kind. */
struct cordon_budget budget_part(const struct cordon_budget *whole, uint32_t divisor);

/* a without b; nothing where that is more. */
struct cordon_budget budget_less(const struct cordon_budget *a, const struct cordon_budget *b);

/*
 * What a task that the manifest starts gets of a kind it does not name: an equal part of what is
 * left when all named budgets are taken from it. A kind of which nothing is left is zero: those
 * tasks get what the kernel gives when no number is said.
 */
struct cordon_budget budget_share(const struct manifest *manifest,
                                  const struct cordon_budget *left);

/* What a task named, and of the other kinds the share. */
struct cordon_budget budget_complete(const struct cordon_budget *named,
                                     const struct cordon_budget *share);

#endif
