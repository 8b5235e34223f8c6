/* SPDX-License-Identifier: MIT */
/* Opening files and folders, and what open ones do. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "fs.h"

struct open_file {
	struct description d; /* first: the description is the file */
	struct fs_node *node; /* with a reference */
};

static struct fs_node *node_of(struct description *d)
{
	return ((struct open_file *)d)->node;
}

/* --- what open files do; the tree was set up when they were opened --- */

static ssize_t file_read(struct description *d, void *bytes, size_t size, uint64_t offset)
{
	struct fs *fs;
	int err = fs_enter(&fs);
	ssize_t got;

	if (err != 0)
		return err;
	got = (ssize_t)fs_data_read(&node_of(d)->data, bytes, size, offset);
	fs_leave(fs);
	return got;
}

static ssize_t file_write(struct description *d, const void *bytes, size_t size, uint64_t offset)
{
	struct fs *fs;
	ssize_t wrote = fs_enter(&fs);

	if (wrote != 0)
		return wrote;
	wrote = fs_data_write(&node_of(d)->data, bytes, size, offset);
	if (wrote > 0)
		fs_touch(node_of(d));
	fs_leave(fs);
	return wrote;
}

static uint64_t file_size(struct description *d)
{
	return __atomic_load_n(&node_of(d)->data.size, __ATOMIC_RELAXED);
}

static int file_resize(struct description *d, uint64_t size)
{
	struct fs *fs;
	int err = fs_enter(&fs);

	if (err != 0)
		return err;
	err = fs_data_resize(&node_of(d)->data, size);
	if (err == 0)
		fs_touch(node_of(d));
	fs_leave(fs);
	return err;
}

int fs_open_stat(struct description *d, struct stat *out)
{
	struct fs *fs;
	int err = fs_enter(&fs);

	if (err != 0)
		return err;
	fs_stat_locked(node_of(d), out);
	fs_leave(fs);
	return 0;
}

static ssize_t folder_read(struct description *d, void *bytes, size_t size)
{
	(void)d;
	(void)bytes;
	(void)size;
	return -EISDIR;
}

void fs_open_release(struct description *d)
{
	struct fs *fs;

	if (fs_enter(&fs) == 0) {
		fs_node_unref(node_of(d));
		fs_leave(fs);
	}
	free(d);
}

static const struct fd_ops file_ops = {
        .read_at = file_read,
        .write_at = file_write,
        .size = file_size,
        .resize = file_resize,
        .stat = fs_open_stat,
        .release = fs_open_release,
};

static const struct fd_ops folder_ops = {
        .read = folder_read,
        .stat = fs_open_stat,
        .release = fs_open_release,
};

struct fs_node *fs_folder_of(struct description *d)
{
	return d->ops == &folder_ops ? node_of(d) : NULL;
}

/* --- open --- */

static const struct fd_ops *ops_of(const struct fs_node *node)
{
	if (node->device != NULL)
		return node->device;
	return fs_is_folder(node) ? &folder_ops : &file_ops;
}

/* An event that stays raised gives the descriptor its slot, and lets object_wait know that a file
 * is always ready. */
int fs_open_node(struct fs_node *node, int flags)
{
	struct open_file *file = malloc(sizeof(*file));
	cordon_handle_t handle;
	int64_t err;

	if (file == NULL)
		return -ENOMEM;
	err = cordon_event_create(1, &handle);
	if (err != 0)
		goto fail;
	description_init(&file->d, ops_of(node), (uint32_t)flags);
	file->node = node;
	err = fd_install(&file->d, handle, flags & O_CLOEXEC);
	if (err >= 0)
		return (int)err;
	cordon_handle_close(handle);
fail:
	free(file);
	return (int)err;
}

/* Opens what is there, and cuts it if asked to. */
static int open_old_locked(struct fs_node *node, bool slash, int flags)
{
	bool writes = (flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC;

	if (flags & O_CREAT && flags & O_EXCL)
		return -EEXIST;
	if (fs_is_folder(node))
		return writes || flags & O_CREAT ? -EISDIR : 0;
	if (flags & O_DIRECTORY || slash)
		return -ENOTDIR;
	if (node->device != NULL)
		return 0;
	if (writes && node->fixed)
		return -EROFS;
	if (flags & O_TRUNC && node->data.size > 0) {
		(void)fs_data_resize(&node->data, 0);
		fs_touch(node);
	}
	return 0;
}

/* Makes what is not there, if asked to. */
static int open_new_locked(struct fs *fs, const struct fs_place *place, int flags, mode_t mode,
                           struct fs_node **out)
{
	if (!(flags & O_CREAT))
		return -ENOENT;
	if (place->folder)
		return -EISDIR;
	return fs_make_locked(fs, place, S_IFREG | (mode & 0777), out);
}

/* Finds or makes the node, and takes a reference. */
static int open_locked(struct fs *fs, int at, const char *path, int flags, mode_t mode,
                       struct fs_node **out)
{
	struct fs_place place;
	int err = fs_find_locked(fs, at, path, &place);

	if (err != 0)
		return err;
	*out = place.node;
	if (place.node != NULL)
		err = open_old_locked(place.node, place.folder, flags);
	else
		err = open_new_locked(fs, &place, flags, mode, out);
	if (err == 0)
		fs_node_ref(*out);
	return err;
}

static int open_at(int at, const char *path, int flags, mode_t mode)
{
	struct fs_node *node;
	struct fs *fs;
	int fd;

	if ((flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	fd = fs_enter(&fs);
	if (fd != 0)
		return fd;
	fd = open_locked(fs, at, path, flags, mode, &node);
	fs_leave(fs);
	if (fd != 0)
		return fd;
	fd = fs_open_node(node, flags);
	if (fd < 0 && fs_enter(&fs) == 0) {
		fs_node_unref(node);
		fs_leave(fs);
	}
	return fd;
}

int open(const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode = 0;

	va_start(arguments, flags);
	if (flags & O_CREAT)
		mode = va_arg(arguments, mode_t);
	va_end(arguments);
	return cordon_errno(open_at(AT_FDCWD, path, flags, mode));
}

int openat(int at, const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode = 0;

	va_start(arguments, flags);
	if (flags & O_CREAT)
		mode = va_arg(arguments, mode_t);
	va_end(arguments);
	return cordon_errno(open_at(at, path, flags, mode));
}

int creat(const char *path, mode_t mode)
{
	return cordon_errno(open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode));
}
