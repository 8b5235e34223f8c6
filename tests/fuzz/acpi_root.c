/* SPDX-License-Identifier: MIT */
/*
 * The way from the RSDP to the tables, in a memory whose contents the input decides. Records of the
 * input are put at places that pointers of others can name; checksums are made right on demand.
 */
#include <arch/mmio.h>
#include <tests/fuzz/acpi.h>
#include <tests/unit/fake/fake.h>

#define AREA_BASE (FAKE_RAM_BASE + 0x100000)
#define AREA_SIZE 0x2000
#define SLOT_SIZE 0x100

static uint8_t sum(const uint8_t *bytes, size_t size)
{
	return acpi_sum((struct acpi_bytes){bytes, size});
}

/* What is at a place gets the checksums of an RSDP (5.2.5.3) or of a table (5.2.6). */
static void sign(uint8_t *bytes, size_t size, bool rsdp)
{
	if (rsdp && size >= 36) {
		memcpy(bytes, "RSD PTR ", 8);
		bytes[8] = 0;
		bytes[8] = (uint8_t)-sum(bytes, 20);
		bytes[32] = 0;
		bytes[32] = (uint8_t)-sum(bytes, 36);
	} else if (!rsdp && size >= sizeof(struct acpi_header)) {
		const uint32_t length = (uint32_t)size;

		memcpy(bytes + 4, &length, sizeof(length));
		bytes[9] = 0;
		bytes[9] = (uint8_t)-sum(bytes, size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	uint8_t *area = phys_to_virt(paddr(AREA_BASE));
	uint64_t rsdp = AREA_BASE + fuzz_below(&input, AREA_SIZE / SLOT_SIZE) * SLOT_SIZE;
	static const char *const names[] = {"APIC", "DMAR", "MCFG", "FACP", "HPET"};
	struct acpi_bytes table, body;

	memset(area, 0, AREA_SIZE);
	while (input.size > 0) {
		uint8_t slot = fuzz_byte(&input), how = fuzz_byte(&input);
		size_t length = fuzz_byte(&input);
		uint8_t *at = area + slot % (AREA_SIZE / SLOT_SIZE) * SLOT_SIZE;

		if (length > input.size)
			length = input.size;
		memcpy(at, input.data, length);
		input.data += length;
		input.size -= length;
		if (how & 1)
			sign(at, length, how & 2);
	}
	if (acpi_init(paddr(rsdp)))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		for (size_t n = 0; acpi_find(names[i], n, &table); n++)
			FUZZ_CHECK(acpi_open(table, names[i], &body) == 0);
	return 0;
}
