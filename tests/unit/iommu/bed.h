/* SPDX-License-Identifier: MIT */
/* What the systems of intel_bed.h and amd_bed.h have in common: a unit and two functions behind it.
 */
#ifndef TESTS_IOMMU_BED_H
#define TESTS_IOMMU_BED_H

#include <drivers/iommu/core.h>
#include <tests/unit/iommu/machine.h>

#define RW (CORDON_DMA_READ | CORDON_DMA_WRITE)

#define BED_SOURCE    0x0018 /* 00:03.0, covered */
#define BED_NEIGHBOUR 0x0020 /* 00:04.0, covered */

struct bed {
	struct pci_function *function, *neighbour;
	struct iommu_unit *unit; /* NULL: none was found */
	struct account *account;
	struct iommu_domain *domains[32]; /* made by bed_new_domain; a test may end with some */
	size_t domain_count;
};
extern struct bed bed;

/* Adds the two functions; for bed_prepare of the vendor's bed. */
void bed_add_functions(void);

/* Uses what bed_prepare made, and what the test changed then: calls iommu_init. */
void bed_start(void);

/* A domain charged to bed.account. */
struct iommu_domain *bed_new_domain(void);

/* The same; BED_SOURCE is attached to it. */
struct iommu_domain *bed_domain(void);

int bed_map(struct iommu_domain *domain, uint64_t start, uint64_t base, uint64_t size,
            uint32_t flags);
int bed_unmap(struct iommu_domain *domain, uint64_t start, uint64_t size);

/* Why no IOMMU is usable. */
const char *bed_why_unusable(void);

/* Nothing is handed out, and every function says why. */
void bed_assert_refused(const char *text);

#endif
