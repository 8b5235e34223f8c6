/* SPDX-License-Identifier: MIT */
/* MCFG: the areas that are accepted share neither addresses nor buses. */
#include <tests/fuzz/acpi.h>

#define BUS_SIZE (UINT64_C(1) << 20)

static bool apart(uint64_t a_first, uint64_t a_last, uint64_t b_first, uint64_t b_last)
{
	return a_last < b_first || b_last < a_first;
}

static void check(const struct mcfg *mcfg)
{
	FUZZ_CHECK(mcfg->count > 0 && mcfg->count <= MCFG_AREAS_MAX);
	for (size_t i = 0; i < mcfg->count; i++) {
		const struct mcfg_area *a = &mcfg->areas[i];
		uint64_t first = a->base.raw + a->first_bus * BUS_SIZE;
		uint64_t last = a->base.raw + (a->last_bus + UINT64_C(1)) * BUS_SIZE - 1;

		FUZZ_CHECK(a->base.raw != 0 && a->first_bus <= a->last_bus && last > first);
		for (size_t j = 0; j < i; j++) {
			const struct mcfg_area *b = &mcfg->areas[j];

			FUZZ_CHECK(a->segment != b->segment ||
			           apart(a->first_bus, a->last_bus, b->first_bus, b->last_bus));
			FUZZ_CHECK(apart(first, last, b->base.raw + b->first_bus * BUS_SIZE,
			                 b->base.raw + (b->last_bus + UINT64_C(1)) * BUS_SIZE - 1));
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct acpi_bytes table = fuzz_table(data, size, "MCFG");
	struct mcfg mcfg;

	if (mcfg_parse(table, &mcfg) == 0)
		check(&mcfg);
	fuzz_table_free(table);
	return 0;
}
