/* SPDX-License-Identifier: MIT */
/* What the whole system is doing, as text for a person: to be pasted into a report of a bug. */
#ifndef KERNEL_STATE_H
#define KERNEL_STATE_H

/*
 * Writes the state to the console, not to the log: a line at a time, some hundred at most. It is no
 * snapshot: others go on meanwhile. A panic calls it, too: when no lock is waited for any more
 * (locks_are_broken), and what is read may be half changed.
 */
void state_print(void);

/* The part of devices, out of the records that others provide (state_devices.c). */
void state_print_devices(void);

/* One line, without its newline; what is longer than STATE_LINE_MAX is cut. */
#define STATE_LINE_MAX 256u
void state_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
