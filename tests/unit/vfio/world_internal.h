/* SPDX-License-Identifier: MIT */
/* What the parts of the world tell each other. */
#ifndef TESTS_VFIO_WORLD_INTERNAL_H
#define TESTS_VFIO_WORLD_INTERNAL_H

#include <stdint.h>

void world_kernel_start(void);

/* Panics when a domain, or a translation that is not flushed, leads to [base, base + size). */
void world_check_unreachable(uint64_t base, uint64_t size);

#endif
