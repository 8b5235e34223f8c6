/* SPDX-License-Identifier: MIT */
/*
 * The region that the demonstration writes to the second namespace, as agreed with the
 * host, which verifies it in the image file afterwards.
 */
#ifndef TASKS_REGION_H
#define TASKS_REGION_H

#include <stdint.h>

#define REGION_OFFSET UINT64_C(0x100000) /* bytes from the start of the namespace */
#define REGION_SIZE   UINT32_C(0x100000) /* bytes */

/* Byte index of the region; index counts from the region's start. */
static inline uint8_t region_byte(uint32_t index)
{
	return (uint8_t)(index * UINT32_C(2654435761) >> 24);
}

#endif
