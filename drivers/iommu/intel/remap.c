/* SPDX-License-Identifier: MIT */
/* Interrupt-remapping entries (9.10): absent, or fixed to one source, one vector and one CPU. */
#include <drivers/iommu/intel/intel.h>

#include <cordon/errno.h>
#include <kernel/mark.h>
#include <kernel/page.h>
#include <kernel/panic.h>

int intel_remap_create(struct intel_unit *unit)
{
	paddr_t base;
	int error = page_alloc(INTEL_IRTE_FRAMES, &base);

	if (error)
		return error;
	unit->irtes = phys_to_virt(base);
	for (unsigned int i = 0; i < INTEL_IRTE_COUNT; i++)
		unit->irtes[i] = (struct intel_irte){0, 0};
	iommu_publish(&unit->unit, unit->irtes, PAGE_SIZE << INTEL_IRTE_FRAMES);
	return 0;
}

static uint64_t destination(const struct intel_unit *unit, uint32_t apic_id)
{
	if (unit->unit.remap_extended)
		return (uint64_t)apic_id << INTEL_IRTE_X2APIC_SHIFT;
	ASSERT(apic_id <= INTEL_IRTE_XAPIC_MAX);
	return (uint64_t)apic_id << INTEL_IRTE_XAPIC_SHIFT;
}

int intel_remap_write(struct iommu_unit *base, uint32_t index,
                      const struct iommu_remap_target *target)
{
	struct intel_unit *unit = intel_unit_of(base);
	struct intel_irte *irte = &unit->irtes[index];
	rid_t source = target ? target->source : (rid_t){(uint16_t)irte->high};

	ASSERT(index < INTEL_IRTE_COUNT);
	/* Absent while its halves change: the unit may read them apart. */
	iommu_store(base, &irte->low, 0);
	iommu_store(base, &irte->high, target ? source.raw | INTEL_IRTE_VERIFY_SOURCE : 0);
	if (target) {
		iommu_store(base, &irte->low,
		            INTEL_IRTE_PRESENT | (target->level ? INTEL_IRTE_LEVEL : 0) |
		                    (uint64_t)target->vector.raw << INTEL_IRTE_VECTOR_SHIFT |
		                    destination(unit, target->apic_id));
	}
	mark_remap(index, source, target != NULL);
	return intel_flush_interrupt(unit, index);
}
