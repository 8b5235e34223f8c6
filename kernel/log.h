/* SPDX-License-Identifier: MIT */
/*
 * The kernel log: lines with a level and a tag, on the console and in a ring.
 *
 * A source file that logs defines LOG_TAG before including this header. Formats: %d %i %u
 * %x %X %c %s %p %% with flags 0, - and #, width, precision of %s (also as *), and the length
 * modifiers hh h l ll z. Address types are printed through their raw member.
 */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

enum log_level {
	LOG_ERROR = 0, /* something is lost or refused that should have worked */
	LOG_WARN = 1,
	LOG_INFO = 2, /* the console's default */
	LOG_DEBUG = 3,
};

#define LOG_LINE_MAX  256u          /* bytes of a line with its newline; what is longer is cut */
#define LOG_RING_SIZE (64u * 1024u) /* bytes that are kept */

/* Formats one line, without a newline at its end. May be called anywhere but from NMI. */
void log_line(enum log_level level, const char *tag, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Lines above this level are kept from the console. */
/* Writes to the console, not to the log, without mixing with lines of the log or other writers. */
void log_console_put(const char *bytes, size_t size);

void log_set_level(enum log_level level);

/*
 * Copies from the ring what was logged from *position on (0: the oldest that is kept) and moves
 * *position behind it. Lines of all levels are there. Returns how many bytes were copied, at
 * most size; 0 when there is no more. When *position is no longer kept, it goes on with the
 * oldest byte.
 */
size_t log_read(uint64_t *position, char *buffer, size_t size);

/* Formats into a buffer; always ends with a zero byte; returns the length that the whole
 * text needs, as snprintf does. */
int format_text(char *buffer, size_t size, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
int format_text_v(char *buffer, size_t size, const char *format, va_list arguments)
        __attribute__((format(printf, 3, 0)));

#ifndef LOG_TAG
#define LOG_TAG "kernel"
#endif

#define log_error(...) log_line(LOG_ERROR, LOG_TAG, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, LOG_TAG, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, LOG_TAG, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, LOG_TAG, __VA_ARGS__)

#endif
