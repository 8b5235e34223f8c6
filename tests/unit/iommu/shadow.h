/* SPDX-License-Identifier: MIT */
/* Memory as a unit sees it that does not snoop: every cache line as it was flushed last, rubbish
 * where none was. */
#ifndef TESTS_IOMMU_SHADOW_H
#define TESTS_IOMMU_SHADOW_H

#include <stdbool.h>
#include <stdint.h>

/* Begins to follow the flushes. flushed: called for each line that is, or NULL. */
void shadow_start(void (*flushed)(const void *line));

/* What the unit reads at a physical address; coherent: it snoops. An address that is no RAM fails
 * the test. */
uint64_t shadow_read(uint64_t physical, bool coherent);

/* What the unit writes: seen by the CPU and by itself. */
void shadow_write(uint64_t physical, uint64_t value);

#endif
