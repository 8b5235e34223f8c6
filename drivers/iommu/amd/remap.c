/* SPDX-License-Identifier: MIT */
/*
 * Interrupt-remapping tables (2.2.5): one for each source that has an entry, so that an entry is
 * its source's alone. A source without one is refused every interrupt by its device table entry. An
 * interrupt's index is the vector in its message.
 */
#include <drivers/iommu/amd/amd.h>

#include <cordon/errno.h>
#include <kernel/mark.h>
#include <kernel/page.h>
#include <kernel/panic.h>

/* The table of a source, or NULL. */
static void *table_find(const struct amd_unit *unit, rid_t source)
{
	uint64_t word = unit->devices[source.raw].interrupts & AMD_DTE_REMAP_ADDRESS;

	return word ? phys_to_virt(paddr(word)) : NULL;
}

/* The same, with a new table, of absent entries, when there is none. The table belongs to the unit
 * and stays. */
static int table_reach(struct amd_unit *unit, rid_t source, void **out)
{
	paddr_t frame;
	int error;

	*out = table_find(unit, source);
	if (*out)
		return 0;
	error = iommu_frame_alloc(&unit->unit, &frame);
	if (error)
		return error;
	*out = phys_to_virt(frame);
	iommu_store(&unit->unit, &unit->devices[source.raw].interrupts,
	            AMD_DTE_REMAP_VALID | AMD_DTE_REMAP_ON |
	                    AMD_IRTE_COUNT_LOG << AMD_DTE_REMAP_LENGTH | frame.raw);
	mark_context(source, 0, MARK_CONTEXT_CHANGED, paddr(0));
	return amd_flush_device(unit, source);
}

/* Absent while its halves change: the unit may read them apart. */
static void wide_write(const struct amd_unit *unit, struct amd_irte *entry,
                       const struct iommu_remap_target *target)
{
	iommu_store(&unit->unit, &entry->low, 0);
	iommu_store(&unit->unit, &entry->high,
	            target ? target->vector.raw | (uint64_t)(target->apic_id >> 24)
	                                                  << AMD_IRTE_HIGH_ID
	                   : 0);
	if (target)
		iommu_store(&unit->unit, &entry->low,
		            AMD_IRTE_ENABLE | (uint64_t)(target->apic_id & AMD_IRTE_LOW_ID)
		                                      << AMD_IRTE_DESTINATION);
}

static void narrow_write(const struct amd_unit *unit, uint32_t *entry,
                         const struct iommu_remap_target *target)
{
	uint32_t value = 0;

	if (target)
		value = (uint32_t)(AMD_IRTE_ENABLE | target->apic_id << AMD_IRTE_DESTINATION |
		                   (uint32_t)target->vector.raw << AMD_IRTE_VECTOR);
	__atomic_store_n(entry, value, __ATOMIC_RELEASE);
	iommu_publish(&unit->unit, entry, sizeof(*entry));
}

int amd_remap_write(struct iommu_unit *base, uint32_t index,
                    const struct iommu_remap_target *target)
{
	struct amd_unit *unit = amd_unit_of(base);
	rid_t source;
	void *table;
	int error = 0;

	ASSERT(index < AMD_IRTE_COUNT);
	source = target ? target->source : unit->remap_sources[index];
	if (target) {
		/* The message says whether it is level. Where it is told to the CPU as edge, the
		 * I/O APIC would wait for its end for ever. */
		if (target->level && unit->emulated_early)
			return -EOPNOTSUPP;
		ASSERT(unit->unit.remap_extended || target->apic_id <= AMD_IRTE_XAPIC_MAX);
		ASSERT(target->vector.raw == index);
		error = table_reach(unit, source, &table);
	} else {
		table = table_find(unit, source);
		ASSERT(table);
	}
	if (error)
		return error;
	if (unit->wide_entries)
		wide_write(unit, (struct amd_irte *)table + index, target);
	else
		narrow_write(unit, (uint32_t *)table + index, target);
	unit->remap_sources[index] = source;
	mark_remap(index, source, target != NULL);
	return amd_flush_remap(unit, source);
}
