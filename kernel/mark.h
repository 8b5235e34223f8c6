/* SPDX-License-Identifier: MIT */
/*
 * Marks: what the kernel did to translation tables, told to whoever traces the machine.
 *
 * With the kernel option marks=on each function below writes one record to the scratch register of
 * COM1, byte by byte. The register does nothing; an emulator that traces writes to it gets the
 * records in one stream with its own account of invalidations and translations, and
 * tests/witness compares the two. Without the option a mark costs one predictable branch.
 *
 * A record is MARK_START, its kind, the CPU, a sequence number, the structure of its kind below,
 * and a byte that makes the sum of all bytes zero. Integers are little-endian. So a byte that is
 * lost, and a record that is lost, are noticed.
 *
 * A mark of something that becomes reachable is written before the store, a mark of something
 * that goes after it: a device that is quicker than the mark never looks guilty.
 */
#ifndef KERNEL_MARK_H
#define KERNEL_MARK_H

#include <kernel/types.h>

#define MARK_START   0xa7
#define MARK_VERSION 2

/* tests/witness/marks.py has the same list. */
enum mark_kind {
	MARK_BEGIN = 1,
	MARK_CALL_ENTER = 2,
	MARK_CALL_LEAVE = 3,
	MARK_STEP_LEAVE = 4,
	MARK_TASK_END = 5,
	MARK_LEAF_SET = 6,
	MARK_LEAF_CLEAR = 7,
	MARK_TABLE_LINK = 8,
	MARK_TABLE_UNLINK = 9,
	MARK_CONTEXT = 10,
	MARK_REMAP = 11,
	MARK_FRAMES_FREE = 12,
	MARK_DOMAIN_FREE = 13,
	MARK_UNIT_DEAD = 14,
	MARK_COMMAND = 15,
};

enum mark_step {
	MARK_STEP_BOOT = 0,
	MARK_STEP_INTERRUPT = 1,
	MARK_STEP_THREAD = 2, /* a thread ended without returning from its call */
};

enum mark_context {
	MARK_CONTEXT_ABSENT = 0,
	MARK_CONTEXT_PRESENT = 1,
	MARK_CONTEXT_CHANGED = 2, /* as present as before, something else about it changed */
};

struct mark_byte { /* BEGIN: version, CALL_*: number, STEP_LEAVE: enum mark_step */
	uint8_t value;
} __attribute__((packed));

struct mark_task_end {
	uint64_t task;
} __attribute__((packed));

struct mark_leaf_set {
	uint16_t domain;
	uint8_t level; /* of all count leaves: 4 KiB << 9 * level */
	uint8_t flags; /* CORDON_DMA_* */
	uint16_t count;
	uint64_t iova;
	uint64_t paddr; /* contiguous */
} __attribute__((packed));

struct mark_leaf_clear { /* all leaves in [first, last] */
	uint16_t domain;
	uint8_t level;
	uint64_t first;
	uint64_t last;
} __attribute__((packed));

struct mark_table {
	uint16_t domain;
	uint8_t level; /* of the entry that names the table */
	uint64_t iova; /* the first that the entry covers */
	uint64_t frame;
} __attribute__((packed));

struct mark_context_entry {
	uint16_t requester;
	uint16_t domain; /* when absent: the one it named before */
	uint8_t state;   /* enum mark_context */
	uint64_t root;   /* when present: the table's frame */
} __attribute__((packed));

struct mark_remap {
	uint16_t index;
	uint16_t source; /* whose interrupts go through the entry */
	uint8_t present;
} __attribute__((packed));

struct mark_frames {
	uint64_t base;
	uint32_t count;
} __attribute__((packed));

struct mark_domain {
	uint16_t domain;
} __attribute__((packed));

struct mark_command {
	uint64_t low;
	uint64_t high;
} __attribute__((packed));

_Static_assert(sizeof(struct mark_leaf_set) == 22, "no padding: marks.py unpacks it");
_Static_assert(sizeof(struct mark_leaf_clear) == 19, "no padding: marks.py unpacks it");
_Static_assert(sizeof(struct mark_table) == 19, "no padding: marks.py unpacks it");
_Static_assert(sizeof(struct mark_context_entry) == 13, "no padding: marks.py unpacks it");

#define MARK_FIELDS_MAX 22

/* Whether marks are written. Changed by mark_init only, while one CPU runs. */
extern bool mark_on;

static inline bool mark_wanted(void)
{
	return __builtin_expect(mark_on, 0);
}

/* Reads the option marks=, and writes BEGIN when it is on. */
void mark_init(void);

/* Writes one record; fields: the structure of its kind, size bytes, at most MARK_FIELDS_MAX. Any
 * lock may be held. */
void mark_write(enum mark_kind kind, const void *fields, size_t size) __attribute__((cold));

/* A system call begins, or is over: everything it owes must be settled. */
void mark_call_enter(uint64_t number);
void mark_call_leave(uint64_t number);

/* Another stretch of kernel code is over: the same holds. */
static inline void mark_step_leave(enum mark_step step)
{
	if (mark_wanted()) {
		const struct mark_byte fields = {(uint8_t)step};

		mark_write(MARK_STEP_LEAVE, &fields, sizeof(fields));
	}
}

/* The end of a task is through (S8): its devices are quiet, its memory is free. */
static inline void mark_task_end(uint64_t task)
{
	if (mark_wanted()) {
		const struct mark_task_end fields = {task};

		mark_write(MARK_TASK_END, &fields, sizeof(fields));
	}
}

/* count leaves of one level are stored: adjacent, mapping adjacent frames. Before the store. */
static inline void mark_leaf_set(uint32_t domain, unsigned int level, uint32_t flags,
                                 unsigned int count, uint64_t iova, uint64_t paddr)
{
	if (mark_wanted()) {
		const struct mark_leaf_set fields = {
		        (uint16_t)domain, (uint8_t)level, (uint8_t)flags,
		        (uint16_t)count,  iova,           paddr};

		mark_write(MARK_LEAF_SET, &fields, sizeof(fields));
	}
}

/* All leaves of a level in [first, last] were removed. */
static inline void mark_leaf_clear(uint32_t domain, unsigned int level, uint64_t first,
                                   uint64_t last)
{
	if (mark_wanted()) {
		const struct mark_leaf_clear fields = {(uint16_t)domain, (uint8_t)level, first,
		                                       last};

		mark_write(MARK_LEAF_CLEAR, &fields, sizeof(fields));
	}
}

/* An entry of a level names a table (before the store), or does not any more. */
static inline void mark_table(enum mark_kind kind, uint32_t domain, unsigned int level,
                              uint64_t iova, uint64_t frame)
{
	if (mark_wanted()) {
		const struct mark_table fields = {(uint16_t)domain, (uint8_t)level, iova, frame};

		mark_write(kind, &fields, sizeof(fields));
	}
}

/* What a requester translates through changed. domain, root: see the structure. */
static inline void mark_context(rid_t requester, uint32_t domain, enum mark_context state,
                                paddr_t root)
{
	if (mark_wanted()) {
		const struct mark_context_entry fields = {requester.raw, (uint16_t)domain,
		                                          (uint8_t)state, root.raw};

		mark_write(MARK_CONTEXT, &fields, sizeof(fields));
	}
}

/* An interrupt-remapping entry changed. */
static inline void mark_remap(uint32_t index, rid_t source, bool present)
{
	if (mark_wanted()) {
		const struct mark_remap fields = {(uint16_t)index, source.raw, present};

		mark_write(MARK_REMAP, &fields, sizeof(fields));
	}
}

/* Frames go back to the allocator. */
static inline void mark_frames_free(paddr_t base, uint64_t count)
{
	if (mark_wanted()) {
		const struct mark_frames fields = {base.raw, (uint32_t)count};

		mark_write(MARK_FRAMES_FREE, &fields, sizeof(fields));
	}
}

/* The tables of a domain go away, and its id may be used again. */
static inline void mark_domain_free(uint32_t domain)
{
	if (mark_wanted()) {
		const struct mark_domain fields = {(uint16_t)domain};

		mark_write(MARK_DOMAIN_FREE, &fields, sizeof(fields));
	}
}

/* A command is in the queue of a unit of which the emulator tells too little: for what, but not
 * with which operands. low, high: as the unit will read them. Before it is told to. */
static inline void mark_command(uint64_t low, uint64_t high)
{
	if (mark_wanted()) {
		const struct mark_command fields = {low, high};

		mark_write(MARK_COMMAND, &fields, sizeof(fields));
	}
}

/* The unit does not answer: what is owed to it can never be settled. */
static inline void mark_unit_dead(void)
{
	if (mark_wanted())
		mark_write(MARK_UNIT_DEAD, NULL, 0);
}

#endif
