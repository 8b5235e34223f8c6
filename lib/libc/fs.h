/* SPDX-License-Identifier: MIT */
/* The task's file system: the initramfs, read-only, with a folder /tmp in memory; not for tasks. */
#ifndef CORDON_LIBC_FS_H
#define CORDON_LIBC_FS_H

#include "fd.h"
#include "fs_tree.h"

#define FS_HELD 2 /* renameat has two paths */

struct fs {
	struct __lock lock;
	bool ready;
	struct fs_tree tree;
	const uint8_t *archive; /* the initramfs where it is mapped, or null */
	struct fs_node *tmp;
	struct fs_node *folder; /* the working directory, with a reference */
	mode_t mask;            /* umask */
	/* The open folders that paths start from, with references, until the lock is left: their
	 * release takes the lock. */
	struct description *held[FS_HELD];
	unsigned int held_count;
};

/* Locks the file system, and sets it up the first time. Returns 0, -ENOMEM, or -EIO when the
 * archive is malformed: then it is not locked. */
int fs_enter(struct fs **out);
void fs_leave(struct fs *fs);

/* At most FS_HELD times between entering and leaving: where a path leads, from the folder that at
 * names (AT_FDCWD: the working directory). Errors of fs_walk, and -EBADF, -ENOTDIR for at. */
int fs_find_locked(struct fs *fs, int at, const char *path, struct fs_place *out);

/* As before, and it must exist. */
int fs_get_locked(struct fs *fs, int at, const char *path, struct fs_node **out);

/* Makes the place that a path names, which is not there. -EROFS, -ENOSPC, -ENOENT. */
int fs_make_locked(struct fs *fs, const struct fs_place *place, mode_t mode, struct fs_node **out);

/* Whether what is at the place can be removed or replaced: 0, -EROFS, -EBUSY (a root). */
int fs_may_remove_locked(const struct fs *fs, const struct fs_place *place);

void fs_stat_locked(const struct fs_node *node, struct stat *out);

/* Notes that a node was changed now. */
void fs_touch(struct fs_node *node);

/* Opens a node, which gets a reference, as a descriptor. Called without the lock. */
int fs_open_node(struct fs_node *node, int flags);

/* What every open node does: fd_ops.stat and fd_ops.release. */
int fs_open_stat(struct description *d, struct stat *out);
void fs_open_release(struct description *d);

/* Makes the files of /dev (fs_device.c). -ENOMEM. */
int fs_devices_make(struct fs_tree *tree);

/* The folder behind a descriptor, or NULL: it is another kind of file. */
struct fs_node *fs_folder_of(struct description *d);

#endif
