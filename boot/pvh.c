/* SPDX-License-Identifier: MIT */
/*
 * Translates what a PVH loader left in memory. Everything is copied into the image, so
 * nothing of it stays in use after boot. Runs on the boot tables, before any set-up: a
 * panic is all that it can do about a structure that makes no sense.
 */
#define LOG_TAG "boot"
#include <arch/boot.h>
#include <arch/mmio.h>
#include <arch/x86_64/boot.h>
#include <arch/x86_64/memory_map.h>
#include <kernel/cmdline.h>
#include <kernel/log.h>
#include <kernel/panic.h>
#include <kernel/string.h>

#include "pvh.h"

/* PVH structures lie below 4 GiB, which the boot tables always map. */
#define PVH_REACH (UINT64_C(1) << 32)

/* Stored by the entry, in the part of the image that is mapped where it lies. */
extern uint64_t boot_timestamp;

_Noreturn void boot_pvh(uint32_t start_info);

static struct boot_info boot_info;
static char command_line[CMDLINE_MAX + 1]; /* one more: cmdline_init sees that it was cut */
static struct memory_map_entry entries[MEMORY_MAP_ENTRIES_MAX];

static const void *reach(uint64_t address, uint64_t size, const char *what)
{
	if (address == 0 || address > PVH_REACH || size > PVH_REACH - address)
		panic("PVH: %s at %#llx, %llu bytes, is out of reach", what,
		      (unsigned long long)address, (unsigned long long)size);
	return phys_to_virt(paddr(address));
}

static void copy_command_line(uint64_t address)
{
	const char *text;
	uint64_t max;

	if (address == 0)
		return;
	text = reach(address, 1, "command line");
	max = min_u64(PVH_REACH - address, CMDLINE_MAX);
	memcpy(command_line, text, strnlen(text, max));
}

static void copy_memory_map(const struct pvh_start_info *info)
{
	const struct pvh_memmap_entry *table;
	uint32_t count = info->memmap_entries;

	if (count == 0 || count > MEMORY_MAP_ENTRIES_MAX)
		panic("PVH: memory map of %u entries (1 to %u are possible)", count,
		      MEMORY_MAP_ENTRIES_MAX);
	table = reach(info->memmap, count * sizeof(*table), "memory map");
	for (uint32_t i = 0; i < count; i++) {
		entries[i].start = table[i].address;
		entries[i].size = table[i].size;
		entries[i].usable = table[i].type == PVH_MEMMAP_TYPE_RAM;
	}
	boot_set_memory(&boot_info, entries, count);
}

_Noreturn void boot_pvh(uint32_t start_info)
{
	const struct pvh_start_info *info;

	boot_enter();
	info = reach(start_info, sizeof(*info), "start information");
	if (info->magic != PVH_MAGIC)
		panic("PVH: start information has magic %#x", info->magic);
	if (info->version < PVH_VERSION_MEMMAP)
		panic("PVH: start information of version %u has no memory map", info->version);
	if (info->module_count != 0)
		log_warn("boot modules are not used: the archive is part of the image");
	copy_command_line(info->command_line);
	copy_memory_map(info);
	boot_info.command_line = command_line;
	boot_info.acpi_rsdp = paddr(info->rsdp);
	boot_info.entry_timestamp = boot_timestamp;
	kernel_main(&boot_info);
}
