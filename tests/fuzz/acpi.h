/* SPDX-License-Identifier: MIT */
/* ACPI tables out of fuzz input. */
#ifndef TESTS_FUZZ_ACPI_H
#define TESTS_FUZZ_ACPI_H

#include <drivers/acpi/table.h>
#include <tests/fuzz/fuzz.h>

/*
 * A table of just the size of the input. Unless the first byte of the input is odd, the header is
 * made right: a checksum cannot be guessed, and what lies behind it would not be reached. The
 * caller frees data.
 */
static inline struct acpi_bytes fuzz_table(const uint8_t *data, size_t size, const char *signature)
{
	struct acpi_header header;
	uint8_t *table;

	if (size == 0)
		return (struct acpi_bytes){fuzz_copy(data, 0), 0};
	table = fuzz_copy(data + 1, size - 1);
	size--;
	if (!(data[0] & 1) && size >= sizeof(header)) {
		memcpy(&header, table, sizeof(header));
		memcpy(header.signature, signature, sizeof(header.signature));
		header.length = (uint32_t)size;
		header.checksum = 0;
		memcpy(table, &header, sizeof(header));
		header.checksum = (uint8_t)-acpi_sum((struct acpi_bytes){table, size});
		memcpy(table, &header, sizeof(header));
	}
	return (struct acpi_bytes){table, size};
}

static inline void fuzz_table_free(struct acpi_bytes table)
{
	free((void *)(uintptr_t)table.data);
}

#endif
