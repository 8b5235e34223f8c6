/* SPDX-License-Identifier: MIT */
/* Interrupt remapping: which entry belongs to whom. The vendor writes and flushes entries. */
#include <drivers/iommu/core.h>

#include <arch/irq.h>
#include <cordon/errno.h>
#include <kernel/panic.h>

bool iommu_remap_by_vector(const struct iommu_unit *unit)
{
	return unit->remap_by_vector;
}

bool iommu_interrupts_extended(void)
{
	const struct iommu_unit *unit;

	/* They agreed: no other one that remaps names CPUs by 8 bits. One that could not be
	 * switched on remaps nothing; what passes it names only CPUs that both modes know. */
	list_for_each(unit, iommu_units(), link)
	{
		if (unit->remapping && unit->remap_extended)
			return true;
	}
	return false;
}

void iommu_remap_agree(void)
{
	bool extended = irq_x2apic_possible();
	struct iommu_unit *unit;

	list_for_each(unit, iommu_units(), link)
	{
		extended &= unit->remap_extended;
	}
	list_for_each(unit, iommu_units(), link)
	{
		unit->remap_extended = extended;
	}
}

static int index_alloc(struct iommu_unit *unit, vector_t vector, uint32_t *index)
{
	if (!unit->remap_by_vector)
		return ids_alloc(&unit->remap_entries, index);
	*index = vector.raw;
	return ids_take(&unit->remap_entries, vector.raw);
}

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
	error = unit->dead ? -ENODEV : index_alloc(unit, vector, index);
	if (!error) {
		error = unit->ops->remap_write(unit, *index, &target);
		/* Not confirmed: the unit may have either state of the entry, so its index is
		 * never given out again. */
		if (error && error != -EIO)
			ids_free(&unit->remap_entries, *index);
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
