/* SPDX-License-Identifier: MIT */
/* Counting and printing what was proved; the host's runner reads these lines. */
#ifndef DEMO_STEP_H
#define DEMO_STEP_H

#include <stdbool.h>

/* Prints a heading. */
void step_heading(const char *text);

/* Prints "demo: PASS NAME", or "demo: FAIL NAME: " with the reason why. Returns passed. */
bool step_result(bool passed, const char *name, const char *why, ...)
        __attribute__((format(printf, 3, 4)));

/* Prints "demo: NOT SHOWN NAME: " with the reason why; neither passed nor failed. */
void step_left_out(const char *name, const char *why);

/* Prints the closing line, which also says how many were not shown, if any. Returns how many steps
 * failed; one at least when none passed. */
int step_close(void);

#endif
