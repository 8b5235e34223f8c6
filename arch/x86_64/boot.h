/* SPDX-License-Identifier: MIT */
/* What boot entries, of whatever protocol, use of arch. */
#ifndef ARCH_X86_64_BOOT_H
#define ARCH_X86_64_BOOT_H

#include <arch/boot.h>

#include "memory_map.h"

/* The very first C code: makes per-CPU data reachable, without which nothing can lock or panic. */
void boot_enter(void);

/* Fills boot->ranges from a raw memory map. RAM that the boot tables do not reach is left out;
 * arch_init_memory reports how much. Panics when there is no RAM. */
void boot_set_memory(struct boot_info *boot, const struct memory_map_entry *entries, size_t count);

#endif
