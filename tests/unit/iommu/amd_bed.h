/* SPDX-License-Identifier: MIT */
/* A system with one AMD-Vi unit, the model of amd_model.h, and two functions behind it. */
#ifndef TESTS_IOMMU_AMD_BED_H
#define TESTS_IOMMU_AMD_BED_H

#include <tests/unit/iommu/amd_model.h>
#include <tests/unit/iommu/bed.h>

#define BED_UNIT      0x0002 /* 00:00.2, the unit's own function */
#define BED_IOAPIC    0x00a0 /* 00:14.0, what the I/O APIC sends as */
#define BED_IOAPIC_ID 5
#define BED_MSI       0x64 /* the unit's MSI capability */

/* What a system has; zero: the usual one of a unit that does not snoop and caches absence. */
#define BED_COHERENT  0x1u /* accesses of the unit snoop */
#define BED_NO_ABSENT 0x2u /* absence is not cached */

extern struct amdvi bed_amdvi;
extern struct ivrs_unit *bed_description;
extern struct pci_function *bed_unit_function;

/* Fills the firmware table and the model's features; what the test changes then is used by
 * bed_start, which calls iommu_init. */
void bed_prepare(uint64_t features, unsigned int kind);

/* Both, for a unit as QEMU's, which must then be usable. */
void bed_begin(unsigned int kind);

/* An access of a requester, as amdvi_access. */
unsigned int bed_reach(uint16_t source, uint64_t address, bool write, uint64_t *target);

/* The faults that a test provokes on purpose are nobody's. */
void bed_forget_faults(void);

/* Makes the prepared system look like QEMU 7.2's. */
void bed_emulated_early(void);

/* The index of the first write of a register after a position, or -1; value: of those bits. */
int bed_write_index(size_t from, uint16_t offset, uint64_t mask, uint64_t value);

/* The count-th command before the last, which is the completion wait. */
struct amdvi_command bed_command(size_t count);

#endif
