// SPDX-License-Identifier: MIT
#include <tests/unit/iommu/intel_bed.h>

#include <criterion/criterion.h>

struct vtd bed_vtd;

static struct dmar_scope *scope_add(uint8_t type, uint8_t bus, uint8_t device)
{
	struct dmar_unit *unit = &machine_dmar.units[0];
	struct dmar_scope *scope = &unit->scopes[unit->scope_count++];

	*scope = (struct dmar_scope){.type = type, .start_bus = bus, .path_length = 1};
	scope->path[0].device = device;
	return scope;
}

void bed_prepare(uint64_t cap, uint64_t ecap)
{
	machine_has_dmar = true;
	machine_dmar.host_address_width = 39;
	machine_dmar.interrupt_remapping = true;
	machine_dmar.unit_count = 1;
	machine_dmar.units[0].registers = paddr(VTD_BASE);
	scope_add(DMAR_SCOPE_ENDPOINT, 0, 3);
	scope_add(DMAR_SCOPE_ENDPOINT, 0, 4);
	scope_add(DMAR_SCOPE_IOAPIC, 0xff, 0)->enumeration_id = BED_IOAPIC_ID;
	bed_add_functions();
	bed_vtd.cap = cap;
	bed_vtd.ecap = ecap;
	vtd_add(&bed_vtd);
}

int bed_write_index(size_t from, uint16_t offset, uint64_t mask, uint64_t value)
{
	for (size_t i = from; i < bed_vtd.write_count; i++) {
		if (bed_vtd.writes[i].offset == offset && (bed_vtd.writes[i].value & mask) == value)
			return (int)i;
	}
	return -1;
}

struct vtd_descriptor bed_last_descriptor(void)
{
	cr_assert_geq(bed_vtd.descriptor_count, 2);
	return bed_vtd.descriptors[bed_vtd.descriptor_count - 2];
}

void bed_begin(uint64_t cap, uint64_t ecap)
{
	bed_prepare(cap, ecap);
	bed_start();
	cr_assert(iommu_usable(NULL));
}

unsigned int bed_reach(uint16_t source, uint64_t address, bool write, uint64_t *target)
{
	return vtd_access(&bed_vtd, source, address, write, target);
}

void bed_forget_faults(void)
{
	struct iommu_fault fault;
	uint64_t lost;

	spin_lock(&bed.unit->lock);
	while (bed.unit->ops->fault_read(bed.unit, &fault, &lost))
		;
	spin_unlock(&bed.unit->lock);
}
