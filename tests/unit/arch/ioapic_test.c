/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include <arch/mmio.h>
#include <arch/x86_64/ioapic.h>
#include <cordon/errno.h>
#include <tests/unit/fake/fake.h>

#define ENTRIES 24
#define APIC_ID 5
#define BASE    0xfec00000

uint32_t irq_boot_apic_id(void)
{
	return APIC_ID;
}

/* --- a model of the chip ------------------------------------------------------------------- */

static uint32_t selected;
static uint64_t table[ENTRIES];
static int written_unmasked_in_two_steps;

static uint64_t chip_read(void *context, uint64_t offset, unsigned int width)
{
	(void)context;
	cr_assert_eq(width, 4);
	if (offset == 0)
		return selected;
	cr_assert_eq(offset, 0x10);
	if (selected == 1)
		return 0x20 | (ENTRIES - 1) << 16;
	cr_assert(selected >= 0x10 && selected < 0x10 + 2 * ENTRIES);
	return (uint32_t)(table[(selected - 0x10) / 2] >> (selected % 2 * 32));
}

static void chip_write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	uint64_t *entry;

	(void)context;
	cr_assert_eq(width, 4);
	if (offset == 0) {
		selected = (uint32_t)value;
		return;
	}
	cr_assert(selected >= 0x10 && selected < 0x10 + 2 * ENTRIES);
	entry = &table[(selected - 0x10) / 2];
	if (selected % 2) {
		/* Changing the target of an entry that can fire sends it somewhere in between. */
		written_unmasked_in_two_steps += !(*entry >> 16 & 1);
		*entry = (uint32_t)*entry | value << 32;
	} else {
		*entry = (*entry & 0xffffffff00000000) | (uint32_t)value;
	}
}

static const struct fake_device chip = {.read = chip_read, .write = chip_write};

static void setup(void)
{
	const struct ioapic_info info = {.id = 0, .gsi_base = 0, .base = paddr(BASE)};

	fake_mmio_add(paddr(BASE), 0x1000, &chip);
	for (int i = 0; i < ENTRIES; i++)
		table[i] = (uint64_t)i;
	cr_assert_eq(ioapic_init(&info, 1), 0);
}

TestSuite(ioapic, .init = setup);

Test(ioapic, every_entry_is_masked_at_first)
{
	for (int i = 0; i < ENTRIES; i++)
		cr_assert(table[i] >> 16 & 1);
}

Test(ioapic, a_compatibility_entry_names_vector_and_target)
{
	cr_assert_eq(ioapic_route(4, (vector_t){0x31}, -1, false, false), 0);
	cr_assert_eq(table[4], UINT64_C(0x0500000000010031));
	cr_assert_eq(ioapic_route(9, (vector_t){0x45}, -1, true, true), 0);
	cr_assert_eq(table[9], UINT64_C(0x050000000001a045));
	cr_assert_eq(ioapic_mask(4, false), 0);
	cr_assert_eq(table[4], UINT64_C(0x0500000000000031));
	cr_assert_eq(ioapic_mask(4, true), 0);
	cr_assert_eq(table[4], UINT64_C(0x0500000000010031));
}

/* The layout of VT-d 5.1.5.1, put together by hand. */
Test(ioapic, a_remappable_entry_carries_all_sixteen_bits_of_the_index)
{
	for (int32_t index = 0; index <= 0xffff; index++) {
		uint64_t entry = ioapic_entry((vector_t){0x31}, index, true, false, APIC_ID);
		uint64_t found = (entry >> 49 & 0x7fff) | (entry >> 11 & 1) << 15;

		cr_assert_eq(found, (uint64_t)index);
		cr_assert(entry >> 48 & 1);
		cr_assert_eq(entry & 0xff, 0x31);
		cr_assert_eq(entry >> 8 & 7, 0);
		cr_assert(entry >> 15 & 1);
		cr_assert(entry >> 16 & 1);
	}
}

Test(ioapic, an_entry_is_masked_while_it_changes)
{
	for (uint32_t gsi = 0; gsi < ENTRIES; gsi++) {
		cr_assert_eq(ioapic_mask(gsi, false), 0);
		cr_assert_eq(ioapic_route(gsi, (vector_t){0x40}, 7, false, false), 0);
	}
	cr_assert_eq(written_unmasked_in_two_steps, 0);
}

Test(ioapic, interrupts_and_indices_that_do_not_exist_are_refused)
{
	cr_assert_eq(ioapic_route(ENTRIES, (vector_t){0x40}, -1, false, false), -ENXIO);
	cr_assert_eq(ioapic_mask(ENTRIES, true), -ENXIO);
	cr_assert_eq(ioapic_route(UINT32_MAX, (vector_t){0x40}, -1, false, false), -ENXIO);
	cr_assert_eq(ioapic_route(3, (vector_t){0x40}, 0x10000, false, false), -EINVAL);
}
