/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include <kernel/symbols.h>

#define BASE UINT64_C(0xffffffff80000000)

/* What tools/mksyms.py would make of three functions and the end of the text. */
const uint32_t ksyms_count = 4;
const uint32_t ksyms_addresses[] = {0x1000, 0x1010, 0x2000, 0x2100};
const uint32_t ksyms_offsets[] = {0, 6, 11, 16};
const char ksyms_names[] = "first\0next\0last\0";

static void expect(uint64_t address, const char *name, uint64_t expected)
{
	uint64_t offset = 99;
	const char *found = symbol_lookup(address, &offset);

	if (!name) {
		cr_assert_null(found);
		cr_assert_eq(offset, 99, "not written");
		return;
	}
	cr_assert_str_eq(found, name);
	cr_assert_eq(offset, expected);
	cr_assert_eq(symbol_lookup(address, NULL), found);
}

Test(symbols, names_the_function_that_contains_an_address)
{
	expect(BASE + 0x1000, "first", 0);
	expect(BASE + 0x100f, "first", 15);
	expect(BASE + 0x1010, "next", 0);
	expect(BASE + 0x1fff, "next", 0xfef);
	expect(BASE + 0x20ff, "last", 0xff);
}

Test(symbols, knows_no_address_outside_the_text)
{
	expect(BASE + 0xfff, NULL, 0);
	expect(BASE + 0x2100, NULL, 0);
	expect(BASE + 0x7fffffff, NULL, 0);
	expect(BASE - 1, NULL, 0);
	expect(0x1000, NULL, 0);
	expect(0, NULL, 0);
	expect(UINT64_MAX, NULL, 0);
}
