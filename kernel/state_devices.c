/* SPDX-License-Identifier: MIT */
/* The part of the state that other layers provide, in the words of their records. */
#include <cordon/system.h>
#include <kernel/state.h>
#include <kernel/system.h>

#define RECORDS_MAX  64u
#define MAPPINGS_MAX 16u

static const char *flag(uint32_t flags, uint32_t bit, const char *text)
{
	return flags & bit ? text : "";
}

static void print_unit(uint32_t index, const void *record)
{
	const struct cordon_iommu_desc *unit = record;

	state_line("iommu %u: %.*s%s%s, %llu faults", index, (int)sizeof(unit->text), unit->text,
	           unit->translation ? ", translation on" : ", translation off",
	           unit->remapping ? ", remapping on" : "", (unsigned long long)unit->faults);
}

static void print_group(uint32_t index, const void *record)
{
	const struct cordon_group_desc *group = record;

	(void)index;
	state_line("group %u: %s%s%s, held by %.*s(%llu), %.*s", group->status.number,
	           group->status.flags & CORDON_GROUP_VIABLE ? "viable" : "refused",
	           flag(group->status.flags, CORDON_GROUP_CONTAINER, ", in a container"),
	           flag(group->status.flags, CORDON_GROUP_LOCKED, ", bound"),
	           (int)sizeof(group->holder_name), group->holder ? group->holder_name : "nobody",
	           (unsigned long long)group->holder, (int)sizeof(group->status.reason),
	           group->status.reason);
}

static void print_device(uint32_t index, const void *record)
{
	const struct cordon_device_desc *device = record;

	(void)index;
	state_line("device %04x:%02x:%02x.%u: %04x:%04x, class %06x, group %d%s%s%s%s%s",
	           device->bdf >> 16, device->bdf >> 8 & 0xff, device->bdf >> 3 & 0x1f,
	           device->bdf & 7, device->vendor, device->device, device->class_code,
	           (int)device->group, flag(device->flags, CORDON_DEVICE_BRIDGE, ", bridge"),
	           flag(device->flags, CORDON_DEVICE_FLR, ", flr"),
	           flag(device->flags, CORDON_DEVICE_OPEN, ", open"),
	           flag(device->flags, CORDON_DEVICE_QUARANTINE, ", quarantine"),
	           flag(device->flags, CORDON_DEVICE_REFUSED, ", refused"));
}

static void print_container(uint32_t index, const void *record)
{
	const struct cordon_container_desc *container = record;

	(void)index;
	state_line("container %llu, %.*s(%llu): groups %u, open devices %u, mappings %u of %#llx "
	           "bytes, %llu table frames",
	           (unsigned long long)container->container, (int)sizeof(container->holder_name),
	           container->holder ? container->holder_name : "nobody",
	           (unsigned long long)container->holder, container->groups, container->devices,
	           container->mappings, (unsigned long long)container->mapped_bytes,
	           (unsigned long long)container->tables);
}

static void print_mapping(uint32_t index, const void *record)
{
	const struct cordon_mapping_desc *mapping = record;

	(void)index;
	state_line("mapping of container %llu, %.*s(%llu): iova %#llx, size %#llx%s%s, memory %llu "
	           "at %#llx",
	           (unsigned long long)mapping->container, (int)sizeof(mapping->holder_name),
	           mapping->holder_name, (unsigned long long)mapping->holder,
	           (unsigned long long)mapping->iova, (unsigned long long)mapping->size,
	           flag(mapping->flags, CORDON_DMA_READ, ", read"),
	           flag(mapping->flags, CORDON_DMA_WRITE, ", write"),
	           (unsigned long long)mapping->memory, (unsigned long long)mapping->offset);
}

static void print_topic(enum cordon_system_topic topic, uint32_t max, const char *name,
                        void (*print)(uint32_t index, const void *record))
{
	uint64_t record[SYSTEM_RECORD_MAX / sizeof(uint64_t)];
	uint32_t count = 0;

	while (count < max && system_record(topic, count, record) == 0)
		print(count++, record);
	if (count == max && system_record(topic, count, record) == 0)
		state_line("and more %s", name);
}

void state_print_devices(void)
{
	print_topic(CORDON_SYSTEM_IOMMU, RECORDS_MAX, "units", print_unit);
	print_topic(CORDON_SYSTEM_GROUPS, RECORDS_MAX, "groups", print_group);
	print_topic(CORDON_SYSTEM_DEVICES, RECORDS_MAX, "devices", print_device);
	print_topic(CORDON_SYSTEM_CONTAINERS, RECORDS_MAX, "containers", print_container);
	print_topic(CORDON_SYSTEM_MAPPINGS, MAPPINGS_MAX, "mappings", print_mapping);
}
