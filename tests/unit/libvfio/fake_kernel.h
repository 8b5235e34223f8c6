/* SPDX-License-Identifier: MIT */
/*
 * A kernel of a few lines under the real libvfio: it keeps count of everything that libvfio
 * makes, notes the order of its calls, and fails the one that a test asks for.
 */
#ifndef FAKE_KERNEL_H
#define FAKE_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include <cordon/syscall.h>

/* Handles that the task was started with. */
#define FAKE_GROUP_A   20 /* group 3: a bridge and an NVMe controller */
#define FAKE_GROUP_B   21 /* group 5: the educational device */
#define FAKE_AUTHORITY 30
#define FAKE_CONTAINER 31 /* one that somebody made before */

#define FAKE_EDU  CORDON_BDF(0, 0, 5, 0)
#define FAKE_NVME CORDON_BDF(0, 1, 0, 0)

#define FAKE_CALLS_MAX 4096
#define FAKE_MAPS_MAX  32

struct fake_call {
	const char *name;
	int64_t argument; /* the handle, or what else tells calls apart */
};

struct fake_map {
	uint64_t iova;
	uint64_t size;
};

struct fake_kernel {
	/* What a test sets. */
	unsigned int fail_at;  /* the nth call fails, from 1; 0: none */
	const char *fail_name; /* or: every call of that name */
	int fail_result;
	bool no_huge;      /* there are no 2 MiB frames */
	bool no_groups;    /* the task was started with no group */
	bool stuck_master; /* the bus master bit does not stick */
	uint32_t group_rights;
	uint32_t group_flags;              /* of both groups, CORDON_GROUP_* */
	struct cordon_container_info iova; /* what container_info tells */
	uint8_t config[4096];
	uint8_t ports[32]; /* BAR 2 */

	/* What there is now. */
	int containers;
	int groups;
	int devices;
	int memories;
	int cpu_maps; /* of memory objects */
	int bar_maps;
	int groups_added;
	struct fake_map maps[FAKE_MAPS_MAX];
	int map_count;

	/* What happened. */
	unsigned int calls;
	struct fake_call log[FAKE_CALLS_MAX];
};

extern struct fake_kernel fake;

/* Everything as after a start: nothing made, nothing fails, the device decodes memory. */
void fake_reset(void);

/* Whether nothing is left of what libvfio made. */
bool fake_is_clean(void);

/* The position of the last call of that name (and argument, unless -1) in the log, or -1. */
int fake_last_call(const char *name, int64_t argument);

/* Whether the device may master the bus. */
bool fake_is_master(void);

#endif
