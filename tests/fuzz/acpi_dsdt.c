/* SPDX-License-Identifier: MIT */
/* The sleep type of \_S5 fits the register's three bits. */
#include <tests/fuzz/acpi.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct acpi_bytes table = fuzz_table(data, size, "DSDT");
	uint8_t type = 0xff;

	FUZZ_CHECK(dsdt_find_s5(table, &type) == (type <= 7));
	fuzz_table_free(table);
	return 0;
}
