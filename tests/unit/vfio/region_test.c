/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <drivers/vfio/region.h>
#include <drivers/vfio/vfio.h>
#include <tests/unit/vfio/world.h>

#define PAGE CORDON_PAGE_SIZE

static const struct region_range none;

static struct region_range range(uint64_t offset, uint64_t size)
{
	return (struct region_range){offset, size};
}

static bool touches(uint64_t page, struct region_range what)
{
	return what.size && page < what.offset + what.size && what.offset < page + PAGE;
}

/* Every page is in an area exactly when it touches neither range. */
static void assert_areas(uint64_t size, struct region_range table, struct region_range pending)
{
	struct cordon_region_area areas[CORDON_REGION_AREAS_MAX];
	uint32_t count = region_areas(size, table, pending, areas);

	for (uint64_t page = 0; page < size; page += PAGE) {
		unsigned int in = 0;

		for (uint32_t i = 0; i < count; i++) {
			cr_assert(areas[i].size && areas[i].size % PAGE == 0);
			cr_assert_eq(areas[i].offset % PAGE, 0u);
			cr_assert_leq(areas[i].offset + areas[i].size, size);
			in += page >= areas[i].offset && page < areas[i].offset + areas[i].size;
		}
		cr_assert_eq(in, !touches(page, table) && !touches(page, pending),
		             "page 0x%llx of 0x%llx, table 0x%llx+0x%llx, pending 0x%llx+0x%llx",
		             (unsigned long long)page, (unsigned long long)size,
		             (unsigned long long)table.offset, (unsigned long long)table.size,
		             (unsigned long long)pending.offset, (unsigned long long)pending.size);
	}
}

Test(vfio_region, areas_leave_out_exactly_the_pages_of_the_msix_structures)
{
	assert_areas(PAGE, none, none);
	assert_areas(16 * PAGE, none, none);
	assert_areas(PAGE, range(0, 16), none);
	assert_areas(4 * PAGE, range(2 * PAGE, 0x410), range(3 * PAGE, 16));
	for (uint64_t table = 0; table < 8 * PAGE; table += PAGE / 2)
		for (uint64_t table_size = 16; table_size <= 2 * PAGE; table_size += PAGE - 16)
			for (uint64_t pending = 0; pending < 8 * PAGE; pending += PAGE / 2)
				for (uint64_t size = 8; size <= PAGE; size *= 8)
					assert_areas(8 * PAGE, range(table, table_size),
					             range(pending, size));
}

Test(vfio_region, a_structure_outside_the_bar_takes_nothing_away)
{
	assert_areas(4 * PAGE, range(16 * PAGE, 64), range(UINT64_C(0xfffff000), 64));
}

/* --- small BARs ------------------------------------------------------------------------------ */

static struct pci_function *owner, *neighbour;

static void start(void)
{
	owner = world_function(3, &world_units[0]);
	neighbour = world_function(4, &world_units[0]);
	owner->bars[0] = (struct pci_bar){
	        .kind = PCI_BAR_MEMORY32, .base = 0xe0800000, .size = 0x100};
}

TestSuite(vfio_small_bar, .init = start);

static uint32_t owner_areas(void)
{
	static const struct region_msix no_msix;
	struct region_bar bars[REGION_BARS];

	region_init(owner, &no_msix, bars);
	return bars[0].area_count;
}

Test(vfio_small_bar, alone_in_its_page_it_is_mapped_as_a_page)
{
	static const struct region_msix no_msix;
	struct region_bar bars[REGION_BARS];
	struct cordon_region_info info;

	region_init(owner, &no_msix, bars);
	region_describe(&bars[0], &info);
	cr_assert_eq(info.size, 0x100u);
	cr_assert_eq(info.area_count, 1u);
	cr_assert_eq(info.areas[0].size, PAGE);
	cr_assert(region_mappable(&bars[0], 0, PAGE));
	cr_assert_not(region_mappable(&bars[0], 0, 2 * PAGE));
}

Test(vfio_small_bar, not_with_anothers_bar_in_the_page)
{
	neighbour->bars[2] = (struct pci_bar){
	        .kind = PCI_BAR_MEMORY32, .base = 0xe0800800, .size = 0x100};
	cr_assert_eq(owner_areas(), 0u);
	neighbour->bars[2].base = 0xe0401000;
	cr_assert_eq(owner_areas(), 1u);
	neighbour->bars[2].kind = PCI_BAR_IO;
	neighbour->bars[2].base = 0xe0800000;
	cr_assert_eq(owner_areas(), 1u, "ports are elsewhere");
}

Test(vfio_small_bar, not_with_a_rom_or_a_bar_of_its_own_in_the_page)
{
	neighbour->rom = (struct pci_bar){.base = 0xe0800800, .size = 0x800};
	cr_assert_eq(owner_areas(), 0u);
	neighbour->rom.size = 0;
	cr_assert_eq(owner_areas(), 1u);
	owner->bars[3] = (struct pci_bar){
	        .kind = PCI_BAR_MEMORY64, .base = 0xe0800100, .size = 0x100};
	cr_assert_eq(owner_areas(), 0u);
}

Test(vfio_small_bar, not_when_it_does_not_begin_its_page)
{
	owner->bars[0].base = 0xe0800100;
	cr_assert_eq(owner_areas(), 0u);
}

Test(vfio_small_bar, not_with_registers_of_the_platform_in_the_page)
{
	owner->bars[0].base = 0xfd000000;
	cr_assert_eq(owner_areas(), 0u);
}

Test(vfio_small_bar, not_when_the_page_has_the_msix_table)
{
	const struct region_msix msix = {.vectors = 1, .table = {0x80, 16}, .pending_bar = 1};
	struct region_bar bars[REGION_BARS];

	region_init(owner, &msix, bars);
	cr_assert_eq(bars[0].area_count, 0u);
}

/* --- where a BAR may be ---------------------------------------------------------------------- */

Test(vfio_region, bars_over_anything_else_are_refused)
{
	const struct {
		uint64_t base, size;
		const char *reason;
	} cases[] = {
	        {0xe0000000, 0x1000, NULL},
	        {0, 0x1000, "a BAR could not be given a place"},
	        {0x40000000, 0x1000, "a BAR overlaps RAM"},
	        {0x7ffff000, 0x2000, "a BAR overlaps RAM"},
	        {UINT64_C(0x180000000), 0x1000, "a BAR overlaps RAM"},
	        {0xb0000000, 0x1000, "a BAR overlaps PCI config space"},
	        {0xfd000000, 0x1000, "a BAR overlaps registers of an IOMMU"},
	        {0xfc000000, 0x2000000, "a BAR overlaps registers of an IOMMU"},
	        {0xfec00000, 0x1000, "a BAR overlaps interrupt controllers"},
	        {0xfee00000, 0x10, "a BAR overlaps interrupt controllers"},
	        {0xfeeff000, 0x1000, "a BAR overlaps interrupt controllers"},
	        {0xfef00000, 0x1000, NULL},
	        {0xfe000000, 0x1000000, "a BAR overlaps interrupt controllers"},
	        {UINT64_MAX - 0xfff, 0x2000, "a BAR wraps around the address space"},
	        {UINT64_C(0x8000000000), UINT64_C(0x100000000), NULL},
	};
	struct pci_function function = {0};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *reason;

		function.bars[2] = (struct pci_bar){
		        .kind = PCI_BAR_MEMORY64, .base = cases[i].base, .size = cases[i].size};
		reason = region_refusal(&function);
		if (cases[i].reason)
			cr_assert_str_eq(reason, cases[i].reason, "case %zu", i);
		else
			cr_assert_null(reason, "case %zu: %s", i, reason);
	}
}

Test(vfio_region, msix_structures_are_read_from_the_capability)
{
	struct pci_function *function = world_function(3, &world_units[0]);
	struct region_msix msix;

	region_msix_read(function, &msix);
	cr_assert_eq(msix.vectors, 0u);
	function->caps.msix = 0x60;
	pci_write16(function, 0x62, 64); /* 65 vectors */
	pci_write32(function, 0x64, 0x2000 | 4);
	pci_write32(function, 0x68, 0x3008 | 2);
	region_msix_read(function, &msix);
	cr_assert_eq(msix.vectors, 65u);
	cr_assert_eq(msix.table_bar, 4u);
	cr_assert_eq(msix.table.offset, 0x2000u);
	cr_assert_eq(msix.table.size, 65u * 16);
	cr_assert_eq(msix.pending_bar, 2u);
	cr_assert_eq(msix.pending.offset, 0x3008u);
	cr_assert_eq(msix.pending.size, 16u);
}
