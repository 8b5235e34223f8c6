/* SPDX-License-Identifier: MIT */
/* A system with one AMD-Vi unit, the model of amd_model.h, and two functions behind it. */
#ifndef TESTS_IOMMU_AMD_BED_H
#define TESTS_IOMMU_AMD_BED_H

#include <drivers/iommu/core.h>
#include <tests/unit/iommu/amd_model.h>
#include <tests/unit/iommu/machine.h>

#define BED_UNIT      0x0002 /* 00:00.2, the unit's own function */
#define BED_SOURCE    0x0018 /* 00:03.0, covered */
#define BED_NEIGHBOUR 0x0020 /* 00:04.0, covered */
#define BED_IOAPIC    0x00a0 /* 00:14.0, what the I/O APIC sends as */
#define BED_IOAPIC_ID 5
#define BED_MSI       0x64 /* the unit's MSI capability */

/* What a system has; zero: the usual one of a unit that does not snoop and caches absence. */
#define BED_COHERENT  0x1u /* accesses of the unit snoop */
#define BED_NO_ABSENT 0x2u /* absence is not cached */

struct amd_bed {
	struct amdvi amdvi;
	struct ivrs_unit *description;
	struct pci_function *unit_function, *function, *neighbour;
	struct iommu_unit *unit; /* NULL: none was found */
	struct account *account;
	struct iommu_domain *domains[32]; /* made by bed_new_domain; a test may end with some */
	size_t domain_count;
};
extern struct amd_bed bed;

/* Fills the firmware table and the model's features; what the test changes then is used by
 * bed_start, which calls iommu_init. */
void bed_prepare(uint64_t features, unsigned int kind);
void bed_start(void);

/* Makes the prepared system look like QEMU 7.2's. */
void bed_emulated_early(void);

/* A domain charged to bed.account. */
struct iommu_domain *bed_new_domain(void);

/* The same; BED_SOURCE is attached to it. */
struct iommu_domain *bed_domain(void);

int bed_map(struct iommu_domain *domain, uint64_t start, uint64_t base, uint64_t size,
            uint32_t flags);
int bed_unmap(struct iommu_domain *domain, uint64_t start, uint64_t size);

/* The index of the first write of a register after a position, or -1; value: of those bits. */
int bed_write_index(size_t from, uint16_t offset, uint64_t mask, uint64_t value);

/* The count-th command before the last, which is the completion wait. */
struct amdvi_command bed_command(size_t count);

#endif
