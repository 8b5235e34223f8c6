// SPDX-License-Identifier: MIT
/* The stream of marks, byte by byte: what tests/witness/marks.py takes apart. */
#include <arch/console.h>
#include <criterion/criterion.h>
#include <kernel/cmdline.h>
#include <kernel/mark.h>
#include <string.h>

static uint8_t stream[256];
static size_t length;

void console_scratch(const uint8_t *bytes, size_t size)
{
	cr_assert_leq(length + size, sizeof(stream));
	memcpy(stream + length, bytes, size);
	length += size;
}

static void start(const char *options)
{
	length = 0;
	cmdline_init(options);
	mark_init();
}

Test(mark, nothing_is_written_without_the_option)
{
	start("exit=debug");
	mark_remap(1, (rid_t){0x18}, true);
	mark_command(1, 2);
	mark_frames_free(paddr(0x1000), 1);
	mark_call_enter(7);
	cr_expect_eq(length, 0);
}

Test(mark, the_option_is_known_and_begins_the_stream)
{
	static const uint8_t expected[] = {
	        0xa7, 1, 0, 0, MARK_VERSION, 0x100 - 0xa7 - 1 - MARK_VERSION};

	start("marks=on");
	cmdline_report_unknown();
	cr_assert_eq(length, sizeof(expected));
	cr_expect_arr_eq(stream, expected, sizeof(expected));
}

Test(mark, a_record_has_its_fields_in_order_and_a_sum_of_zero)
{
	static const uint8_t expected[] = {0xa7, 6,    0,    1,    0x34, 0x12, 2,    3,    0x00,
	                                   0x02, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
	                                   0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70};
	uint8_t sum = 0;

	start("marks=on");
	length = 0;
	mark_leaf_set(0x1234, 2, 3, 512, UINT64_C(0x1122334455667788),
	              UINT64_C(0x7060504030201000));
	cr_assert_eq(length, sizeof(expected) + 1);
	cr_expect_arr_eq(stream, expected, sizeof(expected));
	for (size_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + stream[i]);
	cr_expect_eq(sum, 0);
}

Test(mark, records_are_numbered)
{
	start("marks=on");
	length = 0;
	mark_unit_dead();
	mark_unit_dead();
	cr_assert_eq(length, 10);
	cr_expect_eq((uint8_t)(stream[3] + 1), stream[8]);
}
