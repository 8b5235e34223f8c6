/* SPDX-License-Identifier: MIT */
/*
 * Stepping together with whoever started this task: where it was given two events, "ready"
 * and "go", it raises the first and waits for the second. Alone it just goes on.
 */
#ifndef TASKS_OBSERVE_H
#define TASKS_OBSERVE_H

/* Returns 0; -ETIMEDOUT when nobody says go for a minute; or what a system call says. */
int observe_pause(void);

#endif
