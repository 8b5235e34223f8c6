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
