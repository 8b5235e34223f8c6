/* SPDX-License-Identifier: MIT */
/*
 * A VT-d unit for tests, written from the specification (revision 3.3) and not from the driver: it
 * shares no header with it. It is as unforgiving as hardware may be: it caches contexts,
 * translations and pointers to tables until they are invalidated under the right domain id; caches
 * absence in caching mode; sees a store to a structure only after a cache-line flush when its walks
 * are not coherent; checks the width of every register access, every reserved bit and descriptor.
 */
#ifndef TESTS_IOMMU_VTD_MODEL_H
#define TESTS_IOMMU_VTD_MODEL_H

#include <kernel/types.h>
#include <tests/unit/fake/fake.h>

#define VTD_BASE UINT64_C(0xfed90000)
#define VTD_SIZE 4096

/* CAP and ECAP as QEMU 7.2 reports them for aw-bits=39 and aw-bits=48. */
#define VTD_CAP_39 UINT64_C(0x00d2008c22260206)
#define VTD_CAP_48 UINT64_C(0x00d2008c222f0606)
#define VTD_ECAP   UINT64_C(0x0000000000f00f4a)
#define VTD_CAP_CM (UINT64_C(1) << 7)
#define VTD_ECAP_C UINT64_C(1)

#define VTD_TLB_SIZE     1024
#define VTD_CONTEXT_SIZE 64
#define VTD_LOG_SIZE     4096
#define VTD_RECORDS_MAX  8

struct vtd_tlb {
	bool valid;
	bool absent; /* caching mode: that there was nothing */
	uint16_t domain;
	unsigned int level; /* of the leaf, or of the entries of a cached table */
	uint64_t first;     /* IOVA */
	uint64_t target;
	bool read, write;
};

struct vtd_context {
	bool valid;
	uint16_t source;
	uint64_t low, high;
};

struct vtd_write {
	uint16_t offset;
	uint64_t value;
};

struct vtd_descriptor {
	uint64_t low, high;
};

struct vtd {
	struct fake_device device;
	/* Set before vtd_add, or between uses. */
	uint32_t version;
	uint64_t cap, ecap;
	uint32_t stuck;      /* GCMD bits that never take effect */
	uint32_t stuck_off;  /* GCMD bits that never go off */
	bool queue_stalled;  /* descriptors are not looked at */
	unsigned int delay;  /* relaxes until the queue is looked at; 0: at once */
	unsigned int refuse; /* the refuse-th descriptor from now raises IQE; 0: none */
	bool pmen_stuck;

	/* Registers. */
	uint32_t gsts, fsts, fectl, fedata, feaddr, feuaddr, pmen, iectl;
	uint64_t rtaddr, iqa, iqh, iqt, irta;
	uint64_t root, queue, irtes; /* as latched */
	uint32_t irte_count;
	uint64_t record_low[VTD_RECORDS_MAX], record_high[VTD_RECORDS_MAX];
	unsigned int record_next;

	/* Caches. */
	struct vtd_tlb tlb[VTD_TLB_SIZE];    /* translations */
	struct vtd_tlb tables[VTD_TLB_SIZE]; /* pointers to tables */
	unsigned int tlb_next, tables_next;
	struct vtd_context contexts[VTD_CONTEXT_SIZE];
	unsigned int contexts_next;

	/* What happened. */
	struct vtd_write writes[VTD_LOG_SIZE];
	size_t write_count;
	struct vtd_descriptor descriptors[VTD_LOG_SIZE];
	size_t descriptor_count;
	unsigned int drained;    /* invalidations that drained reads and writes */
	unsigned int interrupts; /* fault events raised */
	unsigned int relaxed;
};

/* Puts a unit at VTD_BASE; a second one goes behind the first. */
void vtd_add(struct vtd *unit);

/*
 * A DMA access of a requester. Returns 0 and *target, or the fault reason, which is also recorded.
 * With translation off everything passes unchanged.
 */
unsigned int vtd_access(struct vtd *unit, uint16_t source, uint64_t address, bool write,
                        uint64_t *target);

/* The same, but what tables say now: no caches used or filled, nothing recorded. */
unsigned int vtd_walk(struct vtd *unit, uint16_t source, uint64_t address, bool write,
                      uint64_t *target);

/* An interrupt request in remappable format. Returns 0 and the vector and APIC id, or a reason. */
unsigned int vtd_interrupt(struct vtd *unit, uint16_t source, uint16_t index, uint8_t *vector,
                           uint32_t *apic_id, bool *level);

/* Records a fault as the unit does (7.3.1). */
void vtd_record(struct vtd *unit, uint16_t source, uint64_t address, bool write, uint8_t reason);

#endif
