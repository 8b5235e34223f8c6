/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include <vfio/pci.h>

#include "demo.h"

static void print_functions(const struct demo *demo, uint32_t group)
{
	struct cordon_device_desc desc;
	char bdf[VFIO_BDF_TEXT];

	for (uint32_t i = 0;
	     cordon_system_info(demo->inspect, CORDON_SYSTEM_DEVICES, i, &desc, sizeof(desc)) == 0;
	     i++)
		if (desc.group == group)
			printf("             %s  %04x:%04x  class %06x%s\n",
			       vfio_bdf_text(desc.bdf, bdf), desc.vendor, desc.device,
			       (unsigned int)desc.class_code,
			       desc.flags & CORDON_DEVICE_OPEN ? "  open" : "");
}

static void print_mappings(const struct demo *demo)
{
	struct cordon_mapping_desc mapping;

	for (uint32_t i = 0; cordon_system_info(demo->inspect, CORDON_SYSTEM_MAPPINGS, i, &mapping,
	                                        sizeof(mapping)) == 0;
	     i++)
		printf("  %-8.*s reaches IOVA 0x%010" PRIx64 ", %6" PRIu64 " KiB, %s%s\n",
		       (int)sizeof(mapping.holder_name), mapping.holder_name, mapping.iova,
		       mapping.size / 1024, mapping.flags & CORDON_DMA_READ ? "read" : "",
		       mapping.flags & CORDON_DMA_WRITE ? " write" : "");
}

void demo_print_holders(const struct demo *demo)
{
	struct cordon_group_desc group;
	unsigned int free_groups = 0;

	for (uint32_t i = 0;
	     cordon_system_info(demo->inspect, CORDON_SYSTEM_GROUPS, i, &group, sizeof(group)) == 0;
	     i++) {
		if (!group.holder) {
			free_groups++;
			continue;
		}
		printf("  group %-2u   held by %.*s (task %" PRIu64 ")\n",
		       (unsigned int)group.status.number, (int)sizeof(group.holder_name),
		       group.holder_name, group.holder);
		print_functions(demo, group.status.number);
	}
	printf("  the other %u groups are held by nobody\n", free_groups);
	print_mappings(demo);
}

int demo_group_is_held(const struct demo *demo, cordon_handle_t handle, uint64_t task)
{
	struct cordon_group_status status;
	struct cordon_group_desc group;

	if (cordon_group_status(handle, &status) < 0)
		return 0;
	for (uint32_t i = 0;
	     cordon_system_info(demo->inspect, CORDON_SYSTEM_GROUPS, i, &group, sizeof(group)) == 0;
	     i++)
		if (group.status.number == status.number)
			return group.holder == task;
	return 0;
}

int demo_mappings_of(const struct demo *demo, uint64_t task)
{
	struct cordon_mapping_desc mapping;
	int count = 0;

	for (uint32_t i = 0; cordon_system_info(demo->inspect, CORDON_SYSTEM_MAPPINGS, i, &mapping,
	                                        sizeof(mapping)) == 0;
	     i++)
		count += mapping.holder == task;
	return count;
}
