/* SPDX-License-Identifier: MIT */
/* What the two sides of the stress test share. */
#ifndef TESTS_GUEST_STRESS_H
#define TESTS_GUEST_STRESS_H

#include <stdint.h>

#define WORKER_DONE 0
#define WORKER_WRONG \
	40 /* and above: what it read is not what it wrote, or a call failed that may not */

/* A fixed sequence for a seed (xorshift64*). */
struct dice {
	uint64_t state;
};

static inline uint64_t dice_next(struct dice *dice)
{
	dice->state ^= dice->state >> 12;
	dice->state ^= dice->state << 25;
	dice->state ^= dice->state >> 27;
	return dice->state * UINT64_C(0x2545f4914f6cdd1d);
}

static inline uint32_t dice_below(struct dice *dice, uint32_t limit)
{
	return (uint32_t)((dice_next(dice) >> 32) % limit);
}

/* Not zero, and near seeds do not begin alike. */
static inline struct dice dice_of(uint64_t seed)
{
	struct dice dice = {(seed + 1) * UINT64_C(0x9e3779b97f4a7c15)};

	for (int i = 0; i < 4; i++)
		dice_next(&dice);
	return dice;
}

/* What a worker does, with a sequence of its own; returns its exit code, or faults. */
int worker_main(uint64_t seed);

#endif
