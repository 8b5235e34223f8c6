/* SPDX-License-Identifier: MIT */
/* From the IVRS table to units. */
#include <drivers/iommu/amd/amd.h>

#include <cordon/errno.h>
#include <kernel/heap.h>

#define LOG_TAG "amd-vi"
#include <kernel/log.h>

/* Returns NULL, or why not all units could be made known. */
static const char *identify_units(const struct ivrs *ivrs, struct amd_unit **units, bool remapping)
{
	for (size_t i = 0; i < ivrs->unit_count; i++) {
		struct amd_unit *unit = heap_alloc(sizeof(*unit));

		if (!unit)
			return "out of memory for the units of the IVRS table";
		unit->unit.registers = ivrs->units[i].registers;
		unit->unit.segment = ivrs->units[i].segment;
		unit->description = &ivrs->units[i];
		format_text(unit->unit.name, sizeof(unit->unit.name), "AMD-Vi unit %zu", i);
		amd_unit_identify(unit, remapping);
		iommu_unit_add(&unit->unit);
		units[i] = unit;
	}
	return NULL;
}

/* The same, and brings up all that were. */
static const char *add_units(const struct ivrs *ivrs, struct amd_unit **units)
{
	bool remapping = amd_names_ioapic(ivrs);
	const char *failed = identify_units(ivrs, units, remapping);

	iommu_remap_agree();
	for (size_t i = 0; i < IVRS_UNITS_MAX && units[i]; i++)
		amd_unit_start(units[i], ivrs, remapping);
	return failed;
}

/* An emulated unit translates for a function only once the function's entry was invalidated by
 * name; until then its requests pass, although the entry permits nothing. Nobody masters the bus
 * yet. */
static void show_entries(struct amd_unit *unit)
{
	struct pci_function *function;

	spin_lock(&unit->unit.lock);
	list_for_each(function, pci_functions(), link)
	{
		if (function->iommu == &unit->unit)
			(void)amd_flush_device(unit, (rid_t){(uint16_t)function->bdf});
	}
	spin_unlock(&unit->unit.lock);
}

static bool amd_probe(const char **why)
{
	struct amd_unit *units[IVRS_UNITS_MAX] = {NULL};
	struct acpi_bytes table;
	struct ivrs *ivrs;
	const char *failed = NULL;
	int error;

	if (!acpi_find("IVRS", 0, &table))
		return false;
	ivrs = heap_alloc(sizeof(*ivrs));
	if (!ivrs) {
		*why = "out of memory for the IVRS table";
		return true;
	}
	error = ivrs_parse(table, ivrs);
	if (error)
		failed = error == -E2BIG ? "the IVRS table names more than there is room for"
		                         : "the IVRS table is malformed";
	if (!failed)
		failed = add_units(ivrs, units);
	/* Half a table is no protection: without all units nothing is covered. */
	if (!failed)
		amd_scopes_resolve(ivrs, units);
	for (size_t i = 0; i < IVRS_UNITS_MAX && units[i]; i++) {
		units[i]->description = NULL;
		if (units[i]->emulated && units[i]->unit.translation)
			show_entries(units[i]);
	}
	heap_free(ivrs);
	if (failed)
		*why = failed;
	return true;
}

const struct iommu_backend amd_iommu_backend = {.probe = amd_probe};
