/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <cordon/system.h>

#include "witness.h"

#define FAULT_WAIT_NS UINT64_C(2000000000)
#define FAULT_POLL_NS UINT64_C(10000000)

static int read_page(const struct demo *demo, uint64_t physical, uint8_t *bytes)
{
	int64_t result = cordon_system_memory_read(demo->inspect, physical, bytes,
	                                           CORDON_PAGE_SIZE);

	return result < 0 ? (int)result : 0;
}

int witness_record(const struct demo *demo, struct witness *witness)
{
	return read_page(demo, witness->physical, witness->before);
}

int witness_changes(const struct demo *demo, const struct witness *witness)
{
	uint8_t now[CORDON_PAGE_SIZE];
	int changes = 0;

	if (read_page(demo, witness->physical, now) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(now); i++)
		changes += now[i] != witness->before[i];
	return changes;
}

bool witness_faults_reported(const struct demo *demo)
{
	struct cordon_iommu_desc unit;

	for (uint32_t i = 0;
	     cordon_system_info(demo->inspect, CORDON_SYSTEM_IOMMU, i, &unit, sizeof(unit)) == 0;
	     i++) {
		if (unit.usable && !unit.reports_faults)
			return false;
	}
	return true;
}

/* Where a unit is known not to report addresses, group, direction and task must be enough. */
static bool is_there(const struct demo *demo, const struct cordon_fault *fault, uint64_t page)
{
	struct cordon_iommu_desc unit;

	if (fault->address == CORDON_FAULT_NO_ADDRESS)
		return cordon_system_info(demo->inspect, CORDON_SYSTEM_IOMMU, 0, &unit,
		                          sizeof(unit)) == 0 &&
		       !unit.reports_addresses;
	return fault->address / CORDON_PAGE_SIZE == page / CORDON_PAGE_SIZE;
}

static bool is_expected(const struct demo *demo, const struct cordon_fault *fault,
                        const struct child *child, const struct expected_fault *expected)
{
	return fault->group == expected->group && is_there(demo, fault, expected->page) &&
	       (fault->write != 0) == expected->write && fault->time_ns >= expected->since &&
	       fault->task == child->id &&
	       strncmp(fault->task_name, child->name, sizeof(fault->task_name)) == 0;
}

static bool find_fault(const struct demo *demo, const struct child *child,
                       const struct expected_fault *expected)
{
	struct cordon_fault fault;

	for (uint32_t i = 0;
	     cordon_system_info(demo->inspect, CORDON_SYSTEM_FAULTS, i, &fault, sizeof(fault)) == 0;
	     i++)
		if (is_expected(demo, &fault, child, expected))
			return true;
	return false;
}

bool witness_fault(const struct demo *demo, const struct child *child,
                   const struct expected_fault *expected)
{
	uint64_t deadline = cordon_now() + FAULT_WAIT_NS;

	while (!find_fault(demo, child, expected)) {
		if (cordon_now() > deadline)
			return false;
		cordon_clock_sleep(cordon_now() + FAULT_POLL_NS);
	}
	return true;
}
