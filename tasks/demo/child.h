/* SPDX-License-Identifier: MIT */
/* Programs that the demonstration starts and steps through (tasks/common/observe.h). */
#ifndef DEMO_CHILD_H
#define DEMO_CHILD_H

#include <stdint.h>

#include "demo.h"

struct child {
	cordon_handle_t task;
	cordon_handle_t ready; /* raised by the child when it pauses */
	cordon_handle_t go;    /* raised by us to let it go on */
	uint64_t id;
	char name[CORDON_NAME_MAX];
};

#define CHILD_ARGS_MAX    16
#define CHILD_HANDLES_MAX 4

struct child_program {
	const char *path;                 /* in the initramfs */
	const char *name;                 /* of the task, and argument 0 */
	const char *args[CHILD_ARGS_MAX]; /* the others; null ends them */
	cordon_handle_t group;            /* becomes "group0" */
	cordon_handle_t page;             /* becomes "page"; CORDON_HANDLE_NONE: none */
};

/* Starts a program. -ENOENT: it is not in the initramfs; or what task_spawn says. */
int child_start(const struct demo *demo, const struct child_program *program, struct child *child);

enum child_state {
	CHILD_PAUSED = 0,
	CHILD_ENDED = 1,
};

/* Waits until the child pauses or ends: enum child_state, -ETIMEDOUT after a minute, or the
 * error of a system call. */
int child_await(const struct child *child);

/* Lets a paused child go on. */
int child_go(const struct child *child);

/* Ends the child. It has ended, its devices are quiet, when this returns. */
int child_kill(const struct child *child);

/* Waits for the child's end. 0: it ended by itself with code 0; 1: otherwise, and why tells how;
 * or an error number. */
#define CHILD_WHY_MAX 96
int child_finish(const struct child *child, char why[CHILD_WHY_MAX]);

/* Gives the handles back. A child that still runs is killed. */
void child_close(struct child *child);

#endif
