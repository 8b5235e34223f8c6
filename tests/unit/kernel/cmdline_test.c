/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include <kernel/cmdline.h>
#include <tests/unit/fake/fake.h>

static bool value_is(const char *name, const char *expected)
{
	const char *value;
	size_t length;

	return cmdline_find(name, &value, &length) && length == strlen(expected) &&
	       strncmp(value, expected, length) == 0;
}

Test(cmdline, finds_words_and_values)
{
	const char *value;
	size_t length;

	cmdline_init("  quiet exit=debug\tlog=3  a=b=c empty= \n");
	cr_assert(value_is("quiet", ""));
	cr_assert(value_is("exit", "debug"));
	cr_assert(value_is("log", "3"));
	cr_assert(value_is("a", "b=c"));
	cr_assert(value_is("empty", ""));
	cr_assert_not(cmdline_find("qui", &value, &length), "a part of a name");
	cr_assert_not(cmdline_find("quiets", &value, &length));
	cr_assert_not(cmdline_find("debug", &value, &length), "a value is no name");
	cr_assert_str_eq(cmdline_text(), "  quiet exit=debug\tlog=3  a=b=c empty= \n");
}

Test(cmdline, the_last_of_two_counts)
{
	cmdline_init("log=1 log=2");
	cr_assert(value_is("log", "2"));
	cmdline_report_unknown();
	cr_assert_str_eq(fake_log_text(), "", "the first is known, too");
}

Test(cmdline, flags)
{
	cmdline_init("a b=on c=1 d=yes e=off f=0 g= h=one");
	cr_assert(cmdline_flag("a"));
	cr_assert(cmdline_flag("b"));
	cr_assert(cmdline_flag("c"));
	cr_assert(cmdline_flag("d"));
	cr_assert_not(cmdline_flag("e"));
	cr_assert_not(cmdline_flag("f"));
	cr_assert_not(cmdline_flag("g"));
	cr_assert_not(cmdline_flag("h"));
	cr_assert_not(cmdline_flag("i"));
}

Test(cmdline, a_number_is_taken_within_its_limits_only)
{
	cmdline_init("a=21 b=63 c=007 d=18446744073709551615");
	cr_expect_eq(cmdline_number("a", 21, 63, 48), 21);
	cr_expect_eq(cmdline_number("b", 21, 63, 48), 63);
	cr_expect_eq(cmdline_number("c", 0, 9, 1), 7);
	cr_expect_eq(cmdline_number("d", 0, UINT64_MAX, 1), UINT64_MAX);
	cr_expect_eq(cmdline_number("e", 21, 63, 48), 48, "not given");
	cr_expect_str_eq(fake_log_text(), "");
}

Test(cmdline, what_is_no_such_number_is_said_and_not_taken)
{
	static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};

	cmdline_init("a=20 b=64 c= d e=4o f=-48 g=18446744073709551616 h=48,5");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		fake_log_clear();
		cr_expect_eq(cmdline_number(names[i], 21, 63, 40), 40, "%s", names[i]);
		cr_expect(strstr(fake_log_text(), "from 21 to 63; taken is 40"));
	}
}

Test(cmdline, reports_what_nobody_asked_for)
{
	cmdline_init("known unknown=5 init.run=/test/x typo");
	cmdline_flag("known");
	cmdline_flag("absent");
	cmdline_report_unknown();
	cr_assert(strstr(fake_log_text(), "unknown option: unknown=5\n"));
	cr_assert(strstr(fake_log_text(), "unknown option: typo\n"));
	cr_assert_not(strstr(fake_log_text(), "init"), "that is init's");
	cr_assert_not(strstr(fake_log_text(), ": known"));
}

Test(cmdline, a_long_line_is_cut_and_reported)
{
	char text[3000];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 2 ? ' ' : 'w';
	text[sizeof(text) - 1] = '\0';
	cmdline_init(text);
	cr_assert_eq(strlen(cmdline_text()), CMDLINE_MAX - 1);
	cr_assert(strstr(fake_log_text(), "cut off"));
	/* As many words as fit. */
	fake_log_clear();
	cr_assert(cmdline_flag("w"));
	cmdline_report_unknown();
	cr_assert_str_eq(fake_log_text(), "");
}
