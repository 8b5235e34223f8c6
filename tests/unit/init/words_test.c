/* SPDX-License-Identifier: MIT */
/* Splitting lines, and what the kernel command line asks of init. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tasks/init/options.h"
#include "tasks/init/words.h"

/* Splits a copy that ends where its allocation ends, and joins the words with '|'. */
static int split(const char *text, size_t max, bool comments, char *joined)
{
	char *line = strdup(text);
	char **words = calloc(max, sizeof(*words));
	int count = words_split(line, words, max, comments);

	joined[0] = '\0';
	for (int i = 0; i < count; i++) {
		strcat(joined, i > 0 ? "|" : "");
		strcat(joined, words[i]);
	}
	free(words);
	free(line);
	return count;
}

Test(words, spaces_and_tabs_separate)
{
	char joined[128];

	cr_assert_eq(split("  run\tnvme   identify ", 8, false, joined), 3);
	cr_assert_str_eq(joined, "run|nvme|identify");
	cr_assert_eq(split("", 8, false, joined), 0);
	cr_assert_eq(split(" \t \r", 8, false, joined), 0);
}

Test(words, quotes_keep_spaces_and_disappear)
{
	char joined[128];

	cr_assert_eq(split("args \"two words\" a\"b c\"d \"\"", 8, false, joined), 4);
	cr_assert_str_eq(joined, "args|two words|ab cd|");
	cr_assert_eq(split("args \"open", 8, false, joined), -EINVAL);
}

Test(words, a_hash_is_a_comment_only_where_asked_and_only_at_a_word)
{
	char joined[128];

	cr_assert_eq(split("wait # until the end", 8, true, joined), 1);
	cr_assert_str_eq(joined, "wait");
	cr_assert_eq(split("wait # x", 8, false, joined), 3);
	cr_assert_eq(split("a#b \"#c\"", 8, true, joined), 2);
	cr_assert_str_eq(joined, "a#b|#c");
}

Test(words, too_many_is_an_error_and_writes_nothing_beyond)
{
	char joined[128];

	cr_assert_eq(split("a b c", 3, false, joined), 3);
	cr_assert_eq(split("a b c d", 3, false, joined), -E2BIG);
}

Test(words, numbers_are_whole_and_bounded)
{
	uint64_t value = 7;

	cr_assert_eq(words_number("18446744073709551615", 10, UINT64_MAX, &value), 0);
	cr_assert_eq(value, UINT64_MAX);
	cr_assert_eq(words_number("18446744073709551616", 10, UINT64_MAX, &value), -EINVAL);
	cr_assert_eq(words_number("fFfF", 16, 0xffff, &value), 0);
	cr_assert_eq(value, 0xffff);
	cr_assert_eq(words_number("10000", 16, 0xffff, &value), -EINVAL);
	for (const char *const *bad =
	             (const char *const[]){"", "-1", "+1", "1x", "0x1", " 1", "a", NULL};
	     *bad != NULL; bad++)
		cr_assert_eq(words_number(*bad, 10, UINT64_MAX, &value), -EINVAL, "%s", *bad);
	cr_assert_eq(value, 0xffff, "an error leaves the result alone");
}

static char problems[512];

static void note(const char *word, const char *reason)
{
	(void)reason;
	strcat(problems, word);
	strcat(problems, ";");
}

static struct options options;

static void parse(const char *cmdline)
{
	problems[0] = '\0';
	options_parse(&options, cmdline, note);
}

Test(options, without_any_the_manifest_is_run_and_no_prompt)
{
	parse("console=ttyS0 debug");
	cr_assert_str_eq(options.manifest, "/etc/manifest");
	cr_assert_eq(options.run_count, 0);
	cr_assert_not(options.prompt);
	cr_assert_str_eq(problems, "");
}

Test(options, run_takes_a_path_and_arguments)
{
	parse("x init.run=/test/map,a,,b init.prompt=1 init.manifest=/etc/manifest.x");
	cr_assert_eq(options.run_count, 4);
	cr_assert_str_eq(options.run[0], "/test/map");
	cr_assert_str_eq(options.run[1], "a");
	cr_assert_str_eq(options.run[2], "");
	cr_assert_str_eq(options.run[3], "b");
	cr_assert(options.prompt);
	cr_assert_str_eq(options.manifest, "/etc/manifest.x");
	cr_assert_str_eq(problems, "");
}

Test(options, what_cannot_be_obeyed_is_reported)
{
	parse("init.foo=1 init.prompt=yes init.prompt init.run=map init.manifest=x other.run=1");
	cr_assert_str_eq(problems, "init.foo;init.prompt;init.prompt;init.run;init.manifest;");
	cr_assert_eq(options.run_count, 0);
	cr_assert_str_eq(options.manifest, "/etc/manifest");
	cr_assert_not(options.prompt);
}

Test(options, a_refused_option_leaves_the_one_before_it_whole)
{
	parse("init.run=/t,a init.run=/u,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16");
	cr_assert_str_eq(problems, "init.run;");
	cr_assert_eq(options.run_count, 2);
	cr_assert_str_eq(options.run[0], "/t");
	cr_assert_str_eq(options.run[1], "a");
}

Test(options, too_many_arguments_and_too_long_lines_are_reported)
{
	char *line = calloc(1, OPTIONS_BYTES_MAX + 1);

	parse("init.run=/t,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16");
	cr_assert_str_eq(problems, "init.run;");
	cr_assert_eq(options.run_count, 0);
	memset(line, 'x', OPTIONS_BYTES_MAX);
	parse(line);
	cr_assert_str_eq(problems, "init.*;");
	line[OPTIONS_BYTES_MAX - 1] = '\0';
	parse(line);
	cr_assert_str_eq(problems, "");
	free(line);
}
