/* SPDX-License-Identifier: MIT */
#include <cordon/rt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <tests/guest/support/tap.h>

static unsigned int count, failed;

static void result(bool passed, const char *format, va_list arguments)
{
	count++;
	failed += !passed;
	printf("%sok %u - ", passed ? "" : "not ", count);
	vprintf(format, arguments);
	printf("\n");
}

bool tap_ok(bool condition, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	result(condition, format, arguments);
	va_end(arguments);
	return condition;
}

bool tap_is(int64_t have, int64_t want, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	result(have == want, format, arguments);
	va_end(arguments);
	if (have != want)
		printf("# got %lld (%s), expected %lld (%s)\n", (long long)have,
		       have < 0 ? cordon_strerror(have) : "", (long long)want,
		       want < 0 ? cordon_strerror(want) : "");
	return have == want;
}

void tap_skip(const char *reason, const char *format, ...)
{
	va_list arguments;

	printf("ok %u - ", ++count);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf(" # SKIP %s\n", reason);
}

void tap_note(const char *format, ...)
{
	va_list arguments;

	printf("# ");
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
}

void tap_bail(const char *format, ...)
{
	va_list arguments;

	printf("Bail out! ");
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
	exit(1);
}

int tap_done(void)
{
	printf("1..%u\n", count);
	return failed || count == 0;
}
