/* SPDX-License-Identifier: MIT */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cordon/rt.h>

/* The last part of argv[0]. */
static const char *program_name(void)
{
	const struct cordon_startup *startup = cordon_startup();
	const char *const *argv = (const char *const *)(uintptr_t)startup->argv;
	const char *slash = startup->argc > 0 ? strrchr(argv[0], '/') : NULL;

	if (slash != NULL)
		return slash + 1;
	return startup->argc > 0 ? argv[0] : "?";
}

/* reason: NULL says none. */
static void complain(const char *reason, const char *format, va_list arguments)
{
	fflush(stdout);
	fprintf(stderr, "%s: ", program_name());
	if (format != NULL)
		vfprintf(stderr, format, arguments);
	if (format != NULL && reason != NULL)
		fputs(": ", stderr);
	fprintf(stderr, "%s\n", reason != NULL ? reason : "");
}

void vwarn(const char *format, va_list arguments)
{
	complain(strerror(errno), format, arguments);
}

void vwarnx(const char *format, va_list arguments)
{
	complain(NULL, format, arguments);
}

void verr(int code, const char *format, va_list arguments)
{
	vwarn(format, arguments);
	exit(code);
}

void verrx(int code, const char *format, va_list arguments)
{
	vwarnx(format, arguments);
	exit(code);
}

void warn(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vwarn(format, arguments);
	va_end(arguments);
}

void warnx(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vwarnx(format, arguments);
	va_end(arguments);
}

void err(int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vwarn(format, arguments);
	va_end(arguments);
	exit(code);
}

void errx(int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vwarnx(format, arguments);
	va_end(arguments);
	exit(code);
}
