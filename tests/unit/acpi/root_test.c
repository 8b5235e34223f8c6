/* SPDX-License-Identifier: MIT */
/* Finding tables in physical memory, through good and bad roots. */
#include <arch/mmio.h>
#include <cordon/errno.h>
#include <tests/unit/acpi/data/q35.h>
#include <tests/unit/acpi/tables.h>
#include <tests/unit/fake/fake.h>

#define RSDP_AT 0x200010 /* not where a BIOS keeps it: only the given address leads here */
#define RSDT_AT 0x201000
#define XSDT_AT 0x202000
#define DMAR_AT 0x203004
#define FACP_AT 0x204000
#define DSDT_AT 0x3fe0040 /* where QEMU's FADT says */
#define MCFG_AT 0x206000

static void place(uint64_t at, const void *bytes, size_t size)
{
	memcpy(phys_to_virt(paddr(at)), bytes, size);
}

static void place_table(uint64_t at, struct acpi_bytes table)
{
	place(at, table.data, table.size);
	table_free(table);
}

static uint8_t *byte_at(uint64_t at)
{
	return phys_to_virt(paddr(at));
}

static void sum_to_zero(uint64_t at, size_t size, size_t checksum)
{
	uint8_t sum = 0;

	*byte_at(at + checksum) = 0;
	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + *byte_at(at + i));
	*byte_at(at + checksum) = (uint8_t)-sum;
}

static void place_rsdp(uint8_t revision, uint32_t rsdt, uint64_t xsdt)
{
	uint32_t length = 36;

	memset(byte_at(RSDP_AT), 0, 36);
	place(RSDP_AT, "RSD PTR ", 8);
	*byte_at(RSDP_AT + 15) = revision;
	place(RSDP_AT + 16, &rsdt, 4);
	place(RSDP_AT + 20, &length, 4);
	place(RSDP_AT + 24, &xsdt, 8);
	sum_to_zero(RSDP_AT, 20, 8);
	sum_to_zero(RSDP_AT, 36, 32);
}

static void place_tables(void)
{
	const uint32_t narrow[] = {DMAR_AT, FACP_AT, 0};
	const uint64_t wide[] = {MCFG_AT, DMAR_AT, DMAR_AT};
	uint8_t aml[64] = {0};

	memcpy(aml, q35_dsdt_s5, sizeof(q35_dsdt_s5));
	place(DMAR_AT, q35_dmar, sizeof(q35_dmar));
	place(FACP_AT, q35_facp, sizeof(q35_facp));
	place(MCFG_AT, q35_mcfg, sizeof(q35_mcfg));
	place_table(DSDT_AT, table_make("DSDT", aml, sizeof(aml)));
	place_table(RSDT_AT, table_make("RSDT", narrow, sizeof(narrow)));
	place_table(XSDT_AT, table_make("XSDT", wide, sizeof(wide)));
}

Test(root, rsdt_of_revision_0_leads_to_tables_and_the_dsdt)
{
	struct acpi_bytes bytes;
	uint8_t type;

	place_tables();
	place_rsdp(0, RSDT_AT, 0);
	cr_assert_eq(acpi_init(paddr(RSDP_AT)), 0);
	cr_assert(acpi_find("DMAR", 0, &bytes));
	cr_assert_eq(bytes.size, sizeof(q35_dmar));
	cr_assert_eq(memcmp(bytes.data, q35_dmar, sizeof(q35_dmar)), 0);
	cr_assert_not(acpi_find("DMAR", 1, &bytes));
	cr_assert_not(acpi_find("MCFG", 0, &bytes));
	cr_assert(acpi_find("DSDT", 0, &bytes));
	cr_assert(dsdt_find_s5(bytes, &type));
}

Test(root, xsdt_is_preferred_and_its_order_kept)
{
	struct acpi_bytes first, second;

	place_tables();
	place_rsdp(2, RSDT_AT, XSDT_AT);
	cr_assert_eq(acpi_init(paddr(RSDP_AT)), 0);
	cr_assert(acpi_find("MCFG", 0, &first));
	cr_assert(acpi_find("DMAR", 1, &second));
	cr_assert_not(acpi_find("DMAR", 2, &second));
	cr_assert_not(acpi_find("FACP", 0, &second));
}

Test(root, a_second_search_forgets_the_first)
{
	struct acpi_bytes bytes;

	place_tables();
	place_rsdp(0, RSDT_AT, 0);
	cr_assert_eq(acpi_init(paddr(RSDP_AT)), 0);
	place_rsdp(2, 0, XSDT_AT);
	cr_assert_eq(acpi_init(paddr(RSDP_AT)), 0);
	cr_assert_not(acpi_find("FACP", 0, &bytes));
}

Test(root, broken_tables_are_left_out_and_the_others_kept)
{
	const uint32_t huge = 0xffffffff, tiny = 35;
	struct acpi_bytes bytes;

	place_tables();
	place_rsdp(0, RSDT_AT, 0);
	*byte_at(DMAR_AT + 60) ^= 1;
	cr_assert_eq(acpi_init(paddr(RSDP_AT)), 0);
	cr_assert_not(acpi_find("DMAR", 0, &bytes));
	cr_assert(acpi_find("FACP", 0, &bytes));
	place(DMAR_AT + 4, &huge, 4);
	cr_assert_eq(acpi_init(paddr(RSDP_AT)), 0);
	cr_assert_not(acpi_find("DMAR", 0, &bytes));
	place(DMAR_AT + 4, &tiny, 4);
	cr_assert_eq(acpi_init(paddr(RSDP_AT)), 0);
	cr_assert_not(acpi_find("DMAR", 0, &bytes));
	*byte_at(DSDT_AT + 40) ^= 1;
	cr_assert_eq(acpi_init(paddr(RSDP_AT)), 0);
	cr_assert_not(acpi_find("DSDT", 0, &bytes));
}

Test(root, a_broken_root_is_an_error)
{
	place_tables();
	place_rsdp(0, RSDT_AT, 0);
	*byte_at(RSDT_AT + 38) ^= 1;
	cr_assert_eq(acpi_init(paddr(RSDP_AT)), -EINVAL);
	place_rsdp(2, RSDT_AT, RSDT_AT);
	cr_assert_eq(acpi_init(paddr(RSDP_AT)), -EINVAL, "an RSDT is no XSDT");
}

Test(root, every_bit_flip_of_the_rsdp_is_refused)
{
	place_tables();
	place_rsdp(2, RSDT_AT, XSDT_AT);
	for (unsigned int bit = 0; bit < 36 * 8; bit++) {
		*byte_at(RSDP_AT + bit / 8) ^= (uint8_t)(1u << bit % 8);
		cr_assert_eq(acpi_init(paddr(RSDP_AT)), -ENOENT, "bit %u", bit);
		*byte_at(RSDP_AT + bit / 8) ^= (uint8_t)(1u << bit % 8);
	}
	cr_assert_eq(acpi_init(paddr(RSDP_AT)), 0);
	cr_assert_eq(acpi_init(paddr(0)), -ENOENT, "nothing in the BIOS areas here");
}

Test(root, tables_beyond_the_limit_are_reported)
{
	uint32_t many[70];

	place_tables();
	for (size_t i = 0; i < 70; i++)
		many[i] = MCFG_AT;
	place_table(RSDT_AT, table_make("RSDT", many, sizeof(many)));
	place_rsdp(0, RSDT_AT, 0);
	cr_assert_eq(acpi_init(paddr(RSDP_AT)), 0);
	cr_assert(strstr(fake_log_text(), "more than 64 tables"));
}

Test(root, S5_no_table_is_missed_silently_when_memory_is_short)
{
	struct acpi_bytes bytes;
	bool told, whole = false;

	place_tables();
	place_rsdp(0, RSDT_AT, 0);
	for (uint64_t count = 1; !whole; count++) {
		cr_assert_lt(count, 100u);
		fake_log_clear();
		fake_mmio_fail(count);
		whole = acpi_init(paddr(RSDP_AT)) == 0 && acpi_find("DMAR", 0, &bytes) &&
		        acpi_find("FACP", 0, &bytes) && acpi_find("DSDT", 0, &bytes);
		told = strstr(fake_log_text(), "no memory to look at firmware's table") != NULL;
		cr_assert(whole || told, "mapping %llu", (unsigned long long)count);
	}
	fake_mmio_fail(0);
}
