/* SPDX-License-Identifier: MIT */
/* Which unit covers which function, and which functions need identity maps (8.3, 8.4). */
#include <drivers/iommu/intel/intel.h>

#define LOG_TAG "vt-d"
#include <kernel/log.h>

static const char reason_region[] = "needs a firmware identity map (RMRR)";

static struct pci_function *function_of(uint16_t segment, const struct dmar_scope *scope)
{
	uint8_t path[DMAR_PATH_MAX][2];

	for (size_t i = 0; i < scope->path_length; i++) {
		path[i][0] = scope->path[i].device;
		path[i][1] = scope->path[i].function;
	}
	return pci_find_path(segment, scope->start_bus, (const uint8_t(*)[2])path,
	                     scope->path_length);
}

static bool is_below(const struct pci_function *function, const struct pci_function *top)
{
	for (; function; function = function->parent) {
		if (function == top)
			return true;
	}
	return false;
}

/* Calls apply for every function that a scope names: one, or a bridge and all below it. Firmware
 * may name functions that are not there. */
static void scope_for_each(uint16_t segment, const struct dmar_scope *scope,
                           void (*apply)(struct pci_function *function, void *context),
                           void *context)
{
	struct pci_function *top, *function;

	if (scope->type != DMAR_SCOPE_ENDPOINT && scope->type != DMAR_SCOPE_BRIDGE)
		return;
	top = function_of(segment, scope);
	if (!top)
		return;
	if (scope->type == DMAR_SCOPE_ENDPOINT) {
		apply(top, context);
		return;
	}
	list_for_each(function, pci_functions(), link)
	{
		if (is_below(function, top))
			apply(function, context);
	}
}

static void cover(struct pci_function *function, void *unit)
{
	iommu_cover(function, unit);
}

static void refuse(struct pci_function *function, void *context)
{
	(void)context;
	iommu_refuse(function, reason_region);
}

/* The I/O APIC's requests carry the id that the path names, whether or not a function is there. */
static void add_ioapic(const struct dmar_scope *scope, struct iommu_unit *unit)
{
	size_t last = scope->path_length - 1u;
	uint8_t bus = scope->start_bus;

	if (last > 0) {
		const struct pci_function *function = function_of(unit->segment, scope);

		if (!function) {
			log_warn("I/O APIC %u lies at a path that leads nowhere",
			         scope->enumeration_id);
			return;
		}
		bus = (uint8_t)(function->bdf >> 8);
	}
	iommu_ioapic_add(
	        scope->enumeration_id, unit,
	        rid(bus, (uint8_t)(scope->path[last].device << 3 | scope->path[last].function)));
}

static void cover_rest(uint16_t segment, struct iommu_unit *unit)
{
	struct pci_function *function;

	list_for_each(function, pci_functions(), link)
	{
		if (function->bdf >> 16 == segment && !function->iommu)
			iommu_cover(function, unit);
	}
}

void intel_scopes_resolve(const struct dmar *dmar, struct intel_unit *const *units)
{
	for (size_t i = 0; i < dmar->unit_count; i++) {
		const struct dmar_unit *unit = &dmar->units[i];

		for (size_t j = 0; j < unit->scope_count; j++) {
			scope_for_each(unit->segment, &unit->scopes[j], cover, &units[i]->unit);
			if (unit->scopes[j].type == DMAR_SCOPE_IOAPIC &&
			    unit->scopes[j].path_length > 0)
				add_ioapic(&unit->scopes[j], &units[i]->unit);
		}
	}
	/* INCLUDE_PCI_ALL means all that no other unit of the segment covers. */
	for (size_t i = 0; i < dmar->unit_count; i++) {
		if (dmar->units[i].include_all)
			cover_rest(dmar->units[i].segment, &units[i]->unit);
	}
	for (size_t i = 0; i < dmar->region_count; i++) {
		const struct dmar_region *region = &dmar->regions[i];

		for (size_t j = 0; j < region->scope_count; j++)
			scope_for_each(region->segment, &region->scopes[j], refuse, NULL);
	}
}
