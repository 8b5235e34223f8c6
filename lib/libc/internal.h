/* SPDX-License-Identifier: MIT */
/* What the parts of the C library know of each other; not for tasks. */
#ifndef CORDON_LIBC_INTERNAL_H
#define CORDON_LIBC_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/reent.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <cordon/rt.h>

/*
 * The thread control block, at %fs:0. newlib asks for the current thread's struct _reent
 * (errno and the like) in every function that can fail, also before main, so this exists
 * before anything else runs.
 */
struct tcb {
	struct tcb *self; /* %fs:0 holds its own address, as the ABI wants it */
	struct _reent *reent;
};

static inline struct tcb *tcb_current(void)
{
	struct tcb *tcb;

	/* Constant within a thread, so the compiler may read it once. */
	__asm__("movq %%fs:0, %0" : "=r"(tcb));
	return tcb;
}

/* Makes *tcb the current thread's; ends the task if the kernel refuses it. */
void tcb_install(struct tcb *tcb, struct _reent *reent);

/* C entry of a task, called by _start. */
void cordon_rt_start(const struct cordon_startup *startup) __attribute__((noreturn));

/* A lock of newlib's kind: also for our own tables. Zero is unlocked. */
struct __lock {
	uint32_t held;
	uint32_t depth;    /* recursive locks: how often the owner holds it */
	struct tcb *owner; /* recursive locks only */
};
void lock_acquire(struct __lock *lock);
void lock_release(struct __lock *lock);

/*
 * Open files of the initramfs (initramfs.c). A file is a duplicate of the initramfs handle,
 * so its number is a real handle and can be no other object's.
 */

/* Opens a path for reading. Returns the descriptor or a negated error number: -ENOENT,
 * -EMFILE, or what mapping the archive returned. */
int initramfs_open(const char *path);

/* These return -EBADF when fd is no open file, so that the caller tries other objects. */
ssize_t initramfs_read(int fd, void *bytes, size_t size);
int initramfs_seek(int fd, off_t offset, int whence, off_t *position);
int initramfs_fstat(int fd, struct stat *out);
int initramfs_close(int fd); /* forgets the file; the caller closes the handle */

/* Tells about a path. */
int initramfs_stat(const char *path, struct stat *out);

#endif
