/* SPDX-License-Identifier: MIT */
/* A system with one VT-d unit, the model of vtd_model.h, and two functions behind it. */
#ifndef TESTS_IOMMU_INTEL_BED_H
#define TESTS_IOMMU_INTEL_BED_H

#include <tests/unit/iommu/bed.h>
#include <tests/unit/iommu/vtd_model.h>

#define BED_IOAPIC_ID     0
#define BED_IOAPIC_SOURCE 0xff00

extern struct vtd bed_vtd;

/* Fills the firmware table and the model's capabilities; what the test changes then is used by
 * bed_start, which calls iommu_init. */
void bed_prepare(uint64_t cap, uint64_t ecap);

/* Both; the unit must then be usable. */
void bed_begin(uint64_t cap, uint64_t ecap);

/* An access of a requester, as vtd_access. */
unsigned int bed_reach(uint16_t source, uint64_t address, bool write, uint64_t *target);

/* The faults that a test provokes on purpose must not fill up the record. */
void bed_forget_faults(void);

/* The index of the first write of a register after a position, or -1; value: of those bits. */
int bed_write_index(size_t from, uint16_t offset, uint64_t mask, uint64_t value);

/* The last descriptor before the wait that ends the queue. */
struct vtd_descriptor bed_last_descriptor(void);

#endif
