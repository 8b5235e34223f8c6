/* SPDX-License-Identifier: MIT */
/* The IVRS parser on QEMU's own table, on all of its damaged forms, and on tables made by hand. */
#include <cordon/errno.h>
#include <tests/unit/acpi/data/q35_amd.h>
#include <tests/unit/acpi/tables.h>
#include <tests/random.h>

static struct ivrs ivrs;

static int parse(struct acpi_bytes table)
{
	memset(&ivrs, 0xa5, sizeof(ivrs));
	return ivrs_parse(table, &ivrs);
}

/* What every accepted table has. */
static void assert_consistent(void)
{
	unsigned int ioapics[256] = {0};

	cr_assert(ivrs.unit_count >= 1 && ivrs.unit_count <= IVRS_UNITS_MAX);
	cr_assert_leq(ivrs.region_count, IVRS_REGIONS_MAX);
	cr_assert(ivrs.physical_bits <= 64 && ivrs.virtual_bits <= 64);
	for (size_t i = 0; i < ivrs.unit_count; i++) {
		const struct ivrs_unit *unit = &ivrs.units[i];

		cr_assert(unit->type == 0x10 || unit->type == 0x11 || unit->type == 0x40);
		cr_assert(unit->registers.raw != 0 && unit->registers.raw % 0x4000 == 0);
		cr_assert(unit->capability >= 0x40 && unit->capability < 0x100);
		cr_assert(unit->device_count >= 1 && unit->device_count <= IVRS_DEVICES_MAX);
		cr_assert_leq(unit->special_count, IVRS_SPECIALS_MAX);
		for (size_t j = 0; j < unit->device_count; j++)
			cr_assert_leq(unit->devices[j].first, unit->devices[j].last);
		for (size_t j = 0; j < unit->special_count; j++) {
			cr_assert(unit->specials[j].variety == 1 || unit->specials[j].variety == 2);
			if (unit->specials[j].variety == 1)
				cr_assert_eq(++ioapics[unit->specials[j].handle], 1);
		}
		for (size_t j = 0; j < i; j++) {
			cr_assert_neq(ivrs.units[j].registers.raw, unit->registers.raw);
			cr_assert(ivrs.units[j].device_id != unit->device_id ||
			          ivrs.units[j].segment != unit->segment);
		}
	}
	for (size_t i = 0; i < ivrs.region_count; i++) {
		cr_assert_leq(ivrs.regions[i].first, ivrs.regions[i].last);
		cr_assert_neq(ivrs.regions[i].size, 0);
		cr_assert(ivrs.regions[i].base + ivrs.regions[i].size > ivrs.regions[i].base);
	}
}

/* --- QEMU's table ---------------------------------------------------------------------------- */

static struct acpi_bytes qemu(void)
{
	return (struct acpi_bytes){q35_ivrs, sizeof(q35_ivrs)};
}

Test(ivrs, table_of_qemu)
{
	static const struct ivrs_devices expected[] = {
	        {0x0000, 0x0000, 0, false, 0},     {0x0008, 0x0008, 0, false, 0},
	        {0x0010, 0x0010, 0, false, 0},     {0x0018, 0x0018, 0, false, 0},
	        {0x0100, 0x01ff, 0, false, 0},     {0x0020, 0x0020, 0, false, 0},
	        {0x0200, 0x02ff, 0x0200, true, 0}, {0x00f8, 0x00f8, 0, false, 0},
	        {0x00fa, 0x00fa, 0, false, 0},     {0x00fb, 0x00fb, 0, false, 0},
	};
	const struct ivrs_unit *unit = &ivrs.units[0];

	cr_assert_eq(parse(qemu()), 0);
	cr_expect_eq(ivrs.physical_bits, 40);
	cr_expect_eq(ivrs.virtual_bits, 0);
	cr_assert_eq(ivrs.unit_count, 1);
	cr_expect_eq(ivrs.region_count, 0);
	cr_expect_eq(unit->type, 0x10);
	cr_expect_eq(unit->flags, 0xd1);
	cr_expect_eq(unit->device_id, 8);
	cr_expect_eq(unit->capability, 0x40);
	cr_expect_eq(unit->registers.raw, 0xfed80000);
	cr_expect_eq(unit->segment, 0);
	cr_expect_eq(unit->features, 0x44);
	cr_assert_eq(unit->device_count, sizeof(expected) / sizeof(expected[0]));
	for (size_t i = 0; i < unit->device_count; i++) {
		cr_expect_eq(unit->devices[i].first, expected[i].first, "entry %zu", i);
		cr_expect_eq(unit->devices[i].last, expected[i].last, "entry %zu", i);
		cr_expect_eq(unit->devices[i].aliased, expected[i].aliased, "entry %zu", i);
		cr_expect_eq(unit->devices[i].alias, expected[i].alias, "entry %zu", i);
	}
	cr_assert_eq(unit->special_count, 1);
	cr_expect_eq(unit->specials[0].variety, IVRS_IOAPIC);
	cr_expect_eq(unit->specials[0].handle, 0);
	cr_expect_eq(unit->specials[0].device_id, 0xa0);
}

static void check_truncation(struct acpi_bytes table, size_t offset)
{
	(void)offset;
	cr_expect_eq(parse(table), -EINVAL, "%zu bytes", offset);
}

Test(ivrs, every_truncation_is_refused)
{
	table_each_truncation(q35_ivrs, sizeof(q35_ivrs), check_truncation);
}

static unsigned int accepted;

static void check_flip(struct acpi_bytes table, size_t offset)
{
	(void)offset;
	if (parse(table) == 0) {
		assert_consistent();
		accepted++;
	}
}

Test(ivrs, every_flipped_bit_is_refused_or_harmless)
{
	table_each_flip(q35_ivrs, sizeof(q35_ivrs), check_flip);
	cr_expect_gt(accepted, 0, "names and settings may say anything");
	cr_expect_lt(accepted, sizeof(q35_ivrs) * 8);
}

Test(ivrs, many_flipped_bytes_never_leave_the_table)
{
	struct random random = {.state = 1};

	for (unsigned int round = 0; round < 20000; round++) {
		struct acpi_bytes table = table_copy(q35_ivrs, sizeof(q35_ivrs));

		for (unsigned int i = 0; i < 1 + round % 8; i++)
			table_data(table)[48 + random_next(&random) % (table.size - 48)] =
			        (uint8_t)random_next(&random);
		table_sign(table);
		if (parse(table) == 0)
			assert_consistent();
		table_free(table);
	}
}

/* --- tables made by hand --------------------------------------------------------------------- */

static uint8_t body[4096];
static size_t body_size, block_at;

static void put(const void *bytes, size_t size)
{
	cr_assert_leq(body_size + size, sizeof(body));
	memcpy(body + body_size, bytes, size);
	body_size += size;
	/* The length of the block that is being made. */
	body[block_at + 2] = (uint8_t)(body_size - block_at);
	body[block_at + 3] = (uint8_t)((body_size - block_at) >> 8);
}

#define PUT(...) put((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void begin(void)
{
	static const uint8_t fixed[12] = {0x00, 0x30}; /* 48 bits of address */

	memcpy(body, fixed, sizeof(fixed));
	body_size = block_at = sizeof(fixed);
}

/* A unit 00:devfn with registers at page << 16; its entries follow. */
static void unit(uint8_t type, uint8_t devfn, uint8_t page)
{
	static const uint8_t image[16] = {0xd3, 0x29};

	block_at = body_size;
	body[body_size + 2] = 0;
	PUT(type, 0x20, 0, 0, devfn, 0, 0x40, 0, 0, 0, page, 0xfe, 0, 0, 0, 0, 0, 0, 0, 0, 0x44, 0,
	    0, 0);
	if (type != 0x10)
		put(image, sizeof(image));
}

static void region(uint8_t type, uint8_t flags, uint16_t first, uint16_t last, uint64_t base,
                   uint64_t size)
{
	block_at = body_size;
	PUT(type, flags, 32, 0, (uint8_t)first, (uint8_t)(first >> 8), (uint8_t)last,
	    (uint8_t)(last >> 8), 0, 0, 0, 0, 0, 0, 0, 0);
	put(&base, 8);
	put(&size, 8);
}

static int end(void)
{
	struct acpi_bytes table = table_make("IVRS", body, body_size);
	int error = parse(table);

	table_free(table);
	if (!error)
		assert_consistent();
	return error;
}

#define SELECT(id)    0x02, (id)&0xff, (id) >> 8, 0x00
#define RANGE(id)     0x03, (id)&0xff, (id) >> 8, 0x00
#define RANGE_END(id) 0x04, (id)&0xff, (id) >> 8, 0x00

Test(ivrs, every_kind_of_entry)
{
	const struct ivrs_unit *made = &ivrs.units[0];

	begin();
	unit(0x40, 2, 0xd8);
	PUT(0x00, 0, 0, 0);                                            /* padding */
	PUT(0x40, 0, 0, 0, 0, 0, 0, 0);                                /* longer padding */
	PUT(0x01, 0, 0, 0x11);                                         /* all */
	PUT(SELECT(0x0118));                                           /* one */
	PUT(RANGE(0x0200), RANGE_END(0x02ff));                         /* a range */
	PUT(0x42, 0x08, 0x03, 0, 0, 0x00, 0x03, 0);                    /* an alias */
	PUT(0x43, 0x00, 0x04, 0, 0, 0x10, 0x00, 0, RANGE_END(0x04ff)); /* a range of one alias */
	PUT(0x46, 0x20, 0x05, 0x40, 1, 0, 0, 0x80);                    /* one, extended */
	PUT(0x47, 0x00, 0x06, 0, 1, 0, 0, 0, RANGE_END(0x06ff));       /* a range, extended */
	PUT(0x48, 0, 0, 0xd7, 9, 0xa0, 0x00, 1);                       /* an I/O APIC */
	PUT(0x48, 0, 0, 0, 0, 0xa1, 0x00, 2);                          /* an HPET */
	PUT(0xf0, 0x30, 0x07, 0, 'A', 'M', 'D', 'I', '0', '0', '2', '0', 0, 0, 0, 0, 0, 0, 0, 0, 2,
	    3, 'a', 'b', 'c'); /* a device of ACPI */
	PUT(SELECT(0x0118));
	cr_assert_eq(end(), 0);

	static const struct ivrs_devices expected[] = {
	        {0, 0xffff, 0, false, 0x11},   {0x118, 0x118, 0, false, 0},
	        {0x200, 0x2ff, 0, false, 0},   {0x308, 0x308, 0x300, true, 0},
	        {0x400, 0x4ff, 0x10, true, 0}, {0x520, 0x520, 0, false, 0x40},
	        {0x600, 0x6ff, 0, false, 0},   {0x730, 0x730, 0, false, 0},
	        {0x118, 0x118, 0, false, 0},
	};
	cr_assert_eq(made->device_count, sizeof(expected) / sizeof(expected[0]));
	for (size_t i = 0; i < made->device_count; i++) {
		cr_expect_eq(made->devices[i].first, expected[i].first, "entry %zu", i);
		cr_expect_eq(made->devices[i].last, expected[i].last, "entry %zu", i);
		cr_expect_eq(made->devices[i].aliased, expected[i].aliased, "entry %zu", i);
		cr_expect_eq(made->devices[i].alias, expected[i].alias, "entry %zu", i);
		cr_expect_eq(made->devices[i].settings, expected[i].settings, "entry %zu", i);
	}
	cr_assert_eq(made->special_count, 2);
	cr_expect_eq(made->specials[0].handle, 9);
	cr_expect_eq(made->specials[1].variety, IVRS_HPET);
	cr_expect_eq(made->specials[1].device_id, 0xa1);
	cr_expect_eq(made->feature_image, 0x29d3);
	cr_expect_eq(made->flags, 0x20);
}

Test(ivrs, of_several_descriptions_of_a_unit_the_highest_counts)
{
	static const uint8_t orders[][3] = {
	        {0x10, 0x11, 0x40}, {0x40, 0x11, 0x10}, {0x11, 0x40, 0x10}, {0x10, 0x40, 0x11}};

	for (size_t i = 0; i < 4; i++) {
		begin();
		for (size_t j = 0; j < 3; j++) {
			unit(orders[i][j], 2, 0xd8);
			PUT(SELECT(orders[i][j]));
		}
		cr_assert_eq(end(), 0);
		cr_assert_eq(ivrs.unit_count, 1);
		cr_expect_eq(ivrs.units[0].type, 0x40);
		cr_assert_eq(ivrs.units[0].device_count, 1);
		cr_expect_eq(ivrs.units[0].devices[0].first, 0x40);
	}
}

Test(ivrs, regions_of_one_device_a_range_and_all)
{
	begin();
	unit(0x10, 2, 0xd8);
	PUT(SELECT(0x18));
	region(0x21, 0x07, 0x18, 0, 0x1000, 0x1000);
	region(0x22, 0x07, 0x20, 0x2f, 0x4000, 0x8000);
	region(0x20, 0x08, 0, 0, 0x10000, 0x1000);
	cr_assert_eq(end(), 0);
	cr_assert_eq(ivrs.region_count, 3);
	cr_expect(ivrs.regions[0].first == 0x18 && ivrs.regions[0].last == 0x18);
	cr_expect(ivrs.regions[1].first == 0x20 && ivrs.regions[1].last == 0x2f);
	cr_expect(ivrs.regions[1].base == 0x4000 && ivrs.regions[1].size == 0x8000);
	cr_expect(ivrs.regions[2].first == 0 && ivrs.regions[2].last == 0xffff);
	cr_expect(ivrs.regions[2].exclusion && !ivrs.regions[1].exclusion);
}

Test(ivrs, blocks_of_unknown_types_are_skipped)
{
	begin();
	block_at = body_size;
	PUT(0x77, 0, 8, 0, 0, 0, 1, 2);
	unit(0x10, 2, 0xd8);
	PUT(SELECT(0x18));
	cr_expect_eq(end(), 0);
}

/* Each line: what follows a good unit with one entry, and makes the table one to refuse. */
Test(ivrs, what_does_not_fit_is_refused)
{
	static const struct {
		const char *name;
		uint8_t bytes[16];
		size_t size;
	} entries[] = {
	        {"a range without an end", {RANGE(0x20)}, 4},
	        {"an end without a range", {RANGE_END(0x20)}, 4},
	        {"a range turned around", {RANGE(0x20), RANGE_END(0x1f)}, 8},
	        {"something in a range", {RANGE(0x20), SELECT(0x21), RANGE_END(0x2f)}, 12},
	        {"an entry of an unknown type", {0x05, 0, 0, 0}, 4},
	        {"a long entry of an unknown type", {0x41, 0, 0, 0, 0, 0, 0, 0}, 8},
	        {"an entry of 16 bytes", {0x80, 0}, 16},
	        {"a special device of an unknown variety", {0x48, 0, 0, 0, 0, 0, 0, 3}, 8},
	        {"an ACPI device in a block of type 10h", {0xf0, 0x30, 0x07, 0}, 16},
	        {"half an entry", {0x02, 0x20}, 2},
	        {"half a long entry", {0x42, 0, 0, 0}, 4},
	};

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		begin();
		unit(0x10, 2, 0xd8);
		PUT(SELECT(0x18));
		put(entries[i].bytes, entries[i].size);
		cr_expect_eq(end(), -EINVAL, "%s", entries[i].name);
	}
}

Test(ivrs, units_that_make_no_sense_are_refused)
{
	begin();
	cr_expect_eq(end(), -EINVAL, "no unit");

	begin();
	unit(0x10, 2, 0xd8);
	cr_expect_eq(end(), -EINVAL, "covers nothing");

	begin();
	unit(0x10, 2, 0xd8);
	body[block_at + 9] = 0x10;
	PUT(SELECT(0x18));
	cr_expect_eq(end(), -EINVAL, "registers not aligned");

	begin();
	unit(0x10, 2, 0xd8);
	body[block_at + 14] = 1;
	PUT(SELECT(0x18));
	cr_expect_eq(end(), -EINVAL, "registers beyond 48 bits");

	begin();
	unit(0x10, 2, 0xd8);
	body[block_at + 6] = 0x3c;
	PUT(SELECT(0x18));
	cr_expect_eq(end(), -EINVAL, "capability in the config header");

	begin();
	unit(0x10, 2, 0xd8);
	PUT(SELECT(0x18));
	unit(0x10, 2, 0xd8);
	PUT(SELECT(0x20));
	cr_expect_eq(end(), -EINVAL, "described twice");

	begin();
	unit(0x10, 2, 0xd8);
	PUT(SELECT(0x18));
	unit(0x11, 2, 0xd9);
	PUT(SELECT(0x18));
	cr_expect_eq(end(), -EINVAL, "two descriptions differ");

	begin();
	unit(0x10, 2, 0xd8);
	PUT(SELECT(0x18));
	unit(0x10, 3, 0xd8);
	PUT(SELECT(0x20));
	cr_expect_eq(end(), -EINVAL, "two units at one address");

	begin();
	unit(0x10, 2, 0xd8);
	PUT(SELECT(0x18), 0x48, 0, 0, 0, 1, 0xa0, 0, 1);
	unit(0x10, 3, 0xd9);
	PUT(SELECT(0x20), 0x48, 0, 0, 0, 1, 0xa1, 0, 1);
	cr_expect_eq(end(), -EINVAL, "an I/O APIC under two units");
}

Test(ivrs, regions_that_make_no_sense_are_refused)
{
	static const struct {
		const char *name;
		uint16_t first, last;
		uint64_t base, size;
	} regions[] = {
	        {"empty", 0x18, 0x18, 0x1000, 0},
	        {"base inside a page", 0x18, 0x18, 0x1800, 0x1000},
	        {"half a page", 0x18, 0x18, 0x1000, 0x800},
	        {"wraps", 0x18, 0x18, 0xfffffffffffff000, 0x2000},
	        {"beyond 48 bits", 0x18, 0x18, 0xffffffffffff, 0x1000},
	        {"range turned around", 0x18, 0x10, 0x1000, 0x1000},
	};

	for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {
		begin();
		unit(0x10, 2, 0xd8);
		PUT(SELECT(0x18));
		region(0x22, 0, regions[i].first, regions[i].last, regions[i].base,
		       regions[i].size);
		cr_expect_eq(end(), -EINVAL, "%s", regions[i].name);
	}
}

Test(ivrs, more_than_fits_is_an_error_and_not_left_out)
{
	begin();
	for (unsigned int i = 0; i <= IVRS_UNITS_MAX; i++) {
		unit(0x10, (uint8_t)(2 + i), (uint8_t)(0x40 + i));
		PUT(SELECT(0x100 + i));
	}
	cr_expect_eq(end(), -E2BIG, "units");

	begin();
	unit(0x10, 2, 0xd8);
	for (unsigned int i = 0; i <= IVRS_DEVICES_MAX; i++)
		PUT(SELECT(i));
	cr_expect_eq(end(), -E2BIG, "devices");

	begin();
	unit(0x10, 2, 0xd8);
	PUT(SELECT(0x18));
	for (unsigned int i = 0; i <= IVRS_REGIONS_MAX; i++)
		region(0x21, 0, 0x18, 0, 0x1000, 0x1000);
	cr_expect_eq(end(), -E2BIG, "regions");
}
