/* SPDX-License-Identifier: MIT */
/* Memory mappings: the anonymous, private part of POSIX. Memory is there at once, not on
 * first use; sharing goes by memory objects (<cordon/memory.h>). */
#ifndef CORDON_SYS_MMAN_H
#define CORDON_SYS_MMAN_H

#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PROT_NONE  0x0
#define PROT_READ  0x1
#define PROT_WRITE 0x2
#define PROT_EXEC  0x4

#define MAP_PRIVATE   0x02
#define MAP_FIXED     0x10
#define MAP_ANONYMOUS 0x20
#define MAP_ANON      MAP_ANONYMOUS

#define MAP_FAILED ((void *)-1)

/* flags: MAP_PRIVATE | MAP_ANONYMOUS, with MAP_FIXED perhaps. Returns MAP_FAILED and sets
 * errno: EINVAL bad length, protection (write with execute) or flags, ENODEV not anonymous,
 * ENOMEM. MAP_FIXED replaces what was mapped there. */
void *mmap(void *address, size_t length, int prot, int flags, int fd, off_t offset);

/* -1 and errno: EINVAL, ENOMEM (memory_unmap and memory_protect in the system calls). */
int munmap(void *address, size_t length);
int mprotect(void *address, size_t length, int prot);

#ifdef __cplusplus
}
#endif
#endif
