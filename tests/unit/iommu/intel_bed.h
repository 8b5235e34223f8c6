/* SPDX-License-Identifier: MIT */
/* A system with one VT-d unit, the model of vtd_model.h, and two functions behind it. */
#ifndef TESTS_IOMMU_INTEL_BED_H
#define TESTS_IOMMU_INTEL_BED_H

#include <drivers/iommu/core.h>
#include <tests/unit/iommu/machine.h>
#include <tests/unit/iommu/vtd_model.h>

#define BED_SOURCE        0x0018 /* 00:03.0, covered */
#define BED_NEIGHBOUR     0x0020 /* 00:04.0, covered */
#define BED_IOAPIC_ID     0
#define BED_IOAPIC_SOURCE 0xff00

struct intel_bed {
	struct vtd vtd;
	struct pci_function *function, *neighbour;
	struct iommu_unit *unit; /* NULL: none was found */
	struct account *account;
	struct iommu_domain *domains[32]; /* made by bed_new_domain; a test may end with some */
	size_t domain_count;
};
extern struct intel_bed bed;

/* Fills the firmware table and the model's capabilities; what the test changes then is used by
 * bed_start, which calls iommu_init. */
void bed_prepare(uint64_t cap, uint64_t ecap);
void bed_start(void);

/* A domain charged to bed.account. */
struct iommu_domain *bed_new_domain(void);

/* The same; BED_SOURCE is attached to it. */
struct iommu_domain *bed_domain(void);

int bed_map(struct iommu_domain *domain, uint64_t start, uint64_t base, uint64_t size,
            uint32_t flags);
int bed_unmap(struct iommu_domain *domain, uint64_t start, uint64_t size);

/* The index of the first write of a register after a position, or -1; value: of those bits. */
int bed_write_index(size_t from, uint16_t offset, uint64_t mask, uint64_t value);

/* The last descriptor before the wait that ends the queue. */
struct vtd_descriptor bed_last_descriptor(void);

#endif
