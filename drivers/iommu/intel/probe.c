/* SPDX-License-Identifier: MIT */
/* From the DMAR table to units. */
#include <drivers/iommu/intel/intel.h>

#include <cordon/errno.h>
#include <kernel/heap.h>

#define LOG_TAG "vt-d"
#include <kernel/log.h>

/* Returns NULL, or why not all units could be made known. */
static const char *identify_units(const struct dmar *dmar, struct intel_unit **units)
{
	for (size_t i = 0; i < dmar->unit_count; i++) {
		struct intel_unit *unit = heap_alloc(sizeof(*unit));

		if (!unit)
			return "out of memory for the units of the DMAR table";
		unit->unit.registers = dmar->units[i].registers;
		unit->unit.segment = dmar->units[i].segment;
		format_text(unit->unit.name, sizeof(unit->unit.name), "VT-d unit %zu", i);
		intel_unit_identify(unit, dmar);
		iommu_unit_add(&unit->unit);
		units[i] = unit;
	}
	return NULL;
}

/* The same, and brings up all that were. */
static const char *add_units(const struct dmar *dmar, struct intel_unit **units)
{
	const char *failed = identify_units(dmar, units);

	iommu_remap_agree();
	for (size_t i = 0; i < DMAR_UNITS_MAX && units[i]; i++)
		intel_unit_start(units[i], dmar);
	return failed;
}

/* Returns NULL, or what is wrong with the table. */
static const char *parse(struct acpi_bytes table, struct dmar *dmar)
{
	int error = dmar_parse(table, dmar);

	if (error == -E2BIG)
		return "the DMAR table names more than there is room for";
	if (error)
		return "the DMAR table is malformed";
	return dmar->unit_count == 0 ? "the DMAR table names no unit" : NULL;
}

static bool intel_probe(const char **why)
{
	struct intel_unit *units[DMAR_UNITS_MAX] = {NULL};
	struct acpi_bytes table;
	struct dmar *dmar;
	const char *failed;

	if (!acpi_find("DMAR", 0, &table))
		return false;
	dmar = heap_alloc(sizeof(*dmar));
	if (!dmar) {
		*why = "out of memory for the DMAR table";
		return true;
	}
	failed = parse(table, dmar);
	if (failed)
		goto out;
	/* An opt-in to DMA protection asks for what is done anyway. */
	if (dmar->x2apic_opt_out || dmar->dma_opt_in)
		log_info("firmware%s%s", dmar->x2apic_opt_out ? " opts out of x2APIC" : "",
		         dmar->dma_opt_in ? " asks for DMA protection" : "");
	failed = add_units(dmar, units);
	/* Half a table is no protection: without all units nothing is covered. */
	if (!failed)
		intel_scopes_resolve(dmar, units);
out:
	heap_free(dmar);
	if (failed)
		*why = failed;
	return true;
}

const struct iommu_backend intel_iommu_backend = {.probe = intel_probe};
