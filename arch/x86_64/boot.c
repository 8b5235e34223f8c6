/* SPDX-License-Identifier: MIT */
/* The stages of arch set-up, and where the image lies. */
#define LOG_TAG "boot"
#include "boot.h"

#include <arch/paging.h>
#include <kernel/log.h>
#include <kernel/panic.h>

#include "apic.h"
#include "clock.h"
#include "cpu.h"
#include "descriptors.h"
#include "layout.h"
#include "local.h"
#include "paging.h"
#include "pic.h"

static uint64_t ram_out_of_reach;
static bool map_complete = true;

void boot_enter(void)
{
	local_init_boot();
}

void boot_set_memory(struct boot_info *boot, const struct memory_map_entry *entries, size_t count)
{
	uint64_t limit = cpu_has_1g_leaves() ? BOOT_MAP_SIZE_1G : BOOT_MAP_SIZE_2M;

	boot->range_count = memory_map_normalise(entries, count, boot->ranges, BOOT_RANGES_MAX,
	                                         &map_complete);
	ram_out_of_reach = memory_map_limit(boot->ranges, &boot->range_count, limit);
	for (size_t i = 0; i < boot->range_count; i++) {
		if (boot->ranges[i].usable)
			return;
	}
	panic("the memory map has no RAM");
}

paddr_t boot_kernel_start(void)
{
	return paddr((uint64_t)(uintptr_t)image_start);
}

paddr_t boot_kernel_end(void)
{
	return paddr((uint64_t)(uintptr_t)image_end);
}

void boot_initramfs(paddr_t *base, uint64_t *size)
{
	*base = image_to_phys(initramfs_start);
	*size = (uint64_t)(initramfs_end - initramfs_start);
}

void arch_init_early(void)
{
	descriptors_init();
	cpu_init();
}

void arch_init_memory(const struct boot_info *boot)
{
	if (!map_complete)
		log_warn("the memory map has more than %d ranges: the highest are not used",
		         BOOT_RANGES_MAX);
	if (ram_out_of_reach != 0)
		log_warn("%llu MiB of RAM lie too high for this processor's boot tables: not used",
		         (unsigned long long)(ram_out_of_reach >> 20));
	paging_init(boot);
	descriptors_init_stacks();
	arch_check_wx();
}

const char *arch_init_interrupts(const struct arch_platform *platform)
{
	pic_disable();
	if (apic_init(platform->local_apic) != 0)
		return "no usable local APIC";
	if (clock_init(platform) != 0)
		return "no usable HPET or ACPI PM timer: the time cannot be told";
	return NULL;
}
