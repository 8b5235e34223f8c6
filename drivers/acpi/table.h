/* SPDX-License-Identifier: MIT */
/*
 * What the table parsers share: the common header, a cursor over bytes that cannot leave
 * them, and sums. Sections are of the ACPI specification 6.4.
 */
#ifndef DRIVERS_ACPI_TABLE_H
#define DRIVERS_ACPI_TABLE_H

#include <drivers/acpi/acpi.h>

/* 5.2.6 */
struct acpi_header {
	char signature[4];
	uint32_t length; /* of the whole table */
	uint8_t revision;
	uint8_t checksum; /* the sum of all bytes is zero */
	char oem_id[6];
	char oem_table_id[8];
	uint32_t oem_revision;
	char creator_id[4];
	uint32_t creator_revision;
} __attribute__((packed));
_Static_assert(sizeof(struct acpi_header) == 36, "table header, ACPI 5.2.6");

/* 5.2.3.2: a register or block of registers. */
struct acpi_address {
	uint8_t space;
	uint8_t bit_width;
	uint8_t bit_offset;
	uint8_t access_size;
	uint64_t address;
} __attribute__((packed));
_Static_assert(sizeof(struct acpi_address) == 12, "generic address, ACPI 5.2.3.2");

#define ACPI_SPACE_MEMORY 0
#define ACPI_SPACE_IO     1

/* Copies size bytes out of the cursor's front and moves it on. False, and nothing happens, when it
 * holds fewer. */
bool acpi_take(struct acpi_bytes *cursor, void *out, size_t size);

/* The same without copying: the bytes themselves. */
bool acpi_take_bytes(struct acpi_bytes *cursor, size_t size, struct acpi_bytes *out);

/* The sum of bytes modulo 256. */
uint8_t acpi_sum(struct acpi_bytes bytes);

/*
 * Checks signature, length and checksum of a table and gives what follows the header, cut to the
 * table's own length. Returns 0, or -EINVAL (the reason is logged).
 */
int acpi_open(struct acpi_bytes table, const char signature[4], struct acpi_bytes *body);

#endif
