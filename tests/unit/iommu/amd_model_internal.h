/* SPDX-License-Identifier: MIT */
/* What the two halves of the model share: registers and commands (amd_model.c), and what happens to
 * a request (amd_translate.c). */
#ifndef TESTS_IOMMU_AMD_MODEL_INTERNAL_H
#define TESTS_IOMMU_AMD_MODEL_INTERNAL_H

#include <tests/unit/iommu/amd_model.h>
#include <tests/unit/iommu/shadow.h>

#define BIT(n)  (UINT64_C(1) << (n))
#define ADDRESS UINT64_C(0x000ffffffffff000)

static inline bool amdvi_is_on(const struct amdvi *unit)
{
	return unit->control & BIT(0);
}

/* Of the device table, in bytes. */
static inline uint64_t amdvi_table_size(const struct amdvi *unit)
{
	return ((unit->device_table & 0x1ff) + 1) * 4096;
}

static inline uint64_t amdvi_memory_read(const struct amdvi *unit, uint64_t physical)
{
	return shadow_read(physical, unit->coherent);
}

/* What a cached leaf, or table, covers. */
static inline uint64_t amdvi_span_of(const struct amdvi_tlb *entry, bool table)
{
	return BIT(12 + 9 * (entry->level + table));
}

#endif
