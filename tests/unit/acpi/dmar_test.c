/* SPDX-License-Identifier: MIT */
/* The DMAR parser on QEMU's own table, on all of its damaged forms, and on tables made by hand. */
#include <cordon/errno.h>
#include <tests/unit/acpi/data/q35.h>
#include <tests/unit/acpi/tables.h>
#include <tests/random.h>

static struct dmar dmar;

static int parse(struct acpi_bytes table)
{
	memset(&dmar, 0xa5, sizeof(dmar));
	return dmar_parse(table, &dmar);
}

/* --- what every accepted table has --------------------------------------------------------- */

static void assert_scopes(const struct dmar_scope *scopes, size_t count, size_t max)
{
	cr_assert_leq(count, max);
	for (size_t i = 0; i < count; i++) {
		cr_assert(scopes[i].type >= 1 && scopes[i].type <= 5);
		cr_assert(scopes[i].path_length >= 1 && scopes[i].path_length <= DMAR_PATH_MAX);
		for (size_t step = 0; step < scopes[i].path_length; step++) {
			cr_assert_lt(scopes[i].path[step].device, 32);
			cr_assert_lt(scopes[i].path[step].function, 8);
		}
	}
}

static bool same_device(const struct dmar_scope *a, const struct dmar_scope *b)
{
	if (a->type > 2 || b->type > 2 || a->start_bus != b->start_bus ||
	    a->path_length != b->path_length)
		return false;
	for (size_t i = 0; i < a->path_length; i++)
		if (a->path[i].device != b->path[i].device ||
		    a->path[i].function != b->path[i].function)
			return false;
	return true;
}

static void assert_no_device_twice(const struct dmar_unit *a, const struct dmar_unit *b)
{
	for (size_t i = 0; i < a->scope_count; i++)
		for (size_t j = 0; j < b->scope_count; j++)
			cr_assert((a == b && i == j) || a->segment != b->segment ||
			          !same_device(&a->scopes[i], &b->scopes[j]));
}

static void assert_consistent(void)
{
	uint64_t top = dmar.host_address_width < 64 ? UINT64_C(1) << dmar.host_address_width : 0;

	cr_assert(dmar.host_address_width >= 1 && dmar.host_address_width <= 64);
	cr_assert(dmar.unit_count >= 1 && dmar.unit_count <= DMAR_UNITS_MAX);
	cr_assert_leq(dmar.region_count, DMAR_REGIONS_MAX);
	for (size_t i = 0; i < dmar.unit_count; i++) {
		const struct dmar_unit *unit = &dmar.units[i];

		cr_assert(unit->registers.raw != 0 && unit->registers.raw % 4096 == 0);
		cr_assert(top == 0 || unit->registers.raw < top);
		cr_assert(unit->include_all || unit->scope_count > 0);
		assert_scopes(unit->scopes, unit->scope_count, DMAR_SCOPES_MAX);
		for (size_t j = 0; j < dmar.unit_count; j++) {
			const struct dmar_unit *other = &dmar.units[j];

			assert_no_device_twice(unit, other);
			cr_assert(i == j || unit->registers.raw != other->registers.raw);
			cr_assert(i == j || !unit->include_all || !other->include_all ||
			          unit->segment != other->segment);
		}
	}
	for (size_t i = 0; i < dmar.region_count; i++) {
		const struct dmar_region *region = &dmar.regions[i];

		cr_assert(region->base <= region->limit);
		cr_assert(region->base % 4096 == 0 && (region->limit + 1) % 4096 == 0);
		cr_assert_gt(region->scope_count, 0);
		assert_scopes(region->scopes, region->scope_count, DMAR_REGION_SCOPES_MAX);
	}
}

/* --- QEMU's table -------------------------------------------------------------------------- */

Test(dmar, qemu_table_is_read_field_by_field)
{
	static const uint8_t devices[][2] = {{0, 0},    {1, 0},    {2, 0},
	                                     {0x1f, 0}, {0x1f, 2}, {0x1f, 3}};
	struct acpi_bytes table = table_copy(q35_dmar, sizeof(q35_dmar));

	cr_assert_eq(parse(table), 0);
	cr_assert_eq(dmar.host_address_width, 39);
	cr_assert(dmar.interrupt_remapping && !dmar.x2apic_opt_out && !dmar.dma_opt_in);
	cr_assert_eq(dmar.unit_count, 1);
	cr_assert_eq(dmar.region_count, 0);
	cr_assert_eq(dmar.units[0].registers.raw, 0xfed90000);
	cr_assert_eq(dmar.units[0].segment, 0);
	cr_assert_not(dmar.units[0].include_all);
	cr_assert_eq(dmar.units[0].scope_count, 7);
	cr_assert_eq(dmar.units[0].scopes[0].type, DMAR_SCOPE_IOAPIC);
	cr_assert_eq(dmar.units[0].scopes[0].start_bus, 0xff);
	for (size_t i = 0; i < 6; i++) {
		const struct dmar_scope *scope = &dmar.units[0].scopes[i + 1];

		cr_assert_eq(scope->type, i == 2 ? DMAR_SCOPE_BRIDGE : DMAR_SCOPE_ENDPOINT);
		cr_assert_eq(scope->start_bus, 0);
		cr_assert_eq(scope->path_length, 1);
		cr_assert_eq(scope->path[0].device, devices[i][0]);
		cr_assert_eq(scope->path[0].function, devices[i][1]);
	}
	assert_consistent();
	table_free(table);
}

static void check_truncated(struct acpi_bytes table, size_t offset)
{
	cr_assert_eq(parse(table), -EINVAL, "cut at %zu", offset);
}

Test(dmar, every_truncation_is_refused)
{
	/* The unit's structure covers the rest of the table, so no cut leaves a whole one. */
	table_each_truncation(q35_dmar, sizeof(q35_dmar), check_truncated);
}

/* Bytes that may change without changing the meaning: names and revisions in the header, reserved
 * bytes, and the fields this version has no use for. Written down from the specification's layout.
 */
static bool is_ignored(size_t offset)
{
	if (offset >= 8 && offset < 36)
		return true; /* revision, OEM and creator fields */
	if (offset >= 38 && offset < 48)
		return true; /* reserved */
	if (offset == 53)
		return true; /* size of the register set */
	/* flags and reserved byte of a scope */
	return offset >= 64 && ((offset - 64) % 8 == 2 || (offset - 64) % 8 == 3);
}

static struct dmar original;
static size_t accepted;

/* Padding included: the parser clears the whole structure first. */
static bool same_bytes(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, sizeof(struct dmar)) == 0;
}

static void check_flipped(struct acpi_bytes table, size_t offset)
{
	int error = parse(table);

	cr_assert(error == 0 || error == -EINVAL || error == -E2BIG);
	if (offset == TABLE_CHECKSUM_AT || offset < 8)
		cr_assert_eq(error, -EINVAL, "byte %zu is checked", offset);
	if (error)
		return;
	accepted++;
	assert_consistent();
	/* The flags have bits this version ignores (7:3 of the table, 7:1 of the unit). */
	if (!is_ignored(offset) && offset != 37 && offset != 52)
		cr_assert_not(same_bytes((const uint8_t *)&dmar, (const uint8_t *)&original),
		              "byte %zu was changed and nobody noticed", offset);
}

Test(dmar, every_single_bit_flip_is_refused_or_seen)
{
	struct acpi_bytes table = table_copy(q35_dmar, sizeof(q35_dmar));

	cr_assert_eq(dmar_parse(table, &original), 0);
	table_each_flip(q35_dmar, sizeof(q35_dmar), check_flipped);
	cr_assert_gt(accepted, 200, "the body of the parser was reached");
	table_free(table);
}

Test(dmar, random_damage_never_yields_an_inconsistent_table)
{
	struct random random = {42};
	size_t good = 0;

	for (int round = 0; round < 40000; round++) {
		struct acpi_bytes table = table_copy(
		        q35_dmar, 48 + random_below(&random, sizeof(q35_dmar) - 47));

		for (uint64_t n = random_below(&random, 4); n > 0; n--)
			table_data(table)[36 + random_below(&random, table.size - 36)] =
			        (uint8_t)random_next(&random);
		/* Often also the one length that a cut breaks. */
		if (table.size > 51 && random_below(&random, 2)) {
			table_data(table)[50] = (uint8_t)(table.size - 48);
			table_data(table)[51] = 0;
		}
		table_fit(table);
		if (parse(table) == 0) {
			good++;
			assert_consistent();
		}
		table_free(table);
	}
	cr_assert_gt(good, 1000);
}

/* --- tables made by hand ------------------------------------------------------------------- */

static uint8_t body[8192];
static size_t body_size;

static void put(const void *bytes, size_t size)
{
	cr_assert_leq(body_size + size, sizeof(body));
	memcpy(body + body_size, bytes, size);
	body_size += size;
}

static void put_number(uint64_t value, size_t size)
{
	put(&value, size);
}

static void begin(uint8_t width, uint8_t flags)
{
	static const uint8_t reserved[10];

	body_size = 0;
	put_number(width, 1);
	put_number(flags, 1);
	put(reserved, sizeof(reserved));
}

static size_t begin_unit(uint8_t flags, uint16_t segment, uint64_t registers)
{
	size_t at = body_size;

	put_number(0, 2);
	put_number(0, 2);
	put_number(flags, 1);
	put_number(0, 1);
	put_number(segment, 2);
	put_number(registers, 8);
	return at;
}

static size_t begin_region(uint16_t segment, uint64_t base, uint64_t limit)
{
	size_t at = body_size;

	put_number(1, 2);
	put_number(0, 2);
	put_number(0, 2);
	put_number(segment, 2);
	put_number(base, 8);
	put_number(limit, 8);
	return at;
}

static void put_scope(uint8_t type, uint8_t id, uint8_t bus, uint8_t device, uint8_t function)
{
	const uint8_t scope[8] = {type, 8, 0, 0, id, bus, device, function};

	put(scope, sizeof(scope));
}

static void end(size_t at)
{
	uint16_t length = (uint16_t)(body_size - at);

	memcpy(body + at + 2, &length, sizeof(length));
}

static int parse_body(void)
{
	struct acpi_bytes table = table_make("DMAR", body, body_size);
	int error = parse(table);

	if (error == 0)
		assert_consistent();
	table_free(table);
	return error;
}

Test(dmar, flags_and_include_all)
{
	begin(47, 7);
	end(begin_unit(1, 3, 0xfed91000));
	cr_assert_eq(parse_body(), 0);
	cr_assert_eq(dmar.host_address_width, 48);
	cr_assert(dmar.interrupt_remapping && dmar.x2apic_opt_out && dmar.dma_opt_in);
	cr_assert(dmar.units[0].include_all);
	cr_assert_eq(dmar.units[0].segment, 3);
	cr_assert_eq(dmar.units[0].scope_count, 0);
}

Test(dmar, a_region_is_read_with_its_devices)
{
	static const uint8_t deep[] = {1, 12, 0, 0, 9, 5, 28, 1, 0, 0, 31, 7};
	size_t at;

	begin(38, 0);
	end(begin_unit(1, 0, 0xfed90000));
	at = begin_region(0, 0x7f000000, 0x7f0fffff);
	put_scope(2, 0, 0, 29, 0);
	put(deep, sizeof(deep));
	end(at);
	cr_assert_eq(parse_body(), 0);
	cr_assert_eq(dmar.region_count, 1);
	cr_assert_eq(dmar.regions[0].base, 0x7f000000);
	cr_assert_eq(dmar.regions[0].limit, 0x7f0fffff);
	cr_assert_eq(dmar.regions[0].scope_count, 2);
	cr_assert_eq(dmar.regions[0].scopes[1].start_bus, 5);
	cr_assert_eq(dmar.regions[0].scopes[1].enumeration_id, 9);
	cr_assert_eq(dmar.regions[0].scopes[1].path_length, 3);
	cr_assert_eq(dmar.regions[0].scopes[1].path[2].device, 31);
	cr_assert_eq(dmar.regions[0].scopes[1].path[2].function, 7);
}

Test(dmar, structures_of_other_types_are_skipped)
{
	static const uint8_t rhsa[] = {3, 0, 20, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

	begin(38, 0);
	put(rhsa, sizeof(rhsa));
	end(begin_unit(1, 0, 0xfed90000));
	put(rhsa, sizeof(rhsa));
	cr_assert_eq(parse_body(), 0);
	cr_assert_eq(dmar.unit_count, 1);
}

Test(dmar, S5_structures_that_leave_the_table_are_refused)
{
	static const uint8_t too_long[] = {3, 0, 21, 0, 1, 2, 3, 4, 0, 0,
	                                   0, 0, 0,  0, 0, 0, 0, 0, 0, 0};
	static const uint8_t too_short[] = {3, 0, 3, 0};
	static const uint8_t cut[] = {3, 0, 4};
	static const struct {
		const uint8_t *bytes;
		size_t size;
	} last[] = {
	        {too_long, sizeof(too_long)},
	        {too_short, sizeof(too_short)},
	        {cut, sizeof(cut)},
	};

	for (size_t i = 0; i < sizeof(last) / sizeof(last[0]); i++) {
		begin(38, 0);
		end(begin_unit(1, 0, 0xfed90000));
		put(last[i].bytes, last[i].size);
		cr_expect_neq(parse_body(), 0, "case %zu", i);
	}
}

static int parse_region(uint64_t base, uint64_t limit, int scopes)
{
	size_t at;

	begin(38, 0);
	end(begin_unit(1, 0, 0xfed90000));
	at = begin_region(0, base, limit);
	for (int i = 0; i < scopes; i++)
		put_scope(1, 0, 0, (uint8_t)i, 0);
	end(at);
	return parse_body();
}

Test(dmar, bad_regions_are_refused)
{
	cr_assert_eq(parse_region(0x1000, 0x1fff, 1), 0);
	cr_assert_eq(parse_region(0x1000, 0x1fff, 0), -EINVAL, "no device");
	cr_assert_eq(parse_region(0x2000, 0x1fff, 1), -EINVAL, "ends before it begins");
	cr_assert_eq(parse_region(0x1001, 0x1fff, 1), -EINVAL, "base not aligned");
	cr_assert_eq(parse_region(0x1000, 0x2000, 1), -EINVAL, "limit not aligned");
	cr_assert_eq(parse_region(0x1000, UINT64_C(0x8000000fff), 1), -EINVAL, "beyond the width");
	cr_assert_eq(parse_region(0x1000, UINT64_MAX, 1), -EINVAL, "wraps");
}

static int parse_unit(uint8_t flags, uint64_t registers, bool scope)
{
	size_t at;

	begin(38, 0);
	at = begin_unit(flags, 0, registers);
	if (scope)
		put_scope(1, 0, 0, 3, 0);
	end(at);
	return parse_body();
}

Test(dmar, bad_units_are_refused)
{
	cr_assert_eq(parse_unit(0, 0xfed90000, true), 0);
	cr_assert_eq(parse_unit(0, 0xfed90000, false), -EINVAL, "covers nothing");
	cr_assert_eq(parse_unit(1, 0, true), -EINVAL, "no registers");
	cr_assert_eq(parse_unit(1, 0xfed90800, true), -EINVAL, "not aligned");
	cr_assert_eq(parse_unit(1, UINT64_C(1) << 39, true), -EINVAL, "beyond the width");
	begin(38, 0);
	cr_assert_eq(parse_body(), -EINVAL, "no unit at all");
	begin(64, 0);
	end(begin_unit(1, 0, 0xfed90000));
	cr_assert_eq(parse_body(), -EINVAL, "an address of 65 bits");
}

static int parse_two(uint16_t segment_b, uint64_t registers_b, uint8_t flags_b, uint8_t device_b,
                     uint8_t type_b)
{
	size_t at;

	begin(38, 0);
	at = begin_unit(1, 0, 0xfed90000);
	put_scope(1, 0, 0, 3, 0);
	put_scope(3, 2, 0xff, 0, 0);
	end(at);
	at = begin_unit(flags_b, segment_b, registers_b);
	put_scope(type_b, 2, 0, device_b, 0);
	end(at);
	return parse_body();
}

Test(dmar, two_units_never_claim_the_same)
{
	cr_assert_eq(parse_two(0, 0xfed91000, 0, 4, 1), 0);
	cr_assert_eq(parse_two(0, 0xfed90000, 0, 4, 1), -EINVAL, "the same registers");
	cr_assert_eq(parse_two(0, 0xfed91000, 1, 4, 1), -EINVAL, "both take all");
	cr_assert_eq(parse_two(0, 0xfed91000, 0, 3, 1), -EINVAL, "both have 00:03.0");
	cr_assert_eq(parse_two(0, 0xfed91000, 0, 3, 2), -EINVAL,
	             "both have 00:03.0, once as bridge");
	cr_assert_eq(parse_two(0, 0xfed91000, 0, 9, 3), -EINVAL, "both have I/O APIC 2");
	cr_assert_eq(parse_two(1, 0xfed91000, 1, 3, 1), 0, "another segment");
}

static int parse_scope(const uint8_t *scope, size_t size)
{
	size_t at;

	begin(38, 0);
	at = begin_unit(0, 0, 0xfed90000);
	put(scope, size);
	end(at);
	return parse_body();
}

Test(dmar, bad_scopes_are_refused)
{
	static const uint8_t good[] = {1, 8, 0, 0, 0, 0, 3, 0};
	uint8_t scope[6 + 2 * 9] = {1, 6 + 2 * 9};

	cr_assert_eq(parse_scope(good, sizeof(good)), 0);
	for (unsigned int type = 0; type < 256; type++) {
		uint8_t copy[sizeof(good)];

		memcpy(copy, good, sizeof(good));
		copy[0] = (uint8_t)type;
		cr_assert_eq(parse_scope(copy, sizeof(copy)), type >= 1 && type <= 5 ? 0 : -EINVAL);
	}
	for (unsigned int length = 0; length < 256; length++) {
		uint8_t copy[sizeof(good)];

		memcpy(copy, good, sizeof(good));
		copy[1] = (uint8_t)length;
		cr_assert_eq(parse_scope(copy, sizeof(copy)), length == 8 ? 0 : -EINVAL,
		             "length %u", length);
	}
	for (unsigned int device = 0; device < 256; device++) {
		uint8_t copy[sizeof(good)];

		memcpy(copy, good, sizeof(good));
		copy[6] = (uint8_t)device;
		cr_assert_eq(parse_scope(copy, sizeof(copy)), device < 32 ? 0 : -EINVAL);
		copy[6] = 3;
		copy[7] = (uint8_t)device;
		cr_assert_eq(parse_scope(copy, sizeof(copy)), device < 8 ? 0 : -EINVAL);
	}
	cr_assert_eq(parse_scope(scope, sizeof(scope)), -E2BIG, "a path of nine steps");
	scope[1] = 6 + 2 * 8;
	cr_assert_eq(parse_scope(scope, 6 + 2 * 8), 0, "a path of eight steps");
}

/* As QEMU tells them: each function of the bus, and an I/O APIC. */
Test(dmar, all_functions_of_a_bus_fit)
{
	begin(38, 0);
	size_t at = begin_unit(0, 0, 0xfed90000);
	for (unsigned int i = 0; i < 256; i++)
		put_scope(1, 0, 0, i / 8, i % 8);
	for (unsigned int i = 256; i < DMAR_SCOPES_MAX - 1; i++)
		put_scope(1, 0, (uint8_t)(i / 256), i / 8 % 32, i % 8);
	put_scope(3, 0, 0xff, 0, 0);
	end(at);
	cr_assert_eq(parse_body(), 0);
	cr_assert_eq(dmar.units[0].scope_count, DMAR_SCOPES_MAX);
	cr_assert_eq(dmar.units[0].scopes[255].path[0].device, 31);
	cr_assert_eq(dmar.units[0].scopes[255].path[0].function, 7);
	cr_assert_eq(dmar.units[0].scopes[DMAR_SCOPES_MAX - 1].type, DMAR_SCOPE_IOAPIC);
}

Test(dmar, what_does_not_fit_is_an_error)
{
	begin(38, 0);
	for (unsigned int i = 0; i <= DMAR_UNITS_MAX; i++)
		end(begin_unit(1, (uint16_t)i, 0xfed00000 + i * 0x1000));
	cr_assert_eq(parse_body(), -E2BIG);

	begin(38, 0);
	size_t at = begin_unit(0, 0, 0xfed90000);
	for (unsigned int i = 0; i <= DMAR_SCOPES_MAX; i++)
		put_scope(1, 0, (uint8_t)(i / 32), i % 32, 0);
	end(at);
	cr_assert_eq(parse_body(), -E2BIG);

	begin(38, 0);
	end(begin_unit(1, 0, 0xfed90000));
	at = begin_region(0, 0x1000, 0x1fff);
	for (unsigned int i = 0; i <= DMAR_REGION_SCOPES_MAX; i++)
		put_scope(1, 0, (uint8_t)(i / 32), i % 32, 0);
	end(at);
	cr_assert_eq(parse_body(), -E2BIG);

	begin(38, 0);
	end(begin_unit(1, 0, 0xfed90000));
	for (unsigned int i = 0; i <= DMAR_REGIONS_MAX; i++) {
		at = begin_region(0, 0x1000, 0x1fff);
		put_scope(1, 0, 0, 3, 0);
		end(at);
	}
	cr_assert_eq(parse_body(), -E2BIG);
}
