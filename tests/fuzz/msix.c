/* SPDX-License-Identifier: MIT */
/* Where the MSI-X structures are (7.7.2), as a device says it: no page that holds a byte of them is
 * in a mappable area (S7), and every page of the BAR that holds none is. */
#include <drivers/vfio/region.h>
#include <tests/fuzz/fuzz.h>

static bool touches(struct region_range range, uint64_t offset)
{
	return range.size && range.offset < offset + PAGE_SIZE &&
	       offset < range.offset + range.size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	uint64_t bar = PAGE_SIZE << fuzz_byte(&input) % 8;
	struct region_range ranges[2];
	struct cordon_region_area areas[CORDON_REGION_AREAS_MAX];
	uint32_t count;

	for (unsigned int i = 0; i < 2; i++) {
		ranges[i].offset = fuzz_number(&input, 3) % bar;
		ranges[i].size = fuzz_number(&input, 3) % (bar - ranges[i].offset + 1);
	}
	count = region_areas(bar, ranges[0], ranges[1], areas);
	FUZZ_CHECK(count <= CORDON_REGION_AREAS_MAX);
	for (uint64_t offset = 0; offset < bar; offset += PAGE_SIZE) {
		unsigned int found = 0;

		for (uint32_t i = 0; i < count; i++)
			found += offset >= areas[i].offset &&
			         offset - areas[i].offset < areas[i].size;
		FUZZ_CHECK(found == !(touches(ranges[0], offset) || touches(ranges[1], offset)));
	}
	for (uint32_t i = 0; i < count; i++)
		FUZZ_CHECK(is_aligned(areas[i].offset | areas[i].size, PAGE_SIZE) &&
		           areas[i].size <= bar - areas[i].offset);
	return 0;
}
