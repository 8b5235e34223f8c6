/* SPDX-License-Identifier: MIT */
/*
 * Structures of the PVH boot protocol (Xen "x86/HVM direct boot ABI", version 1), and their
 * translation into struct boot_info.
 */
#ifndef BOOT_PVH_H
#define BOOT_PVH_H

#include <arch/boot.h>

#define PVH_MAGIC           0x336ec578u
#define PVH_VERSION_MEMMAP  1 /* the first version with a memory map */
#define PVH_MEMMAP_TYPE_RAM 1u

struct pvh_start_info {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t module_count;
	uint64_t modules;
	uint64_t command_line; /* 0: none */
	uint64_t rsdp;         /* 0: unknown */
	uint64_t memmap;
	uint32_t memmap_entries;
	uint32_t reserved;
};
_Static_assert(sizeof(struct pvh_start_info) == 56, "hvm_start_info version 1");
_Static_assert(offsetof(struct pvh_start_info, memmap) == 40, "hvm_start_info version 1");

struct pvh_memmap_entry {
	uint64_t address;
	uint64_t size;
	uint32_t type; /* as E820 */
	uint32_t reserved;
};
_Static_assert(sizeof(struct pvh_memmap_entry) == 24, "hvm_memmap_table_entry");

#endif
