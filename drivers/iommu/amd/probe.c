/* SPDX-License-Identifier: MIT */
/* AMD-Vi is recognised, so that the system can say what it found, but not driven. */
#include <drivers/iommu/core.h>

static bool amd_probe(const char **why)
{
	struct acpi_bytes table;

	if (!acpi_find("IVRS", 0, &table))
		return false;
	*why = "AMD-Vi unit found: not driven by this version";
	return true;
}

const struct iommu_backend amd_iommu_backend = {.probe = amd_probe};
