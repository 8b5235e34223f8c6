/* SPDX-License-Identifier: MIT */
/* What the two sides of the stress test share. */
#ifndef TESTS_GUEST_STRESS_H
#define TESTS_GUEST_STRESS_H

#include <tests/random.h>

#define WORKER_DONE 0
#define WORKER_WRONG \
	40 /* and above: what it read is not what it wrote, or a call failed that may not */

/* What a worker does, with a sequence of its own; returns its exit code, or faults. */
int worker_main(uint64_t seed);

#endif
