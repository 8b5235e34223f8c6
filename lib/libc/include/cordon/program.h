/* SPDX-License-Identifier: MIT */
/* Starting a program of the image as a task of one's own. */
#ifndef CORDON_PROGRAM_H
#define CORDON_PROGRAM_H

#include <cordon/rt.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Starts the program at path in the initramfs, which a task sees that was given the handle
 * "initramfs" (a line `initramfs` in the manifest).
 *
 * argv: its arguments with argv[0], which ends with a null pointer; null: the path alone. Its
 * environment is a copy of the caller's, and its name the last part of the path. handles: count
 * that it is given, as with task_spawn; those of "stdin", "stdout" and "stderr" that are not among
 * them are the caller's. budget: what it may use; null: an eighth of what is left of each kind.
 * *task: its handle, the caller's, for cordon_task_wait and task_kill.
 *
 * -ENOENT, -ENOTDIR there is no such file
 * -EACCES it is no regular file, or cannot be executed
 * -ENOEXEC it is not of the initramfs, or what task_spawn calls so
 * -E2BIG more arguments or handles than a task can be given
 * and what task_spawn returns.
 */
int cordon_program_start(const char *path, char *const argv[],
                         const struct cordon_spawn_handle *handles, unsigned int count,
                         const struct cordon_budget *budget, cordon_handle_t *task);

#ifdef __cplusplus
}
#endif
#endif
