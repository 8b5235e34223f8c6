/* SPDX-License-Identifier: MIT */
/*
 * IVRS: what is accepted says of each device which unit it is behind, ranges are not turned around,
 * and no unit is there twice. A walk of the bytes by the target's own rules counts what may not be
 * left out: entries for devices, special devices, memory regions.
 */
#include <tests/fuzz/acpi.h>

static void check_unit(const struct ivrs_unit *unit)
{
	FUZZ_CHECK(unit->type == 0x10 || unit->type == 0x11 || unit->type == 0x40);
	FUZZ_CHECK(unit->registers.raw && is_aligned(unit->registers.raw, 0x4000));
	FUZZ_CHECK(unit->capability >= 0x40 && unit->capability <= 0xfc);
	FUZZ_CHECK(unit->device_count <= IVRS_DEVICES_MAX);
	FUZZ_CHECK(unit->special_count <= IVRS_SPECIALS_MAX);
	for (size_t i = 0; i < unit->device_count; i++)
		FUZZ_CHECK(unit->devices[i].first <= unit->devices[i].last);
	for (size_t i = 0; i < unit->special_count; i++)
		FUZZ_CHECK(unit->specials[i].variety == IVRS_IOAPIC ||
		           unit->specials[i].variety == IVRS_HPET);
}

static void check(const struct ivrs *ivrs)
{
	FUZZ_CHECK(ivrs->unit_count > 0 && ivrs->unit_count <= IVRS_UNITS_MAX);
	FUZZ_CHECK(ivrs->region_count <= IVRS_REGIONS_MAX);
	for (size_t i = 0; i < ivrs->unit_count; i++) {
		check_unit(&ivrs->units[i]);
		for (size_t j = 0; j < i; j++)
			FUZZ_CHECK(ivrs->units[i].registers.raw != ivrs->units[j].registers.raw);
	}
	for (size_t i = 0; i < ivrs->region_count; i++)
		FUZZ_CHECK(ivrs->regions[i].first <= ivrs->regions[i].last);
}

static size_t word(const uint8_t *bytes)
{
	return bytes[0] | (size_t)bytes[1] << 8;
}

/* Whether an entry of this kind begins or is an entry for devices, which all but padding, special
 * devices and the ends of ranges do (5.2.2.3). */
static bool names_devices(uint8_t kind)
{
	return kind != 0x00 && kind != 0x04 && kind != 0x40 && kind != 0x48;
}

/* Entries of a unit's block: after 24 or 40 bytes, of 4, 8 or, with a name, more bytes (5.2.2). */
static void count_entries(const uint8_t *block, size_t *devices, size_t *specials)
{
	size_t at = block[0] == 0x10 ? 24 : 40;

	*devices = *specials = 0;
	while (at < word(block + 2)) {
		*devices += names_devices(block[at]);
		*specials += block[at] == 0x48;
		at += block[at] == 0xf0 ? 22u + block[at + 21] : block[at] >= 0x40 ? 8u : 4u;
	}
}

static bool describes(const uint8_t *block, const struct ivrs_unit *unit)
{
	return block[0] == unit->type && word(block + 4) == unit->device_id &&
	       word(block + 16) == unit->segment;
}

/* Nothing that firmware says is lost: every entry of a unit's best description, every region. */
static void check_nothing_lost(struct acpi_bytes table, const struct ivrs *ivrs)
{
	const uint8_t *bytes = table.data;
	size_t length = word(bytes + 4) | word(bytes + 6) << 16, regions = 0;

	for (size_t at = 48; at < length; at += word(bytes + at + 2)) {
		const uint8_t *block = bytes + at;

		regions += block[0] >= 0x20 && block[0] <= 0x22;
		if (block[0] != 0x10 && block[0] != 0x11 && block[0] != 0x40)
			continue;
		for (size_t i = 0; i < ivrs->unit_count; i++) {
			size_t devices, specials;

			if (!describes(block, &ivrs->units[i]))
				continue;
			count_entries(block, &devices, &specials);
			FUZZ_CHECK(ivrs->units[i].device_count == devices);
			FUZZ_CHECK(ivrs->units[i].special_count == specials);
		}
	}
	FUZZ_CHECK(ivrs->region_count == regions);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ivrs ivrs;
	struct acpi_bytes table = fuzz_table(data, size, "IVRS");

	if (ivrs_parse(table, &ivrs) == 0) {
		check(&ivrs);
		check_nothing_lost(table, &ivrs);
	}
	fuzz_table_free(table);
	return 0;
}
