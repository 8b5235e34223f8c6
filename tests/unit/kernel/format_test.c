/* SPDX-License-Identifier: MIT */
/* The kernel's formats against the host's snprintf. */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <kernel/log.h>

#include <tests/random.h>

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"

#define SAME(size, ...)                                                       \
	do {                                                                  \
		char ours_[300];                                              \
		char theirs_[300];                                            \
		int length_;                                                  \
		memset(ours_, 'x', sizeof(ours_));                            \
		memset(theirs_, 'x', sizeof(theirs_));                        \
		length_ = snprintf(theirs_, size, __VA_ARGS__);               \
		cr_assert_eq(format_text(ours_, size, __VA_ARGS__), length_); \
		if ((size) > 0)                                               \
			cr_assert_str_eq(ours_, theirs_);                     \
		cr_assert_eq(ours_[size], 'x', "beyond the end");             \
	} while (0)

/* Makes a directive of the kinds that log.h names; every second one is wide. */
static void make_format(struct random *random, const char *length, char letter, char *out,
                        size_t size)
{
	static const char *const flags[] = {"", "-", "0", "-0"};
	static const char *const sharp[] = {"", "#"};
	char width[8] = "";
	bool hex = letter == 'x' || letter == 'X';

	if (random_below(random, 2))
		snprintf(width, sizeof(width), "%u", (unsigned int)random_below(random, 40));
	/* With the zero flag a width is what counts; the C library warns about "-0". */
	snprintf(out, size, "<%%%s%s%s%s%c>", flags[random_below(random, 4)],
	         hex ? sharp[random_below(random, 2)] : "", width, length, letter);
}

static uint64_t make_value(struct random *random)
{
	static const uint64_t special[] = {0,         1,         9,          10,         INT_MAX,
	                                   INT64_MAX, INT64_MIN, UINT64_MAX, UINT32_MAX, 0x80,
	                                   0x7f,      0xffff,    0x8000};

	if (random_below(random, 2))
		return special[random_below(random, 13)];
	return random_next(random) >> random_below(random, 64);
}

Test(format, integers_of_every_length_look_as_snprintf_has_them)
{
	static const char letters[] = "diuxX";
	struct random random = {31};
	char format[32];

	for (int round = 0; round < 60000; round++) {
		char letter = letters[random_below(&random, 5)];
		uint64_t value = make_value(&random);

		make_format(&random, "hh", letter, format, sizeof(format));
		SAME(100, format, (int)value);
		make_format(&random, "h", letter, format, sizeof(format));
		SAME(100, format, (int)value);
		make_format(&random, "", letter, format, sizeof(format));
		SAME(100, format, (int)value);
		make_format(&random, "l", letter, format, sizeof(format));
		SAME(100, format, (long)value);
		make_format(&random, "ll", letter, format, sizeof(format));
		SAME(100, format, (long long)value);
		make_format(&random, "z", letter, format, sizeof(format));
		SAME(100, format, (size_t)value);
	}
}

Test(format, text_and_characters_look_as_snprintf_has_them)
{
	SAME(100, "plain");
	SAME(100, "100%%");
	SAME(100, "%s", "");
	SAME(100, "<%s>", "text");
	SAME(100, "<%10s>", "text");
	SAME(100, "<%-10s>", "text");
	SAME(100, "<%2s>", "text");
	SAME(100, "<%.2s>", "text");
	SAME(100, "<%10.2s>", "text");
	SAME(100, "<%-10.9s>", "text");
	SAME(100, "<%.*s>", 3, "text");
	SAME(100, "<%.*s>", 0, "text");
	SAME(100, "<%.*s>", -1, "text");
	SAME(100, "<%*d>", 8, 5);
	SAME(100, "<%*d>", -8, 5);
	SAME(100, "<%c%c>", 'a', 'b');
	SAME(100, "<%5c>", 'a');
	SAME(100, "<%-5c>", 'a');
	SAME(100, "%p", (void *)0x1234abcd);
	SAME(100, "%d %s %x %c %llu %p", -5, "mixed", 0xabcu, '!', 1ull << 40, (void *)16);
	/* A precision may stand for the missing zero byte. */
	SAME(100, "%.4s", ((const char[4]){'f', 'o', 'u', 'r'}));
}

Test(format, a_short_buffer_is_filled_and_ended)
{
	for (size_t size = 0; size < 20; size++) {
		SAME(size, "%s-%d", "length", 123456);
		SAME(size, "%15d", 5);
	}
}

Test(format, what_is_not_supported_is_shown)
{
	char text[32];
	const char *unknown = "%d %q";
	const char *unfinished = "5%";
	const char *volatile nothing = NULL; /* the compiler would complain */

	format_text(text, sizeof(text), unknown, 7);
	cr_assert_str_eq(text, "7 %q");
	format_text(text, sizeof(text), unfinished);
	cr_assert_str_eq(text, "5");
	format_text(text, sizeof(text), "%s", nothing);
	cr_assert_str_eq(text, "(null)");
}
