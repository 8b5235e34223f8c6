/* SPDX-License-Identifier: MIT */
/*
 * The system calls as C functions: cordon_NAME(...) for each line of syscalls.def, which
 * documents them. They return 0 or a positive result, or a negated error number; errno is
 * not touched.
 */
#ifndef CORDON_SYSCALL_H
#define CORDON_SYSCALL_H

#include <cordon/channel.h>
#include <cordon/memory.h>
#include <cordon/system.h>
#include <cordon/task.h>
#include <cordon/types.h>
#include <cordon/vfio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SYSCALL(number, name, prototype) CORDON_SYS_##name = number,
enum cordon_syscall_number {
#include <cordon/syscalls.def>
	CORDON_SYSCALL_LIMIT = 128, /* all numbers are below this */
};
#undef SYSCALL

#define SYSCALL(number, name, prototype) int64_t cordon_##name prototype;
#include <cordon/syscalls.def>
#undef SYSCALL

#ifdef __cplusplus
}
#endif
#endif
