/* SPDX-License-Identifier: MIT */
/* A repeatable source of numbers for tests, on the host and in guests (xorshift64*). */
#ifndef TESTS_RANDOM_H
#define TESTS_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state; /* never zero */
};

static inline uint64_t random_next(struct random *random)
{
	random->state ^= random->state >> 12;
	random->state ^= random->state << 25;
	random->state ^= random->state >> 27;
	return random->state * UINT64_C(0x2545f4914f6cdd1d);
}

/* A number in [0, limit); limit > 0. */
static inline uint32_t random_below(struct random *random, uint32_t limit)
{
	return (uint32_t)((random_next(random) >> 32) % limit);
}

/* The sequence of a seed, any number; near seeds do not begin alike. */
static inline struct random random_of(uint64_t seed)
{
	struct random random = {(seed + 1) * UINT64_C(0x9e3779b97f4a7c15)};

	for (int i = 0; i < 8; i++)
		random_next(&random);
	return random;
}

#endif
