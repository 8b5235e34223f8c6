// SPDX-License-Identifier: MIT
#include <tests/unit/iommu/amd_bed.h>

#include <criterion/criterion.h>
#include <kernel/account.h>
#include <string.h>

struct amd_bed bed;

static void config_write(const struct pci_function *function, uint32_t offset, uint32_t value)
{
	memcpy(machine_config(function) + offset, &value, sizeof(value));
}

/* A capability list: the unit's own at 0x40, then MSI with 64-bit addresses (3.2). */
static void make_config(bool caches_absent)
{
	config_write(bed.unit_function, 0x04, 0x00100000);
	config_write(bed.unit_function, 0x34, 0x40);
	config_write(bed.unit_function, 0x40, 0x080b000f | BED_MSI << 8 | caches_absent << 26);
	config_write(bed.unit_function, BED_MSI, 0x00860005);
}

void bed_prepare(uint64_t features, unsigned int kind)
{
	struct ivrs_unit *unit = &machine_ivrs.units[0];

	machine_has_ivrs = true;
	machine_ivrs.physical_bits = 48;
	machine_ivrs.unit_count = 1;
	bed.description = unit;
	unit->type = 0x11;
	unit->flags = kind & BED_COHERENT ? 0x20 : 0;
	unit->device_id = BED_UNIT;
	unit->capability = 0x40;
	unit->registers = paddr(AMDVI_BASE);
	unit->devices[0] = (struct ivrs_devices){.first = BED_SOURCE, .last = BED_SOURCE};
	unit->devices[1] = (struct ivrs_devices){.first = BED_NEIGHBOUR, .last = 0xff};
	unit->device_count = 2;
	unit->specials[0] = (struct ivrs_special){IVRS_IOAPIC, BED_IOAPIC_ID, BED_IOAPIC};
	unit->specials[1] = (struct ivrs_special){IVRS_HPET, 0, BED_IOAPIC + 1};
	unit->special_count = 2;
	bed.unit_function = machine_function(0, 0, 0, 2, NULL);
	bed.unit_function->vendor = 0x1022;
	bed.unit_function->device = 0x1451;
	bed.function = machine_function(0, 0, 3, 0, NULL);
	bed.neighbour = machine_function(0, 0, 4, 0, NULL);
	make_config(!(kind & BED_NO_ABSENT));
	bed.amdvi.features = features;
	bed.amdvi.coherent = kind & BED_COHERENT;
	bed.amdvi.np_cache = !(kind & BED_NO_ABSENT);
	amdvi_add(&bed.amdvi);
}

void bed_emulated_early(void)
{
	bed.description->type = 0x10;
	bed.description->features = 0x44;
	bed.unit_function->device = BED_UNIT;
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
	for (size_t i = from; i < bed.amdvi.write_count; i++) {
		if (bed.amdvi.writes[i].offset == offset &&
		    (bed.amdvi.writes[i].value & mask) == value)
			return (int)i;
	}
	return -1;
}

struct amdvi_command bed_command(size_t count)
{
	cr_assert_gt(bed.amdvi.command_count, count);
	return bed.amdvi.commands[(bed.amdvi.command_count - 1 - count) % AMDVI_LOG_SIZE];
}
