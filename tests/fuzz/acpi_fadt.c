/* SPDX-License-Identifier: MIT */
/* FADT: a port that is accepted is a port. */
#include <tests/fuzz/acpi.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct acpi_bytes table = fuzz_table(data, size, "FACP");
	struct fadt fadt;

	if (fadt_parse(table, &fadt) == 0) {
		FUZZ_CHECK(fadt.pm_timer_port <= 0xffff);
		FUZZ_CHECK(fadt.pm1a_control <= 0xffff && fadt.pm1b_control <= 0xffff);
		FUZZ_CHECK(fadt.pm_timer_port || !fadt.pm_timer_32bit);
	}
	fuzz_table_free(table);
	return 0;
}
