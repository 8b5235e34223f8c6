/* SPDX-License-Identifier: MIT */
#include <kernel/symbols.h>
#include <kernel/types.h>

#define KERNEL_BASE UINT64_C(0xffffffff80000000) /* where the image is linked (boot/kernel.ld) */

const char *symbol_lookup(uint64_t addr, uint64_t *offset)
{
	uint64_t distance = addr - KERNEL_BASE;
	uint32_t low = 0;
	uint32_t high = ksyms_count;
	const char *name;

	/* The last entry at or below the address: entries below low are, entries from high on
	 * are not. */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (ksyms_addresses[middle] <= distance)
			low = middle + 1;
		else
			high = middle;
	}
	if (addr < KERNEL_BASE || low == 0)
		return NULL;
	name = &ksyms_names[ksyms_offsets[low - 1]];
	if (*name == '\0')
		return NULL;
	if (offset)
		*offset = distance - ksyms_addresses[low - 1];
	return name;
}
