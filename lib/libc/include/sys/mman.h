/* SPDX-License-Identifier: MIT */
/*
 * Memory mappings. Anonymous memory is there at once, zeroed, and stays: there is no swapping,
 * no copy on write and no fork. So MAP_POPULATE and the locking calls ask for what is the case
 * anyway, MAP_SHARED and MAP_PRIVATE are the same for anonymous memory, and a mapping that was
 * granted never fails later. PROT_NONE reserves addresses without memory, which comes with the
 * rights (mprotect) and counts against the task's budget only then.
 *
 * A file descriptor that is a memory object (cordon_memory_create, <cordon/memory.h>; it can be
 * handed to other tasks) is mapped itself with MAP_SHARED. With MAP_PRIVATE, and for files, a copy
 * of its contents is mapped, taken at once.
 */
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

#define MAP_SHARED          0x01
#define MAP_PRIVATE         0x02
#define MAP_SHARED_VALIDATE 0x03
#define MAP_TYPE            0x0f
#define MAP_FIXED           0x10 /* replaces what is mapped there */
#define MAP_ANONYMOUS       0x20
#define MAP_ANON            MAP_ANONYMOUS
#define MAP_GROWSDOWN       0x0100 /* gets memory from the end down as it is touched: a stack */
#define MAP_DENYWRITE       0x0800 /* ignored */
#define MAP_EXECUTABLE      0x1000 /* ignored */
#define MAP_LOCKED          0x2000 /* always so */
#define MAP_NORESERVE       0x4000 /* ignored: PROT_NONE reserves without memory */
#define MAP_POPULATE        0x8000 /* always so */
#define MAP_NONBLOCK        0x10000
#define MAP_STACK           0x20000
#define MAP_HUGETLB         0x40000  /* frames of MAP_HUGE_2MB (also by default) or MAP_HUGE_1GB */
#define MAP_FIXED_NOREPLACE 0x100000 /* EEXIST when something is mapped there */
#define MAP_CONTIGUOUS      0x200000 /* one run of physical frames (only here) */

#define MAP_HUGE_SHIFT 26
#define MAP_HUGE_MASK  0x3f
#define MAP_HUGE_2MB   (21 << MAP_HUGE_SHIFT)
#define MAP_HUGE_1GB   (30 << MAP_HUGE_SHIFT)

#define MAP_FAILED ((void *)-1)

/*
 * EINVAL length zero, neither or both of MAP_SHARED and MAP_PRIVATE, unknown flags or rights, an
 * address or offset inside a page where it matters; ENOTSUP write with execute, which this system
 * does not grant; ENOMEM out of memory, budget or addresses; EEXIST see MAP_FIXED_NOREPLACE; EBADF,
 * EACCES, ENXIO (range outside of it), ENODEV (not to be mapped) about the descriptor.
 */
void *mmap(void *address, size_t length, int prot, int flags, int fd, off_t offset);

/* EINVAL bad alignment, length zero, or outside the addresses of a task. */
int munmap(void *address, size_t length);

/* EINVAL bad alignment or rights; ENOTSUP write with execute; EACCES more than the descriptor
 * allowed; ENOMEM a part is not mapped, or no memory for what was reserved. With an error no
 * protection has changed. */
int mprotect(void *address, size_t length, int prot);

#define MREMAP_MAYMOVE 1

/* Shrinks or grows anonymous memory; what is added has the rights of the first page. EINVAL also
 * for memory that has a descriptor; EFAULT not wholly mapped; ENOMEM no room to grow, and it may
 * not move. */
void *mremap(void *address, size_t old_length, size_t new_length, int flags, ...);

#define MS_ASYNC      1
#define MS_INVALIDATE 2
#define MS_SYNC       4

/* Nothing lies behind a mapping that it could differ from: only the arguments are checked. EINVAL;
 * ENOMEM a part is not mapped. */
int msync(void *address, size_t length, int flags);

#define MCL_CURRENT 1
#define MCL_FUTURE  2
#define MCL_ONFAULT 4

/* Memory never leaves, so all of it is locked. ENOMEM a part has no memory. */
int mlock(const void *address, size_t length);
int munlock(const void *address, size_t length);
int mlockall(int flags);
int munlockall(void);

#define MADV_NORMAL      0
#define MADV_RANDOM      1
#define MADV_SEQUENTIAL  2
#define MADV_WILLNEED    3
#define MADV_DONTNEED    4
#define MADV_FREE        8
#define MADV_DONTFORK    10
#define MADV_DOFORK      11
#define MADV_MERGEABLE   12
#define MADV_UNMERGEABLE 13
#define MADV_HUGEPAGE    14
#define MADV_NOHUGEPAGE  15
#define MADV_DONTDUMP    16
#define MADV_DODUMP      17

#define POSIX_MADV_NORMAL     MADV_NORMAL
#define POSIX_MADV_RANDOM     MADV_RANDOM
#define POSIX_MADV_SEQUENTIAL MADV_SEQUENTIAL
#define POSIX_MADV_WILLNEED   MADV_WILLNEED
#define POSIX_MADV_DONTNEED   MADV_DONTNEED

/* MADV_DONTNEED makes anonymous memory zero (and exchanges it for other memory, so that a DMA
 * mapping of it keeps the old one, as elsewhere); the others change nothing. EINVAL bad alignment,
 * unknown advice, or DONTNEED for memory that has a descriptor; ENOMEM a part is not mapped. */
int madvise(void *address, size_t length, int advice);

/* Advice only: never changes contents. Returns the error number. */
int posix_madvise(void *address, size_t length, int advice);

/* One byte a page: 1 where there is memory, 0 where there are only addresses. EINVAL, EFAULT;
 * ENOMEM a part is not mapped. */
int mincore(void *address, size_t length, unsigned char *vector);

#ifdef __cplusplus
}
#endif
#endif
