// SPDX-License-Identifier: MIT
#include <tests/unit/iommu/intel_bed.h>

#include <criterion/criterion.h>
#include <kernel/account.h>

struct intel_bed bed;

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
	bed.function = machine_function(0, 0, 3, 0, NULL);
	bed.neighbour = machine_function(0, 0, 4, 0, NULL);
	bed.vtd.cap = cap;
	bed.vtd.ecap = ecap;
	vtd_add(&bed.vtd);
}

void bed_start(void)
{
	const struct cordon_budget budget = {0};

	iommu_init();
	if (!list_empty(iommu_units()))
		bed.unit = list_first(iommu_units(), struct iommu_unit, link);
	cr_assert_eq(account_create(&budget, &bed.account), 0);
}

struct iommu_domain *bed_new_domain(void)
{
	struct iommu_domain *domain;

	cr_assert_eq(iommu_domain_create(bed.unit, bed.account, &domain), 0);
	bed.domains[bed.domain_count++ % ARRAY_SIZE(bed.domains)] = domain;
	return domain;
}

struct iommu_domain *bed_domain(void)
{
	struct iommu_domain *domain = bed_new_domain();

	cr_assert_eq(iommu_attach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	return domain;
}

int bed_map(struct iommu_domain *domain, uint64_t start, uint64_t base, uint64_t size,
            uint32_t flags)
{
	struct iommu_gather gather;
	int error, flushed;

	iommu_gather_init(&gather);
	error = iommu_map(domain, iova(start), paddr(base), size, flags, &gather);
	flushed = iommu_gather_flush(&gather);
	return error ? error : flushed;
}

int bed_unmap(struct iommu_domain *domain, uint64_t start, uint64_t size)
{
	struct iommu_gather gather;

	iommu_gather_init(&gather);
	iommu_unmap(domain, iova(start), size, &gather);
	return iommu_gather_flush(&gather);
}

int bed_write_index(size_t from, uint16_t offset, uint64_t mask, uint64_t value)
{
	for (size_t i = from; i < bed.vtd.write_count; i++) {
		if (bed.vtd.writes[i].offset == offset && (bed.vtd.writes[i].value & mask) == value)
			return (int)i;
	}
	return -1;
}

struct vtd_descriptor bed_last_descriptor(void)
{
	cr_assert_geq(bed.vtd.descriptor_count, 2);
	return bed.vtd.descriptors[bed.vtd.descriptor_count - 2];
}
