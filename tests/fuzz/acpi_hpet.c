/* SPDX-License-Identifier: MIT */
/* HPET: a base that is accepted is there and aligned. */
#include <tests/fuzz/acpi.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct acpi_bytes table = fuzz_table(data, size, "HPET");
	paddr_t base = {0};

	if (hpet_parse(table, &base) == 0)
		FUZZ_CHECK(base.raw != 0);
	fuzz_table_free(table);
	return 0;
}
