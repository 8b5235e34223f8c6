/* SPDX-License-Identifier: MIT */
/*
 * A task that has a device and uses it against everybody else. Whoever starts it gives it the
 * group of the educational device, a memory object "page" of one page, two events "ready"
 * and "go", and the steps as arguments, NAME or NAME=ADDRESS; it pauses before the first
 * step and after each (tasks/common/observe.h), so that the starter can look at what
 * changed. It believes that each step succeeds and never checks: that is the starter's part.
 */
#ifndef ATTACK_H
#define ATTACK_H

#include <stdint.h>

/* What the device tries to write. */
#define ATTACK_BYTES 64u

static inline uint8_t attack_byte(uint32_t index)
{
	return (uint8_t)(0xa5 ^ index * 3);
}

/* Where the attacker's own memory lies for its device: far above all physical memory, so
 * that a physical address used as an IOVA never hits it by chance. */
#define ATTACK_POOL_IOVA   UINT64_C(0x4000000000)
#define ATTACK_PAGE_IOVA   UINT64_C(0x4100000000) /* "page", step by step */
#define ATTACK_SECOND_IOVA UINT64_C(0x4200000000)
#define ATTACK_NO_IOVA     UINT64_C(0x5000000000) /* never mapped */
#define ATTACK_IOVA_BITS   39u                    /* what they need */

/* The steps. */
#define ATTACK_PERMITTED   "permitted"   /* page mapped for writing; the device writes it */
#define ATTACK_WRITE       "write"       /* =IOVA: the device writes there */
#define ATTACK_READ        "read"        /* =IOVA: the device reads there, then tells page */
#define ATTACK_READ_ONLY   "read-only"   /* page mapped for reading; the device writes it */
#define ATTACK_AFTER_UNMAP "after-unmap" /* page mapped, written, unmapped; written again */
#define ATTACK_IN_FLIGHT   "in-flight"   /* page mapped; pauses with the write under way */

#endif
