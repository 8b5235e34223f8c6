// SPDX-License-Identifier: MIT
/* Which functions and I/O APICs a VT-d unit covers. */
#include <criterion/criterion.h>
#include <tests/unit/iommu/intel_bed.h>

#include <cordon/errno.h>
#include <string.h>

static void scope_set(struct dmar_scope *scope, uint8_t type, uint8_t bus, uint8_t device,
                      uint8_t function)
{
	*scope = (struct dmar_scope){.type = type, .start_bus = bus, .path_length = 1};
	scope->path[0].device = device;
	scope->path[0].function = function;
}

Test(scopes, bridge_covers_what_is_below_and_nothing_beside)
{
	bed_prepare(VTD_CAP_39, VTD_ECAP);
	struct pci_function *bridge = machine_function(0, 0, 5, 0, NULL);
	bridge->header_type = 1;
	bridge->secondary = 1;
	struct pci_function *inner = machine_function(0, 1, 0, 0, bridge);
	inner->secondary = 2;
	struct pci_function *leaf = machine_function(0, 2, 0, 0, inner);
	struct pci_function *beside = machine_function(0, 0, 6, 0, NULL);
	scope_set(&machine_dmar.units[0].scopes[machine_dmar.units[0].scope_count++],
	          DMAR_SCOPE_BRIDGE, 0, 5, 0);
	bed_start();
	cr_expect_eq(bridge->iommu, bed.unit);
	cr_expect_eq(inner->iommu, bed.unit);
	cr_expect_eq(leaf->iommu, bed.unit);
	cr_expect_null(beside->iommu);
	cr_expect_str_eq(beside->refused, "no IOMMU covers it");
}

Test(scopes, endpoint_scope_covers_one_function)
{
	bed_prepare(VTD_CAP_39, VTD_ECAP);
	struct pci_function *second = machine_function(0, 0, 3, 1, NULL);
	bed_start();
	cr_expect_eq(bed.function->iommu, bed.unit);
	cr_expect_null(second->iommu);
}

Test(scopes, path_of_several_steps)
{
	bed_prepare(VTD_CAP_39, VTD_ECAP);
	struct pci_function *bridge = machine_function(0, 0, 5, 0, NULL);
	bridge->secondary = 9;
	struct pci_function *leaf = machine_function(0, 9, 2, 1, bridge);
	struct dmar_scope *scope =
	        &machine_dmar.units[0].scopes[machine_dmar.units[0].scope_count++];
	scope_set(scope, DMAR_SCOPE_ENDPOINT, 0, 5, 0);
	scope->path_length = 2;
	scope->path[1].device = 2;
	scope->path[1].function = 1;
	bed_start();
	cr_expect_eq(leaf->iommu, bed.unit);
	cr_expect_null(bridge->iommu);
}

Test(scopes, include_all_covers_the_rest_of_its_segment)
{
	bed_prepare(VTD_CAP_39, VTD_ECAP);
	struct pci_function *rest = machine_function(0, 0, 9, 0, NULL);
	struct pci_function *elsewhere = machine_function(1, 0, 9, 0, NULL);
	machine_dmar.units[0].include_all = true;
	bed_start();
	cr_expect_eq(rest->iommu, bed.unit);
	cr_expect_null(rest->refused);
	cr_expect_null(elsewhere->iommu);
	cr_expect_not_null(elsewhere->refused);
}

Test(scopes, function_that_firmware_maps_is_refused)
{
	bed_prepare(VTD_CAP_39, VTD_ECAP);
	machine_dmar.region_count = 1;
	machine_dmar.regions[0].scope_count = 1;
	scope_set(&machine_dmar.regions[0].scopes[0], DMAR_SCOPE_ENDPOINT, 0, 3, 0);
	bed_start();
	cr_expect_str_eq(bed.function->refused, "needs a firmware identity map (RMRR)");
	cr_expect_null(bed.neighbour->refused);
}

Test(scopes, earlier_refusal_stays)
{
	bed_prepare(VTD_CAP_39, VTD_ECAP);
	bed.function->refused = "for another reason";
	machine_has_dmar = false;
	bed_start();
	cr_expect_str_eq(bed.function->refused, "for another reason");
}

Test(scopes, function_claimed_by_two_units_is_refused)
{
	bed_prepare(VTD_CAP_39, VTD_ECAP);
	machine_dmar.unit_count = 2;
	machine_dmar.units[1].registers = paddr(UINT64_C(0xfeda0000));
	machine_dmar.units[1].scope_count = 1;
	scope_set(&machine_dmar.units[1].scopes[0], DMAR_SCOPE_ENDPOINT, 0, 3, 0);
	bed_start();
	cr_expect_not_null(bed.function->refused);
	cr_expect_null(bed.neighbour->refused);
	/* The second unit has no registers behind it: only its own functions suffer. */
	cr_expect(iommu_usable(NULL));
	struct cordon_iommu_desc desc;
	cr_assert(iommu_describe(1, &desc));
	cr_expect_eq(desc.usable, 0);
	cr_expect_not(iommu_describe(2, &desc));
}

Test(scopes, ioapic_and_its_source)
{
	struct iommu_unit *unit;
	rid_t source;

	bed_prepare(VTD_CAP_39, VTD_ECAP);
	bed_start();
	cr_assert_eq(iommu_ioapic_source(BED_IOAPIC_ID, &unit, &source), 0);
	cr_expect_eq(unit, bed.unit);
	cr_expect_eq(source.raw, BED_IOAPIC_SOURCE);
	cr_expect_eq(iommu_ioapic_source(9, &unit, &source), -ENOENT);
}

Test(scopes, registers_are_never_a_target)
{
	bed_prepare(VTD_CAP_39, VTD_ECAP);
	bed_start();
	cr_expect(iommu_overlaps_registers(VTD_BASE, 1));
	cr_expect(iommu_overlaps_registers(VTD_BASE + 4095, 1));
	cr_expect(iommu_overlaps_registers(VTD_BASE - 1, 2));
	cr_expect(iommu_overlaps_registers(0, UINT64_MAX));
	cr_expect_not(iommu_overlaps_registers(VTD_BASE - 1, 1));
	cr_expect_not(iommu_overlaps_registers(VTD_BASE + 4096, UINT64_MAX - VTD_BASE - 4096));
}
