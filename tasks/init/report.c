/* SPDX-License-Identifier: MIT */
/* The system's tables, printed for people. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "describe.h"
#include "init.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

/* Names arrive in fixed fields, which need not end with a zero. */
#define FIELD(text) (int)sizeof(text), (text)

static void print_holder(uint64_t task, const char *name, size_t size)
{
	char text[CORDON_NAME_MAX + 32];

	if (task == 0)
		snprintf(text, sizeof(text), "-");
	else
		snprintf(text, sizeof(text), "%.*s (task %" PRIu64 ")", (int)size, name, task);
	printf("%-20s  ", text);
}

void report_iommu(struct init *init)
{
	struct cordon_iommu_desc unit;
	uint32_t count = 0;

	init->iommu_usable = false;
	while (records_get(init, CORDON_SYSTEM_IOMMU, count, &unit, sizeof(unit))) {
		printf("iommu %" PRIu32 ": %.*s\n", count, FIELD(unit.text));
		if (unit.usable)
			init->iommu_usable = true;
		count++;
	}
	if (!init->iommu_usable)
		printf("%s: devices are not handed out\n",
		       count == 0 ? "no IOMMU" : "no usable IOMMU");
}

static void report_members(const struct init *init, uint32_t group)
{
	struct cordon_device_desc device;
	char bdf[DESCRIBE_BDF_MAX], flags[DESCRIBE_FLAGS_MAX];

	for (uint32_t i = 0; records_get(init, CORDON_SYSTEM_DEVICES, i, &device, sizeof(device));
	     i++) {
		if (device.group != group)
			continue;
		describe_device_flags(device.flags, flags);
		printf("       %-12s  %04x:%04x  %s%s%s%s\n", describe_bdf(device.bdf, bdf),
		       device.vendor, device.device, describe_class(device.class_code),
		       flags[0] != '\0' ? " (" : "", flags, flags[0] != '\0' ? ")" : "");
	}
}

void report_groups(const struct init *init)
{
	struct cordon_group_desc group;

	printf("group  state    holder                why\n");
	for (uint32_t i = 0; records_get(init, CORDON_SYSTEM_GROUPS, i, &group, sizeof(group));
	     i++) {
		printf("%5" PRIu32 "  %-7s  ", group.status.number,
		       group.status.flags & CORDON_GROUP_VIABLE ? "viable" : "refused");
		print_holder(group.holder, group.holder_name, sizeof(group.holder_name));
		printf("%.*s\n", FIELD(group.status.reason));
		report_members(init, group.status.number);
	}
}

void report_devices(const struct init *init)
{
	struct cordon_device_desc device;
	char bdf[DESCRIBE_BDF_MAX], flags[DESCRIBE_FLAGS_MAX];

	printf("device        id         class   group  what\n");
	for (uint32_t i = 0; records_get(init, CORDON_SYSTEM_DEVICES, i, &device, sizeof(device));
	     i++) {
		printf("%-12s  %04x:%04x  %06" PRIx32 "  ", describe_bdf(device.bdf, bdf),
		       device.vendor, device.device, device.class_code);
		if (device.group == UINT32_MAX)
			printf("    -  ");
		else
			printf("%5" PRIu32 "  ", device.group);
		describe_device_flags(device.flags, flags);
		printf("%s%s%s%s\n", describe_class(device.class_code),
		       flags[0] != '\0' ? " (" : "", flags, flags[0] != '\0' ? ")" : "");
	}
}

static const char *state_name(uint32_t state)
{
	switch (state) {
	case CORDON_TASK_RUNNING:
		return "running";
	case CORDON_TASK_ENDING:
		return "ending";
	case CORDON_TASK_ENDED:
		return "ended";
	default:
		return "unknown";
	}
}

/* How often its budget refused something, of whatever kind. */
static uint64_t refusals(const struct cordon_task_info *task)
{
	const struct cordon_budget *refused = &task->refused;

	return refused->frames + refused->kernel + refused->handles + refused->threads +
	       refused->mappings + refused->objects + refused->cpu;
}

void report_tasks(const struct init *init)
{
	struct cordon_task_info task;

	printf("task  name                  state    threads  handles  mappings    pages  kernel KiB  refused    cpu ms\n");
	for (uint32_t i = 0; records_get(init, CORDON_SYSTEM_TASKS, i, &task, sizeof(task)); i++)
		printf("%4" PRIu64 "  %-20.*s  %-7s  %7" PRIu32 "  %7" PRIu32 "  %8" PRIu32
		       "  %7" PRIu64 "  %10" PRIu64 "  %7" PRIu64 "  %8" PRIu64 "\n",
		       task.id, FIELD(task.name), state_name(task.state), task.threads,
		       task.handles, task.mappings, task.frames, task.kernel / 1024,
		       refusals(&task), task.cpu_ns / NS_PER_MS);
}

static const char *direction_name(uint32_t flags)
{
	switch (flags & (CORDON_DMA_READ | CORDON_DMA_WRITE)) {
	case CORDON_DMA_READ:
		return "read";
	case CORDON_DMA_WRITE:
		return "write";
	case CORDON_DMA_READ | CORDON_DMA_WRITE:
		return "read+write";
	default:
		return "-";
	}
}

void report_mappings(const struct init *init)
{
	struct cordon_mapping_desc mapping;
	char size[DESCRIBE_SIZE_MAX];

	printf("container  holder                iova                size        direction   memory "
	       " offset\n");
	for (uint32_t i = 0;
	     records_get(init, CORDON_SYSTEM_MAPPINGS, i, &mapping, sizeof(mapping)); i++) {
		printf("%9" PRIu64 "  ", mapping.container);
		print_holder(mapping.holder, mapping.holder_name, sizeof(mapping.holder_name));
		printf("0x%016" PRIx64 "  %-10s  %-10s  %6" PRIu64 "  0x%" PRIx64 "\n",
		       mapping.iova, describe_size(mapping.size, size),
		       direction_name(mapping.flags), mapping.memory, mapping.offset);
	}
}

void report_faults(const struct init *init)
{
	struct cordon_fault fault;
	char bdf[DESCRIBE_BDF_MAX], where[24];

	printf("    time s  device        holder                access  address             why\n");
	for (uint32_t i = 0; records_get(init, CORDON_SYSTEM_FAULTS, i, &fault, sizeof(fault));
	     i++) {
		printf("%6" PRIu64 ".%03" PRIu64 "  %-12s  ", fault.time_ns / NS_PER_S,
		       fault.time_ns % NS_PER_S / NS_PER_MS, describe_bdf(fault.device, bdf));
		print_holder(fault.task, fault.task_name, sizeof(fault.task_name));
		snprintf(where, sizeof(where), "0x%016" PRIx64, fault.address);
		printf("%-6s  %-18s  %s (code %u)\n", fault.write ? "write" : "read",
		       fault.address != CORDON_FAULT_NO_ADDRESS ? where : "not said",
		       cordon_fault_reason_name(fault.reason), fault.hardware_code);
	}
}

void report_counters(const struct init *init)
{
	struct cordon_counter counter;

	for (uint32_t i = 0;
	     records_get(init, CORDON_SYSTEM_COUNTERS, i, &counter, sizeof(counter)); i++)
		printf("%-24.*s  %12" PRIu64 "\n", FIELD(counter.name), counter.value);
}
