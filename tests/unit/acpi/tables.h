/* SPDX-License-Identifier: MIT */
/* Tables in memory that ends exactly where they end, so that a read beyond is caught. */
#ifndef TESTS_UNIT_ACPI_TABLES_H
#define TESTS_UNIT_ACPI_TABLES_H

#include <criterion/criterion.h>
#include <drivers/acpi/acpi.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_LENGTH_AT   4
#define TABLE_CHECKSUM_AT 9
#define TABLE_HEADER_SIZE 36

/* A copy on the heap; the caller frees data. */
static inline struct acpi_bytes table_copy(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	cr_assert_not_null(copy);
	memcpy(copy, data, size);
	return (struct acpi_bytes){copy, size};
}

static inline uint8_t *table_data(struct acpi_bytes table)
{
	return (uint8_t *)(uintptr_t)table.data;
}

static inline void table_free(struct acpi_bytes table)
{
	free(table_data(table));
}

/* Writes the checksum that makes the table's own length sum to zero. */
static inline void table_sign(struct acpi_bytes table)
{
	uint8_t *data = table_data(table), sum = 0;

	if (table.size <= TABLE_CHECKSUM_AT)
		return;
	data[TABLE_CHECKSUM_AT] = 0;
	for (size_t i = 0; i < table.size; i++)
		sum = (uint8_t)(sum + data[i]);
	data[TABLE_CHECKSUM_AT] = (uint8_t)-sum;
}

/* Makes the header say what the size is, and signs. */
static inline void table_fit(struct acpi_bytes table)
{
	uint32_t length = (uint32_t)table.size;

	if (table.size < TABLE_HEADER_SIZE)
		return;
	memcpy(table_data(table) + TABLE_LENGTH_AT, &length, sizeof(length));
	table_sign(table);
}

/* A new table of a signature with a body. */
static inline struct acpi_bytes table_make(const char *signature, const void *body, size_t size)
{
	uint8_t *data = calloc(1, TABLE_HEADER_SIZE + size);
	struct acpi_bytes table = {data, TABLE_HEADER_SIZE + size};

	cr_assert_not_null(data);
	memcpy(data, signature, 4);
	memcpy(data + TABLE_HEADER_SIZE, body, size);
	table_fit(table);
	return table;
}

/*
 * Calls a check for every truncation and every single flipped bit of a table, with the checksum
 * made right again. offset: the first byte that is missing or the one that was changed.
 */
typedef void (*table_check_t)(struct acpi_bytes table, size_t offset);

static inline void table_each_truncation(const uint8_t *data, size_t size, table_check_t check)
{
	for (size_t length = 0; length < size; length++) {
		struct acpi_bytes table = table_copy(data, length);

		/* As it is: the header promises more than there is. */
		check(table, length);
		table_fit(table);
		check(table, length);
		table_free(table);
	}
}

static inline void table_each_flip(const uint8_t *data, size_t size, table_check_t check)
{
	for (size_t bit = 0; bit < size * 8; bit++) {
		struct acpi_bytes table = table_copy(data, size);

		table_data(table)[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (bit / 8 != TABLE_CHECKSUM_AT)
			table_sign(table);
		check(table, bit / 8);
		table_free(table);
	}
}

#endif
