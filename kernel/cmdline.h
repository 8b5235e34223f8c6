/* SPDX-License-Identifier: MIT */
/*
 * The kernel command line: words of the form name or name=value. docs/options.md lists
 * them. Words that start with "init." belong to init; every other word that no one asked
 * for is reported at the end of boot.
 */
#ifndef KERNEL_CMDLINE_H
#define KERNEL_CMDLINE_H

#include <kernel/types.h>

#define CMDLINE_MAX 1024

/* Keeps a copy; text beyond CMDLINE_MAX - 1 bytes is cut off and reported. */
void cmdline_init(const char *text);
const char *cmdline_text(void);

/* Finds an option and marks it as known. Returns false when it is not given. With a value,
 * *value and *length name it (inside cmdline_text); without one *length is zero. */
bool cmdline_find(const char *name, const char **value, size_t *length);

/* True when "name", "name=on", "name=1" or "name=yes" is given. */
bool cmdline_flag(const char *name);

/* The number in an option. Not given: fallback; and the same, with a warning, when it is anything
 * but digits or not from min to max. */
uint64_t cmdline_number(const char *name, uint64_t min, uint64_t max, uint64_t fallback);

/* Logs a warning for each word that no cmdline_find asked for. */
void cmdline_report_unknown(void);

#endif
