/* SPDX-License-Identifier: MIT */
/*
 * Proof of what a device did or did not do: whole pages compared through the kernel's view of
 * physical memory, and the kernel's record of refused accesses.
 */
#ifndef DEMO_WITNESS_H
#define DEMO_WITNESS_H

#include <stdbool.h>
#include <stdint.h>

#include <cordon/memory.h>

#include "child.h"

/* A page that is watched. */
struct witness {
	const char *name;
	uint64_t physical;
	uint8_t before[CORDON_PAGE_SIZE];
};

/* Takes down what is in the page now. */
int witness_record(const struct demo *demo, struct witness *witness);

/* How many bytes differ from what was taken down; -1 when that cannot be told. */
int witness_changes(const struct demo *demo, const struct witness *witness);

/* False when a unit that is in use is known to record no refused access: then only the bytes of
 * the pages tell. */
bool witness_faults_reported(const struct demo *demo);

/* What the device is expected to have been refused. */
struct expected_fault {
	uint32_t group; /* of the device, whose requester id others may share (cordon_fault) */
	uint64_t page;  /* IOVA of the page */
	bool write;
	uint64_t since; /* monotonic time */
};

/*
 * Looks for the fault in the kernel's list, for up to two seconds: the unit reports by
 * interrupt. True when there is one for the group, the page and the direction, and it names
 * the child as the holder of the device.
 */
bool witness_fault(const struct demo *demo, const struct child *child,
                   const struct expected_fault *expected);

#endif
