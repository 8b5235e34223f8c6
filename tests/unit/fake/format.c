// SPDX-License-Identifier: MIT
#include <kernel/log.h>
#include <stdio.h>

int format_text_v(char *buffer, size_t size, const char *format, va_list arguments)
{
	return vsnprintf(buffer, size, format, arguments);
}

int format_text(char *buffer, size_t size, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int needed = vsnprintf(buffer, size, format, arguments);
	va_end(arguments);
	return needed;
}
