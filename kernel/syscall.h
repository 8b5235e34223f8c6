/* SPDX-License-Identifier: MIT */
/* The kernel's side of the system-call table: sys_NAME for each line of cordon/syscalls.def. */
#ifndef KERNEL_SYSCALL_H
#define KERNEL_SYSCALL_H

#include <cordon/syscall.h>
#include <kernel/types.h>

#define SYSCALL(number, name, prototype) int64_t sys_##name prototype;
#include <cordon/syscalls.def>
#undef SYSCALL

/* A number that names no call. */
int64_t sys_none(void);

/* What the entry calls through; indexed by number, CORDON_SYSCALL_LIMIT entries. */
typedef int64_t (*syscall_function_t)(void);
extern const syscall_function_t syscall_table[CORDON_SYSCALL_LIMIT];

/* The name of a number, or NULL. */
const char *syscall_name(uint64_t number);

/* Panics when a flush obligation is open (S3) or a lock is held. */
void syscall_check_leave(void);

/* Whether the entry calls syscall_enter before and syscall_leave after each call: in debug kernels,
 * with marks, and from the first traced task on. */
extern bool syscall_watched;
void syscall_watch_start(void);
void syscall_watch(void);

/* arguments: the six argument registers, in order. */
void syscall_enter(uint64_t number, const uint64_t arguments[6]);

/* Debug kernels check that nothing is owed any more. */
void syscall_leave(uint64_t number, const uint64_t arguments[6], int64_t result);

/* Gives a new object its first handle in the caller's table and tells the caller which. Drops the
 * caller's reference in every case; when it fails the object goes. */
struct object;
int64_t syscall_return_handle(struct object *object, cordon_handle_t *user_out);

#endif
