/* SPDX-License-Identifier: MIT */
/*
 * Random batches of map and unmap against a plain array, for the unit of any vendor: after each
 * batch the device, which tried all pages before and cached what it could, reaches exactly what the
 * array says.
 */
#ifndef TESTS_IOMMU_BATCHES_H
#define TESTS_IOMMU_BATCHES_H

#include <drivers/iommu/iommu.h>

struct batches_device {
	struct iommu_domain *domain; /* empty; the device is attached to it */
	/* An access; returns 0 and *target when it got through. */
	unsigned int (*access)(uint64_t address, bool write, uint64_t *target);
	/* Called often: the faults that come of it are not of interest, nor are logs. */
	void (*forget)(void);
};

/* Leaves the domain empty. seed: any number but that of another test. */
void batches_run(const struct batches_device *device, uint64_t seed);

#endif
