/* SPDX-License-Identifier: MIT */
/* MADT: what is accepted has no two interrupt controllers or processors in one place. */
#include <tests/fuzz/acpi.h>

static void check(const struct madt *madt)
{
	FUZZ_CHECK(madt->local_apic.raw && is_aligned(madt->local_apic.raw, PAGE_SIZE));
	FUZZ_CHECK(madt->cpu_count > 0 && madt->cpu_count <= MADT_CPUS_MAX);
	FUZZ_CHECK(madt->ioapic_count <= MADT_IOAPICS_MAX);
	FUZZ_CHECK(madt->override_count <= MADT_OVERRIDES_MAX);
	for (size_t i = 0; i < madt->cpu_count; i++)
		for (size_t j = 0; j < i; j++)
			FUZZ_CHECK(madt->cpu_apic_ids[i] != madt->cpu_apic_ids[j]);
	for (size_t i = 0; i < madt->ioapic_count; i++) {
		FUZZ_CHECK(madt->ioapics[i].base.raw && madt->ioapics[i].base.raw % 16 == 0);
		for (size_t j = 0; j < i; j++)
			FUZZ_CHECK(madt->ioapics[i].base.raw != madt->ioapics[j].base.raw &&
			           madt->ioapics[i].gsi_base != madt->ioapics[j].gsi_base);
	}
	for (size_t i = 0; i < madt->override_count; i++) {
		FUZZ_CHECK(madt->overrides[i].irq < 16);
		for (size_t j = 0; j < i; j++)
			FUZZ_CHECK(madt->overrides[i].irq != madt->overrides[j].irq &&
			           madt->overrides[i].gsi != madt->overrides[j].gsi);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct acpi_bytes table = fuzz_table(data, size, "APIC");
	struct madt madt;

	if (madt_parse(table, &madt) == 0)
		check(&madt);
	fuzz_table_free(table);
	return 0;
}
