// SPDX-License-Identifier: MIT
#include <kernel/log.h>
#include <stdio.h>
#include <string.h>
#include <tests/unit/fake/fake.h>

static char text[1 << 20];
static size_t length;

const char *fake_log_text(void)
{
	return text;
}

void fake_log_clear(void)
{
	length = 0;
	text[0] = '\0';
}

/* Appends what fits; returns nothing, a log that is full loses its tail. */
static void append(const char *line)
{
	size_t size = strlen(line);

	if (size > sizeof(text) - 1 - length)
		size = sizeof(text) - 1 - length;
	memcpy(text + length, line, size);
	length += size;
	text[length] = '\0';
}

void log_line(enum log_level level, const char *tag, const char *format, ...)
{
	char line[512];
	va_list arguments;

	(void)level;
	va_start(arguments, format);
	format_text_v(line, sizeof(line), format, arguments);
	va_end(arguments);
	append(tag);
	append(": ");
	append(line);
	append("\n");
	fprintf(stderr, "log: %s: %s\n", tag, line);
}

void log_set_level(enum log_level level)
{
	(void)level;
}
