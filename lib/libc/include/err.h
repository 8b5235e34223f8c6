/* SPDX-License-Identifier: MIT */
/* Messages on stderr that begin with the program's name; err and errx end the program. The forms
 * without x add ": " and errno in words. */
#ifndef CORDON_ERR_H
#define CORDON_ERR_H

#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CORDON_ERR_FORMAT(which, first) __attribute__((__format__(__printf__, which, first)))

void warn(const char *format, ...) CORDON_ERR_FORMAT(1, 2);
void warnx(const char *format, ...) CORDON_ERR_FORMAT(1, 2);
void vwarn(const char *format, va_list arguments) CORDON_ERR_FORMAT(1, 0);
void vwarnx(const char *format, va_list arguments) CORDON_ERR_FORMAT(1, 0);

__attribute__((__noreturn__)) void err(int code, const char *format, ...) CORDON_ERR_FORMAT(2, 3);
__attribute__((__noreturn__)) void errx(int code, const char *format, ...) CORDON_ERR_FORMAT(2, 3);
__attribute__((__noreturn__)) void verr(int code, const char *format, va_list arguments)
        CORDON_ERR_FORMAT(2, 0);
__attribute__((__noreturn__)) void verrx(int code, const char *format, va_list arguments)
        CORDON_ERR_FORMAT(2, 0);

#undef CORDON_ERR_FORMAT

#ifdef __cplusplus
}
#endif
#endif
