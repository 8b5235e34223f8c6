/* SPDX-License-Identifier: MIT */
/*
 * The seam between libstdc++ and the locales of a C library, of which there is one here: "C".
 * Headers that only mention streams need it.
 */
#ifndef CORDON_CXX_LOCALE_H
#define CORDON_CXX_LOCALE_H

#include <clocale>
#include <cstdarg>
#include <cstdio>

#define _GLIBCXX_NUM_CATEGORIES 0

namespace std
{
typedef int *__c_locale;

inline int __convert_from_v(const __c_locale &, char *out, const int size, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(out, static_cast<size_t>(size), format, arguments);
	va_end(arguments);
	return length;
}
} // namespace std

#endif
