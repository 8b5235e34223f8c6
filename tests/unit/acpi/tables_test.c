/* SPDX-License-Identifier: MIT */
/* MADT, MCFG, FADT, HPET and the search for \_S5: QEMU's own tables, damaged ones, made ones. */
#include <cordon/errno.h>
#include <tests/unit/acpi/data/q35.h>
#include <tests/unit/acpi/tables.h>
#include <tests/random.h>

/* Header bytes that no parser of these looks at. */
static bool is_identity(size_t offset)
{
	return offset >= 8 && offset < TABLE_HEADER_SIZE && offset != TABLE_CHECKSUM_AT;
}

static size_t accepted;

/* --- MADT ---------------------------------------------------------------------------------- */

static void assert_madt(const struct madt *madt)
{
	cr_assert(madt->local_apic.raw != 0 && madt->local_apic.raw % 4096 == 0);
	cr_assert(madt->cpu_count >= 1 && madt->cpu_count <= MADT_CPUS_MAX);
	cr_assert_leq(madt->ioapic_count, MADT_IOAPICS_MAX);
	cr_assert_leq(madt->override_count, MADT_OVERRIDES_MAX);
	for (size_t i = 0; i < madt->cpu_count; i++)
		for (size_t j = 0; j < i; j++)
			cr_assert_neq(madt->cpu_apic_ids[i], madt->cpu_apic_ids[j]);
	for (size_t i = 0; i < madt->ioapic_count; i++) {
		cr_assert(madt->ioapics[i].base.raw != 0 && madt->ioapics[i].base.raw % 16 == 0);
		for (size_t j = 0; j < i; j++)
			cr_assert(madt->ioapics[i].id != madt->ioapics[j].id &&
			          madt->ioapics[i].gsi_base != madt->ioapics[j].gsi_base);
	}
	for (size_t i = 0; i < madt->override_count; i++) {
		cr_assert_lt(madt->overrides[i].irq, 16);
		for (size_t j = 0; j < i; j++)
			cr_assert_neq(madt->overrides[i].irq, madt->overrides[j].irq);
	}
}

Test(madt, qemu_table_is_read_field_by_field)
{
	static const struct madt_override overrides[] = {
	        {0, 2, false, false},  {5, 5, true, false},   {9, 9, true, false},
	        {10, 10, true, false}, {11, 11, true, false},
	};
	struct acpi_bytes table = table_copy(q35_apic, sizeof(q35_apic));
	struct madt madt;

	cr_assert_eq(madt_parse(table, &madt), 0);
	cr_assert_eq(madt.local_apic.raw, 0xfee00000);
	cr_assert(madt.has_8259);
	cr_assert_eq(madt.cpu_count, 2);
	cr_assert_eq(madt.cpu_apic_ids[0], 0);
	cr_assert_eq(madt.cpu_apic_ids[1], 1);
	cr_assert_eq(madt.ioapic_count, 1);
	cr_assert_eq(madt.ioapics[0].id, 0);
	cr_assert_eq(madt.ioapics[0].gsi_base, 0);
	cr_assert_eq(madt.ioapics[0].base.raw, 0xfec00000);
	cr_assert_eq(madt.override_count, 5);
	for (size_t i = 0; i < 5; i++) {
		cr_assert_eq(madt.overrides[i].irq, overrides[i].irq);
		cr_assert_eq(madt.overrides[i].gsi, overrides[i].gsi);
		cr_assert_eq(madt.overrides[i].level, overrides[i].level);
		cr_assert_eq(madt.overrides[i].active_low, overrides[i].active_low);
	}
	table_free(table);
}

static void check_madt(struct acpi_bytes table, size_t offset)
{
	struct madt madt;
	int error = madt_parse(table, &madt);

	cr_assert(error == 0 || error == -EINVAL || error == -E2BIG, "byte %zu", offset);
	if (error == 0) {
		accepted++;
		assert_madt(&madt);
	}
}

Test(madt, damaged_tables_are_refused_or_consistent)
{
	table_each_truncation(q35_apic, sizeof(q35_apic), check_madt);
	/* Only cuts between entries, behind the first processor, leave a table. */
	cr_assert_eq(accepted, 8);
	table_each_flip(q35_apic, sizeof(q35_apic), check_madt);
	cr_assert_gt(accepted, 200);
}

static int parse_madt_body(const void *body, size_t size, struct madt *madt)
{
	struct acpi_bytes table = table_make("APIC", body, size);
	int error = madt_parse(table, madt);

	table_free(table);
	return error;
}

#define MADT_FIXED 0, 0, 0xe0, 0xfe, 1, 0, 0, 0
#define MADT_CPU0  0, 8, 0, 0, 1, 0, 0, 0

Test(madt, entries_of_all_kinds)
{
	static const uint8_t body[] = {
	        MADT_FIXED, MADT_CPU0, 0, 8, 1,  1, 0,    0,    0,    0, /* a disabled processor */
	        9,          16,        0, 0, 0,  1, 0,    0,    1,    0, 0, 0, 7,
	        0,          0,         0,                                      /* APIC id 256 */
	        2,          10,        0, 9, 20, 0, 0,    0,    0x0f, 0,       /* level, low */
	        5,          12,        0, 0, 0,  0, 0xd0, 0xfe, 0,    0, 0, 0, /* local APIC
	                                                                          elsewhere */
	        77,         3,         0, /* of a later revision */
	};
	struct madt madt;

	cr_assert_eq(parse_madt_body(body, sizeof(body), &madt), 0);
	cr_assert_eq(madt.cpu_count, 2);
	cr_assert_eq(madt.cpu_apic_ids[1], 256);
	cr_assert_eq(madt.local_apic.raw, 0xfed00000);
	cr_assert(madt.overrides[0].level && madt.overrides[0].active_low);
	cr_assert_eq(madt.overrides[0].gsi, 20);
}

#define MADT_X2APIC(low, high, enabled) 9, 16, 0, 0, low, high, 0, 0, enabled, 0, 0, 0, 7, 0, 0, 0

Test(madt, processors_that_only_an_extended_entry_names_are_found)
{
	const uint8_t body[] = {MADT_FIXED,           MADT_CPU0,
	                        MADT_X2APIC(0, 0, 1), /* named above */
	                        MADT_X2APIC(5, 0, 1), MADT_X2APIC(0xff, 0, 1),
	                        MADT_X2APIC(0, 1, 0), /* disabled */
	                        MADT_X2APIC(1, 1, 1)};
	static const uint32_t ids[] = {0, 5, 255, 257};
	struct madt madt;

	cr_assert_eq(parse_madt_body(body, sizeof(body), &madt), 0);
	cr_assert_eq(madt.cpu_count, 4);
	for (size_t i = 0; i < 4; i++)
		cr_expect_eq(madt.cpu_apic_ids[i], ids[i]);
}

Test(madt, an_extended_entry_is_not_there_twice)
{
	const uint8_t body[] = {MADT_FIXED, MADT_CPU0, MADT_X2APIC(1, 1, 1), MADT_X2APIC(1, 1, 1)};
	struct madt madt;

	cr_expect_eq(parse_madt_body(body, sizeof(body), &madt), -EINVAL);
}

Test(madt, inconsistent_entries_are_refused)
{
	static const struct {
		const char *why;
		uint8_t entry[12];
		size_t size;
	} bad[] = {
	        {"APIC id twice", {MADT_CPU0}, 8},
	        {"entry of length zero", {77, 0}, 2},
	        {"entry of length one", {77, 1}, 2},
	        {"entry beyond the end", {77, 9, 0, 0}, 4},
	        {"lone byte", {0}, 1},
	        {"processor too short", {0, 4, 1, 1}, 4},
	        {"I/O APIC at zero", {1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 12},
	        {"I/O APIC not aligned", {1, 12, 0, 0, 1, 0, 0xc0, 0xfe, 0, 0, 0, 0}, 12},
	        {"override of another bus", {2, 10, 1, 9, 9, 0, 0, 0, 0, 0}, 10},
	        {"override of interrupt 16", {2, 10, 0, 16, 9, 0, 0, 0, 0, 0}, 10},
	        {"reserved polarity", {2, 10, 0, 9, 9, 0, 0, 0, 2, 0}, 10},
	        {"reserved trigger mode", {2, 10, 0, 9, 9, 0, 0, 0, 8, 0}, 10},
	        {"local APIC not aligned", {5, 12, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}, 12},
	};
	struct madt madt;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t body[64] = {MADT_FIXED, MADT_CPU0};

		memcpy(body + 16, bad[i].entry, bad[i].size);
		cr_assert_eq(parse_madt_body(body, 16 + bad[i].size, &madt), -EINVAL, "%s",
		             bad[i].why);
	}
	cr_assert_eq(parse_madt_body((const uint8_t[]){MADT_FIXED}, 8, &madt), -EINVAL,
	             "no processor");
}

Test(madt, more_processors_than_known_are_left_out)
{
	uint8_t body[8 + 8 * (MADT_CPUS_MAX + 5)] = {MADT_FIXED};
	struct madt madt;

	for (size_t i = 0; i < MADT_CPUS_MAX + 5; i++)
		memcpy(body + 8 + 8 * i, (const uint8_t[]){0, 8, 0, (uint8_t)i, 1, 0, 0, 0}, 8);
	cr_assert_eq(parse_madt_body(body, sizeof(body), &madt), 0);
	cr_assert_eq(madt.cpu_count, MADT_CPUS_MAX);
}

/* --- MCFG ---------------------------------------------------------------------------------- */

static void assert_mcfg(const struct mcfg *mcfg)
{
	cr_assert(mcfg->count >= 1 && mcfg->count <= MCFG_AREAS_MAX);
	for (size_t i = 0; i < mcfg->count; i++) {
		const struct mcfg_area *a = &mcfg->areas[i];

		cr_assert(a->base.raw != 0 && a->base.raw % 0x100000 == 0);
		cr_assert(a->first_bus <= a->last_bus);
		cr_assert(a->base.raw + (UINT64_C(256) << 20) > a->base.raw);
	}
}

Test(mcfg, qemu_table_is_read_field_by_field)
{
	struct acpi_bytes table = table_copy(q35_mcfg, sizeof(q35_mcfg));
	struct mcfg mcfg;

	cr_assert_eq(mcfg_parse(table, &mcfg), 0);
	cr_assert_eq(mcfg.count, 1);
	cr_assert_eq(mcfg.areas[0].base.raw, 0xb0000000);
	cr_assert_eq(mcfg.areas[0].segment, 0);
	cr_assert_eq(mcfg.areas[0].first_bus, 0);
	cr_assert_eq(mcfg.areas[0].last_bus, 255);
	table_free(table);
}

static void check_mcfg(struct acpi_bytes table, size_t offset)
{
	struct mcfg mcfg;
	int error = mcfg_parse(table, &mcfg);

	cr_assert(error == 0 || error == -EINVAL);
	if (error)
		return;
	accepted++;
	assert_mcfg(&mcfg);
	/* Reserved: 36 to 43, 56 to 59. */
	if (!is_identity(offset) && !(offset >= 36 && offset < 44) && offset < 56)
		cr_assert(mcfg.areas[0].base.raw != 0xb0000000 || mcfg.areas[0].segment != 0 ||
		                  mcfg.areas[0].first_bus != 0 || mcfg.areas[0].last_bus != 255,
		          "byte %zu was changed and nobody noticed", offset);
}

Test(mcfg, damaged_tables_are_refused_or_seen)
{
	table_each_truncation(q35_mcfg, sizeof(q35_mcfg), check_mcfg);
	cr_assert_eq(accepted, 0);
	table_each_flip(q35_mcfg, sizeof(q35_mcfg), check_mcfg);
	cr_assert_gt(accepted, 100);
}

struct area {
	uint64_t base;
	uint16_t segment;
	uint8_t first, last;
	uint32_t reserved;
};

static int parse_areas(const struct area *areas, size_t count)
{
	uint8_t body[8 + 16 * 16] = {0};
	struct acpi_bytes table;
	struct mcfg mcfg;
	int error;

	if (count > 0)
		memcpy(body + 8, areas, count * 16);
	table = table_make("MCFG", body, 8 + count * 16);
	error = mcfg_parse(table, &mcfg);
	if (error == 0)
		assert_mcfg(&mcfg);
	table_free(table);
	return error;
}

#define AREAS(...)                                      \
	parse_areas((const struct area[]){__VA_ARGS__}, \
	            sizeof((const struct area[]){__VA_ARGS__}) / sizeof(struct area))

Test(mcfg, areas_never_overlap)
{
	struct area many[MCFG_AREAS_MAX + 1];

	cr_assert_eq(AREAS({0xb0000000, 0, 0, 127, 0}, {0xb0000000, 0, 128, 255, 0}), 0);
	cr_assert_eq(AREAS({0xb0000000, 0, 0, 255, 0}, {0xc0000000, 1, 0, 255, 0}), 0);
	cr_assert_eq(AREAS({0xb0000000, 0, 0, 127, 0}, {0xd0000000, 0, 127, 255, 0}), -EINVAL,
	             "bus 127 twice");
	cr_assert_eq(AREAS({0xb0000000, 0, 0, 127, 0}, {0xb0000000, 1, 0, 127, 0}), -EINVAL,
	             "one place for two segments");
	cr_assert_eq(AREAS({0xb0000000, 0, 4, 3, 0}), -EINVAL, "no bus");
	cr_assert_eq(AREAS({0xb0080000, 0, 0, 3, 0}), -EINVAL, "not aligned");
	cr_assert_eq(AREAS({0, 0, 0, 3, 0}), -EINVAL, "at zero");
	cr_assert_eq(AREAS({UINT64_C(0xfffffffff8000000), 0, 0, 255, 0}), -EINVAL, "wraps");
	cr_assert_eq(parse_areas(NULL, 0), -EINVAL, "none");
	for (size_t i = 0; i < MCFG_AREAS_MAX + 1; i++)
		many[i] = (struct area){(i + 1) << 28, (uint16_t)i, 0, 255, 0};
	cr_assert_eq(parse_areas(many, MCFG_AREAS_MAX), 0);
	cr_assert_eq(parse_areas(many, MCFG_AREAS_MAX + 1), -E2BIG);
}

/* --- FADT ---------------------------------------------------------------------------------- */

Test(fadt, qemu_table_is_read_field_by_field)
{
	struct acpi_bytes table = table_copy(q35_facp, sizeof(q35_facp));
	struct fadt fadt;

	cr_assert_eq(fadt_parse(table, &fadt), 0);
	cr_assert_eq(fadt.pm_timer_port, 0x608);
	cr_assert_not(fadt.pm_timer_32bit);
	cr_assert_eq(fadt.pm1a_control, 0x604);
	cr_assert_eq(fadt.pm1b_control, 0);
	cr_assert_eq(fadt.dsdt.raw, 0x3fe0040);
	table_free(table);
}

static void check_fadt(struct acpi_bytes table, size_t offset)
{
	struct fadt fadt;
	int error = fadt_parse(table, &fadt);

	(void)offset;
	cr_assert(error == 0 || error == -EINVAL);
	if (error == 0) {
		accepted++;
		cr_assert(fadt.pm_timer_port <= 0xffff && fadt.pm1a_control <= 0xffff &&
		          fadt.pm1b_control <= 0xffff);
	} else {
		cr_assert(fadt.pm_timer_port == 0 && fadt.pm1a_control == 0);
	}
}

Test(fadt, damaged_tables_are_refused_or_harmless)
{
	table_each_truncation(q35_facp, sizeof(q35_facp), check_fadt);
	cr_assert_eq(accepted, sizeof(q35_facp) - 116, "revision 1 has 116 bytes");
	table_each_flip(q35_facp, sizeof(q35_facp), check_fadt);
	cr_assert_gt(accepted, 1000);
}

static void facp_with(size_t at, uint64_t value, size_t size, struct fadt *fadt)
{
	struct acpi_bytes table = table_copy(q35_facp, sizeof(q35_facp));

	memcpy(table_data(table) + at, &value, size);
	table_sign(table);
	cr_assert_eq(fadt_parse(table, fadt), 0);
	table_free(table);
}

Test(fadt, extended_addresses_win_when_they_are_ports)
{
	struct fadt fadt;

	facp_with(176, 0x1604, 8, &fadt);
	cr_assert_eq(fadt.pm1a_control, 0x1604);
	facp_with(172, 0, 1, &fadt);
	cr_assert_eq(fadt.pm1a_control, 0x604, "memory-mapped: the port serves");
	facp_with(176, 0x12345678, 8, &fadt);
	cr_assert_eq(fadt.pm1a_control, 0, "no such port");
	facp_with(140, UINT64_C(0x123456789000), 8, &fadt);
	cr_assert_eq(fadt.dsdt.raw, UINT64_C(0x123456789000));
	facp_with(112, 0x185a5, 4, &fadt);
	cr_assert(fadt.pm_timer_32bit);
	facp_with(91, 0, 1, &fadt);
	cr_assert_eq(fadt.pm_timer_port, 0, "length zero: no timer");
	facp_with(112, 0x1084a5, 4, &fadt);
	cr_assert(fadt.pm_timer_port == 0 && fadt.pm1a_control == 0, "hardware reduced");
}

/* --- \_S5 ---------------------------------------------------------------------------------- */

static bool find_s5(const uint8_t *aml, size_t size, uint8_t *type)
{
	struct acpi_bytes table = table_make("DSDT", aml, size);
	bool found = dsdt_find_s5(table, type);

	table_free(table);
	return found;
}

Test(s5, qemu_value_is_found)
{
	uint8_t type = 0xff;

	cr_assert(find_s5(q35_dsdt_s5, sizeof(q35_dsdt_s5), &type));
	cr_assert_eq(type, 0);
}

Test(s5, encodings)
{
	static const struct {
		bool found;
		uint8_t type;
		uint8_t aml[16];
		size_t size;
	} forms[] = {
	        {true, 7, {8, '_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 7, 0x0a, 7}, 12},
	        {true, 1, {8, '\\', '_', 'S', '5', '_', 0x12, 4, 2, 1, 1}, 11},
	        {true, 5, {8, '_', 'S', '5', '_', 0x12, 0x45, 0, 2, 0x0a, 5}, 11},
	        {false, 0, {8, '_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 8, 0x0a, 7}, 12},
	        {false, 0, {8, '_', 'S', '5', '_', 0x12, 6, 0, 0x0a, 7, 0x0a, 7}, 12},
	        {false, 0, {8, '_', 'S', '5', '_', 0x12, 9, 4, 0x0a, 7, 0x0a, 7}, 12},
	        {false, 0, {8, '_', 'S', '5', '_', 0x12, 0, 4, 0x0a, 7}, 10},
	        {false, 0, {8, '_', 'S', '5', '_', 0x12, 2, 4, 0x0a, 7}, 10},
	        {false, 0, {8, '_', 'S', '5', '_', 0x13, 6, 4, 0x0a, 7, 0x0a, 7}, 12},
	        {false, 0, {9, '_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 7, 0x0a, 7}, 12},
	        {false, 0, {'\\', '_', 'S', '5', '_', 0x12, 4, 2, 1, 1}, 10},
	        {false, 0, {8, '_', 'S', '5', '_'}, 5},
	        {false, 0, {0}, 0},
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		uint8_t type = 0xff;

		cr_assert_eq(find_s5(forms[i].aml, forms[i].size, &type), forms[i].found,
		             "form %zu", i);
		cr_assert_eq(type, forms[i].found ? forms[i].type : 0xff, "form %zu", i);
	}
}

Test(s5, random_bytes_never_yield_more_than_three_bits)
{
	struct random random = {7};

	for (int round = 0; round < 20000; round++) {
		uint8_t aml[40], type = 0;

		memcpy(aml, q35_dsdt_s5, sizeof(aml));
		for (uint64_t n = 1 + random_below(&random, 4); n > 0; n--)
			aml[20 + random_below(&random, 20)] = (uint8_t)random_next(&random);
		if (find_s5(aml, 20 + random_below(&random, 21), &type))
			cr_assert_leq(type, 7);
	}
}

/* --- HPET ---------------------------------------------------------------------------------- */

static void check_hpet(struct acpi_bytes table, size_t offset)
{
	paddr_t base = {1};
	int error = hpet_parse(table, &base);

	cr_assert(error == 0 || error == -EINVAL);
	cr_assert_eq(error == 0, base.raw != 0);
	cr_assert_eq(base.raw % 1024, 0);
	if (error == 0) {
		accepted++;
		cr_assert((offset >= 44 && offset < 52) == (base.raw != 0xfed00000));
	}
}

Test(hpet, qemu_and_damaged_tables)
{
	struct acpi_bytes table = table_copy(q35_hpet, sizeof(q35_hpet));
	paddr_t base;

	cr_assert_eq(hpet_parse(table, &base), 0);
	cr_assert_eq(base.raw, 0xfed00000);
	table_free(table);
	table_each_truncation(q35_hpet, sizeof(q35_hpet), check_hpet);
	cr_assert_eq(accepted, 0);
	table_each_flip(q35_hpet, sizeof(q35_hpet), check_hpet);
	cr_assert_gt(accepted, 100);
}

/* --- the common header --------------------------------------------------------------------- */

Test(header, a_table_of_another_kind_is_refused)
{
	struct acpi_bytes table = table_copy(q35_mcfg, sizeof(q35_mcfg));
	struct madt madt;
	paddr_t base;

	cr_assert_eq(madt_parse(table, &madt), -EINVAL);
	cr_assert_eq(hpet_parse(table, &base), -EINVAL);
	table_free(table);
}

Test(header, bytes_behind_the_length_are_not_read)
{
	uint8_t longer[sizeof(q35_mcfg) + 16];
	struct acpi_bytes table;
	struct mcfg mcfg;

	memset(longer, 0xff, sizeof(longer));
	memcpy(longer, q35_mcfg, sizeof(q35_mcfg));
	table = table_copy(longer, sizeof(longer));
	cr_assert_eq(mcfg_parse(table, &mcfg), 0);
	cr_assert_eq(mcfg.count, 1);
	table_free(table);
}
