/* SPDX-License-Identifier: MIT */
/*
 * An AMD-Vi unit for tests, written from the specification (revision 3.08) and not from the driver:
 * it shares no header with it. It is as unforgiving as hardware may be: it caches device table
 * entries, translations, pointers to tables, interrupt entries and (where it says so) absence
 * until the right command under the right id; sees a store only after a cache-line flush when its
 * accesses do not snoop; checks widths, reserved bits and commands; and watches that no entry of a
 * live device table ever lets something pass.
 */
#ifndef TESTS_IOMMU_AMD_MODEL_H
#define TESTS_IOMMU_AMD_MODEL_H

#include <kernel/types.h>
#include <tests/unit/fake/fake.h>

#define AMDVI_BASE UINT64_C(0xfed80000)
#define AMDVI_SIZE 0x4000

/* Extended features as QEMU 7.2 reports them: INVALIDATE_IOMMU_ALL and wide interrupt entries are
 * among them. */
#define AMDVI_FEATURES     UINT64_C(0x29d3)
#define AMDVI_FEATURE_IA   (UINT64_C(1) << 6)
#define AMDVI_FEATURE_WIDE (UINT64_C(1) << 7)
#define AMDVI_FEATURE_HATS (UINT64_C(3) << 10) /* levels of page tables, from 4 on */

#define AMDVI_TLB_SIZE 1024
#define AMDVI_LOG_SIZE 8192

/* Event codes that amdvi_access and amdvi_interrupt return (2.5). */
enum {
	AMDVI_OK = 0,
	AMDVI_ILLEGAL_ENTRY = 1,
	AMDVI_PAGE_FAULT = 2,
};

struct amdvi_tlb {
	bool valid;
	bool absent;
	uint16_t domain;
	unsigned int level; /* of the leaf, or of the entries of a cached table, from 0 */
	uint64_t first;
	uint64_t target;
	bool read, write;
};

struct amdvi_entry {
	bool valid;
	uint16_t source;
	uint64_t words[4];
};

struct amdvi_irte {
	bool valid;
	uint16_t source;
	unsigned int index;
	uint64_t low, high;
};

struct amdvi_write {
	uint16_t offset;
	uint64_t value;
};

struct amdvi_command {
	uint64_t low, high;
};

struct amdvi {
	struct fake_device device;
	/* Set before amdvi_add, or between uses. */
	uint64_t features;
	bool coherent, np_cache;
	uint64_t stuck;     /* control bits that never go on */
	uint64_t stuck_off; /* ... that never go off */
	bool exclusion_stuck;
	bool stalled;        /* commands are not looked at */
	unsigned int delay;  /* relaxes until they are; 0: at once */
	unsigned int refuse; /* the refuse-th command from now is illegal; 0: none */
	bool late_events;    /* the tail moves before the event is written, which happens when
	                        time passes */

	/* Registers. */
	uint64_t control, status, device_table, command_base, event_base;
	uint64_t exclusion_base, exclusion_limit;
	uint64_t command_head, command_tail, event_head, event_tail;

	/* Caches. */
	struct amdvi_entry entries[64];
	struct amdvi_tlb tlb[AMDVI_TLB_SIZE], tables[AMDVI_TLB_SIZE];
	struct amdvi_irte irtes[64];
	unsigned int entries_next, tlb_next, tables_next, irtes_next;

	/* What happened. */
	struct amdvi_write writes[AMDVI_LOG_SIZE];
	size_t write_count;
	struct amdvi_command commands[AMDVI_LOG_SIZE];
	size_t command_count; /* also those beyond the log */
	unsigned int interrupts;
	unsigned int relaxed;
	uint64_t late[2], late_at;
};

/* Puts a unit at AMDVI_BASE; a second one goes behind the first. */
void amdvi_add(struct amdvi *unit);

/* A DMA access of a requester. Returns AMDVI_OK and *target, or the code of the event that is also
 * logged. With the unit off everything passes unchanged. */
unsigned int amdvi_access(struct amdvi *unit, uint16_t source, uint64_t address, bool write,
                          uint64_t *target);

/* The same, but what tables say now: no caches used or filled, nothing logged. */
unsigned int amdvi_walk(struct amdvi *unit, uint16_t source, uint64_t address, bool write,
                        uint64_t *target);

/* A fixed interrupt with this message data. The rest as amdvi_access. */
unsigned int amdvi_interrupt(struct amdvi *unit, uint16_t source, uint16_t data, uint8_t *vector,
                             uint32_t *apic_id);

/* Logs an event. */
void amdvi_event(struct amdvi *unit, uint64_t low, uint64_t high);

#endif
