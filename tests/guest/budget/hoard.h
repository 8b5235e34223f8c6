/* SPDX-License-Identifier: MIT */
/* What a task does that takes all it can get of one kind, and of the tasks beside it. */
#ifndef TESTS_GUEST_HOARD_H
#define TESTS_GUEST_HOARD_H

#include <cordon/rt.h>

/* Each takes of its kind until that ends, and keeps it. Returns the error with which it ended. */
struct hoard {
	const char *name;
	int64_t (*take)(void);
	int64_t error; /* as documented (docs/budgets.md) */
	struct cordon_budget budget;
	const char *counter; /* of what is refused */
};
extern const struct hoard hoards[];
extern const unsigned int hoard_count;

/* Handles of a child: events that the test sees, or that it raises. */
#define HOARD_FULL "full" /* the hoard is complete */
#define HOARD_STOP "stop" /* end now */

int hoard_child(const char *name);

/* All threads that it can get run for ever. */
int spinner_child(void);

/* Starts itself as often as it can, and so do those. Each raises `count` once. */
int bomb_child(void);

/* Works like a driver until "stop": memory, mappings, timers, events, threads; adds one to "beats"
 * for each round. Returns 0 when nothing ever failed. */
int bystander_child(void);

#endif
