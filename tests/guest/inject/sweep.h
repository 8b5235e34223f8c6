/* SPDX-License-Identifier: MIT */
/*
 * Lets a scenario fail at its first operation, its second, and so on, until it completes; and looks
 * each time whether anything is left behind.
 */
#ifndef TESTS_GUEST_INJECT_SWEEP_H
#define TESTS_GUEST_INJECT_SWEEP_H

#include <cordon/rt.h>
#include <cordon/syscall.h>
#include <stdbool.h>
#include <tests/guest/support/ledger.h>

/* What fails by itself and leaves the system as it was: no waits for hardware among it. */
#define SWEEP_POINTS \
	(CORDON_INJECT_HEAP | CORDON_INJECT_FRAMES | CORDON_INJECT_BUDGET | CORDON_INJECT_SLOT)

struct scenario {
	const char *name;
	int64_t (*run)(void); /* 0 or the first error; it takes back what it did */
	bool other_task;      /* it calls sweep_arm and sweep_disarm itself */
};

/* Runs a scenario with every step-th operation failing, from the first one on. */
void sweep(const struct scenario *scenario, uint64_t step);

/* Lets the operation that is due fail, counted for a task from now on; and ends that. */
void sweep_arm(uint64_t task);
void sweep_disarm(void);

/* Passes a result on and counts it as a failure of the test unless it is no error, or one of those
 * that the reference page names for the call and that a lack of something can cause. 0: none.
 * Outside of a sweep it only passes them on. */
int64_t sweep_may(const char *call, int64_t result, int error, int other);
#define MAY(call, error, other) sweep_may(#call, (call), (error), (other))

/* Id of this task; before it has children. */
uint64_t sweep_self(void);

/* Unmaps a whole mapping of this task, at most at the second attempt. */
void undo_unmap(uint64_t address, uint64_t size);

#endif
