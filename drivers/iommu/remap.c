/* SPDX-License-Identifier: MIT */
/* Interrupt remapping: which entry belongs to whom. The vendor writes and flushes entries. */
#include <drivers/iommu/core.h>

#include <arch/irq.h>
#include <cordon/errno.h>
#include <kernel/panic.h>

int iommu_remap_alloc(struct iommu_unit *unit, rid_t source, vector_t vector, bool level,
                      uint32_t *index)
{
	const struct iommu_remap_target target = {
	        .source = source,
	        .vector = vector,
	        .level = level,
	        .apic_id = irq_boot_apic_id(),
	};
	int error;

	if (!unit || !unit->remapping)
		return -ENODEV;
	spin_lock(&unit->lock);
	error = unit->dead ? -ENODEV : ids_alloc(&unit->remap_entries, index);
	if (!error) {
		error = unit->ops->remap_write(unit, *index, &target);
		/* Not confirmed: the unit may have either state of the entry, so its index is
		 * never given out again. */
	}
	spin_unlock(&unit->lock);
	return error;
}

int iommu_remap_free(struct iommu_unit *unit, uint32_t index)
{
	int error;

	ASSERT(unit && unit->remapping);
	spin_lock(&unit->lock);
	error = unit->ops->remap_write(unit, index, NULL);
	if (!error)
		ids_free(&unit->remap_entries, index);
	spin_unlock(&unit->lock);
	return error;
}
