/* SPDX-License-Identifier: MIT */
/*
 * DMAR: what is accepted says of each device which unit it is behind, and only once. A walk of the
 * bytes by the target's own rules counts units and regions: none is left out.
 */
#include <tests/fuzz/acpi.h>

static void check_scopes(const struct dmar_scope *scopes, size_t count, size_t max)
{
	FUZZ_CHECK(count <= max);
	for (size_t i = 0; i < count; i++) {
		FUZZ_CHECK(scopes[i].type >= DMAR_SCOPE_ENDPOINT &&
		           scopes[i].type <= DMAR_SCOPE_ACPI);
		FUZZ_CHECK(scopes[i].path_length > 0 && scopes[i].path_length <= DMAR_PATH_MAX);
		for (size_t j = 0; j < scopes[i].path_length; j++)
			FUZZ_CHECK(scopes[i].path[j].device < 32 && scopes[i].path[j].function < 8);
	}
}

static bool fits(const struct dmar *dmar, uint64_t address)
{
	return dmar->host_address_width == 64 || address >> dmar->host_address_width == 0;
}

static void check(const struct dmar *dmar)
{
	FUZZ_CHECK(dmar->unit_count > 0 && dmar->unit_count <= DMAR_UNITS_MAX);
	FUZZ_CHECK(dmar->region_count <= DMAR_REGIONS_MAX);
	for (size_t i = 0; i < dmar->unit_count; i++) {
		const struct dmar_unit *unit = &dmar->units[i];

		FUZZ_CHECK(unit->registers.raw && is_aligned(unit->registers.raw, PAGE_SIZE));
		FUZZ_CHECK(fits(dmar, unit->registers.raw));
		FUZZ_CHECK(unit->include_all || unit->scope_count > 0);
		check_scopes(unit->scopes, unit->scope_count, DMAR_SCOPES_MAX);
		for (size_t j = 0; j < i; j++) {
			FUZZ_CHECK(unit->registers.raw != dmar->units[j].registers.raw);
			FUZZ_CHECK(!unit->include_all || !dmar->units[j].include_all ||
			           unit->segment != dmar->units[j].segment);
		}
	}
	for (size_t i = 0; i < dmar->region_count; i++) {
		const struct dmar_region *region = &dmar->regions[i];

		FUZZ_CHECK(region->base <= region->limit && fits(dmar, region->limit));
		FUZZ_CHECK(region->scope_count > 0);
		check_scopes(region->scopes, region->scope_count, DMAR_REGION_SCOPES_MAX);
	}
}

/* Structures of one type: after 48 bytes each has 16 bits of type and 16 of length (8.1, 8.2). */
static size_t count(struct acpi_bytes table, unsigned int type)
{
	const uint8_t *bytes = table.data;
	size_t found = 0, length = (size_t)bytes[4] | (size_t)bytes[5] << 8 |
	                           (size_t)bytes[6] << 16 | (size_t)bytes[7] << 24;

	for (size_t at = 48; at < length; at += bytes[at + 2] | (size_t)bytes[at + 3] << 8)
		found += (bytes[at] | (unsigned int)bytes[at + 1] << 8) == type;
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dmar dmar;
	struct acpi_bytes table = fuzz_table(data, size, "DMAR");

	if (dmar_parse(table, &dmar) == 0) {
		check(&dmar);
		FUZZ_CHECK(dmar.unit_count == count(table, 0));
		FUZZ_CHECK(dmar.region_count == count(table, 1));
	}
	fuzz_table_free(table);
	return 0;
}
