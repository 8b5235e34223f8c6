/* SPDX-License-Identifier: MIT */
/* The common part of all table parsers. */
#include <cordon/errno.h>
#include <drivers/acpi/table.h>
#include <kernel/string.h>

#define LOG_TAG "acpi"
#include <kernel/log.h>

bool acpi_take_bytes(struct acpi_bytes *cursor, size_t size, struct acpi_bytes *out)
{
	if (size > cursor->size)
		return false;
	out->data = cursor->data;
	out->size = size;
	cursor->data += size;
	cursor->size -= size;
	return true;
}

bool acpi_take(struct acpi_bytes *cursor, void *out, size_t size)
{
	struct acpi_bytes bytes;

	if (!acpi_take_bytes(cursor, size, &bytes))
		return false;
	memcpy(out, bytes.data, size);
	return true;
}

uint8_t acpi_sum(struct acpi_bytes bytes)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < bytes.size; i++)
		sum = (uint8_t)(sum + bytes.data[i]);
	return sum;
}

int acpi_open(struct acpi_bytes table, const char signature[4], struct acpi_bytes *body)
{
	struct acpi_bytes cursor = table, whole;
	struct acpi_header header;

	if (!acpi_take(&cursor, &header, sizeof(header))) {
		log_warn("%.4s: shorter than a table header", signature);
		return -EINVAL;
	}
	if (memcmp(header.signature, signature, sizeof(header.signature)) != 0) {
		log_warn("%.4s: wrong signature", signature);
		return -EINVAL;
	}
	if (header.length < sizeof(header) || header.length > table.size) {
		log_warn("%.4s: length %u does not fit its %zu bytes", signature, header.length,
		         table.size);
		return -EINVAL;
	}
	whole = (struct acpi_bytes){table.data, header.length};
	if (acpi_sum(whole) != 0) {
		log_warn("%.4s: wrong checksum", signature);
		return -EINVAL;
	}
	body->data = table.data + sizeof(header);
	body->size = header.length - sizeof(header);
	return 0;
}
