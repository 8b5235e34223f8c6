/* SPDX-License-Identifier: MIT */
/* A repeatable source of numbers for tests against a model (xorshift64*). */
#ifndef TESTS_UNIT_KERNEL_RANDOM_H
#define TESTS_UNIT_KERNEL_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state; /* never zero */
};

static inline uint64_t random_next(struct random *random)
{
	random->state ^= random->state >> 12;
	random->state ^= random->state << 25;
	random->state ^= random->state >> 27;
	return random->state * UINT64_C(2685821657736338717);
}

/* A number in [0, limit). */
static inline uint64_t random_below(struct random *random, uint64_t limit)
{
	return (random_next(random) >> 16) % limit;
}

#endif
