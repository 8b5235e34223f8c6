/* SPDX-License-Identifier: MIT */
/*
 * Test Anything Protocol on the console, for programs under tests/guest.
 *
 * A program calls tap_ok, tap_is and friends, and ends with `return tap_done();`. The plan comes
 * last; a program that dies before it prints none and fails.
 */
#ifndef TESTS_GUEST_TAP_H
#define TESTS_GUEST_TAP_H

#include <stdbool.h>
#include <stdint.h>

/* One result. Returns the condition, so that what depends on it can be left out. */
bool tap_ok(bool condition, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Passes when both are equal; prints both otherwise. Meant for results of system calls. */
bool tap_is(int64_t have, int64_t want, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* A test that cannot be made here, and why; neither passed nor failed. */
void tap_skip(const char *reason, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A line for the log, not a result. */
void tap_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the program at once as failed: the rest cannot be tested. */
_Noreturn void tap_bail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints the plan. Returns 0 when every result passed, else 1: main's result. */
int tap_done(void);

#endif
