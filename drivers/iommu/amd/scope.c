/* SPDX-License-Identifier: MIT */
/* Which unit covers which function, and which functions must not be handed out (5.2.2). */
#include <drivers/iommu/amd/amd.h>

static const char reason_region[] = "needs a firmware identity map (IVMD)";
static const char reason_alias[] = "the IVRS table gives it another requester id than the bus";
static const char reason_bridge[] = "QEMU 7.2's AMD-Vi takes a wrong requester id behind bridges";

bool amd_names_ioapic(const struct ivrs *ivrs)
{
	for (size_t i = 0; i < ivrs->unit_count; i++) {
		for (size_t j = 0; j < ivrs->units[i].special_count; j++) {
			if (ivrs->units[i].specials[j].variety == IVRS_IOAPIC)
				return true;
		}
	}
	return false;
}

/* Calls apply for every function of a segment with an id from first to last. */
static void range_for_each(uint16_t segment, uint16_t first, uint16_t last,
                           void (*apply)(struct pci_function *function, const void *context),
                           const void *context)
{
	struct pci_function *function;

	list_for_each(function, pci_functions(), link)
	{
		uint16_t id = (uint16_t)function->bdf;

		if (function->bdf >> 16 == segment && id >= first && id <= last)
			apply(function, context);
	}
}

struct coverage {
	struct amd_unit *unit;
	const struct ivrs_devices *devices;
};

static void cover(struct pci_function *function, const void *context)
{
	const struct coverage *coverage = context;
	const struct ivrs_devices *devices = coverage->devices;

	iommu_cover(function, &coverage->unit->unit);
	/* The device table is asked with the id that arrives. Groups were made from the bus: where
	 * firmware knows better, they are wrong. */
	if (devices->aliased && devices->alias != function->requester.raw)
		iommu_refuse(function, reason_alias);
	/* It takes the bus number that the bridge had before anyone numbered it. */
	if (coverage->unit->emulated_early && function->parent)
		iommu_refuse(function, reason_bridge);
}

static void refuse(struct pci_function *function, const void *context)
{
	(void)context;
	iommu_refuse(function, reason_region);
}

static void resolve_unit(const struct ivrs_unit *description, struct amd_unit *unit)
{
	for (size_t i = 0; i < description->device_count; i++) {
		const struct ivrs_devices *devices = &description->devices[i];
		const struct coverage coverage = {unit, devices};

		/* QEMU writes "all devices" when it found none that the unit translates for. */
		if ((unit->emulated_early || unit->emulated) && devices->first == 0 &&
		    devices->last == UINT16_MAX)
			continue;
		range_for_each(description->segment, devices->first, devices->last, cover,
		               &coverage);
	}
	/* HPETs are not used: their device table entry refuses what they send. */
	for (size_t i = 0; i < description->special_count; i++) {
		const struct ivrs_special *special = &description->specials[i];

		if (special->variety == IVRS_IOAPIC)
			iommu_ioapic_add(special->handle, &unit->unit, (rid_t){special->device_id});
	}
}

void amd_scopes_resolve(const struct ivrs *ivrs, struct amd_unit *const *units)
{
	for (size_t i = 0; i < ivrs->unit_count; i++)
		resolve_unit(&ivrs->units[i], units[i]);
	/* The table does not say of which segment a region's devices are: of all. */
	for (size_t i = 0; i < ivrs->region_count; i++) {
		const struct ivrs_region *region = &ivrs->regions[i];

		for (size_t j = 0; j < ivrs->unit_count; j++)
			range_for_each(ivrs->units[j].segment, region->first, region->last, refuse,
			               NULL);
	}
}
