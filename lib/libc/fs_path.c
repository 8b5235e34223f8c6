/* SPDX-License-Identifier: MIT */
/* Calls that take a path and open nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs.h"

/* --- looking --- */

int fstatat(int at, const char *restrict path, struct stat *restrict out, int flags)
{
	struct fs_node *node;
	struct fs *fs;
	int err = flags & ~AT_SYMLINK_NOFOLLOW ? -EINVAL : fs_enter(&fs);

	if (err != 0)
		return cordon_errno(err);
	err = fs_get_locked(fs, at, path, &node);
	if (err == 0)
		fs_stat_locked(node, out);
	fs_leave(fs);
	return cordon_errno(err);
}

int stat(const char *restrict path, struct stat *restrict out)
{
	return fstatat(AT_FDCWD, path, out, 0);
}

/* There are no symbolic links. */
int lstat(const char *restrict path, struct stat *restrict out)
{
	return fstatat(AT_FDCWD, path, out, 0);
}

/* A task is the owner of all its files, and no mode keeps it from reading and writing. */
static int access_check(const struct fs_node *node, int mode)
{
	if (mode & W_OK && node->fixed && node->device == NULL)
		return -EROFS;
	if (mode & X_OK && !(node->mode & 0111))
		return -EACCES;
	return 0;
}

int faccessat(int at, const char *path, int mode, int flags)
{
	struct fs_node *node;
	struct fs *fs;
	int err = mode & ~(R_OK | W_OK | X_OK) || flags & ~AT_EACCESS ? -EINVAL : fs_enter(&fs);

	if (err != 0)
		return cordon_errno(err);
	err = fs_get_locked(fs, at, path, &node);
	if (err == 0)
		err = access_check(node, mode);
	fs_leave(fs);
	return cordon_errno(err);
}

int access(const char *path, int mode)
{
	return faccessat(AT_FDCWD, path, mode, 0);
}

/* No file is a symbolic link. */
ssize_t readlink(const char *restrict path, char *restrict out, size_t size)
{
	struct stat info;

	(void)out;
	(void)size;
	return stat(path, &info) != 0 ? -1 : cordon_errno(-EINVAL);
}

/* --- making and removing --- */

int mkdirat(int at, const char *path, mode_t mode)
{
	struct fs_place place;
	struct fs *fs;
	int err = fs_enter(&fs);

	if (err != 0)
		return cordon_errno(err);
	err = fs_find_locked(fs, at, path, &place);
	if (err == 0 && place.node != NULL)
		err = -EEXIST;
	if (err == 0)
		err = fs_make_locked(fs, &place, S_IFDIR | (mode & 01777), &place.node);
	fs_leave(fs);
	return cordon_errno(err);
}

int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

static int unlink_locked(const struct fs *fs, const struct fs_place *place)
{
	int err;

	if (place->node == NULL)
		return -ENOENT;
	if (fs_is_folder(place->node))
		return -EISDIR;
	err = fs_may_remove_locked(fs, place);
	if (err != 0)
		return err;
	fs_touch(place->parent);
	fs_node_remove(place->node);
	return 0;
}

static int rmdir_locked(const struct fs *fs, const struct fs_place *place)
{
	int err;

	if (place->node == NULL)
		return -ENOENT;
	if (!fs_is_folder(place->node))
		return -ENOTDIR;
	if (place->dots && place->node != &fs->tree.root)
		return place->length == 1 ? -EINVAL : -ENOTEMPTY;
	err = fs_may_remove_locked(fs, place);
	if (err != 0)
		return err;
	if (place->node->first != NULL)
		return -ENOTEMPTY;
	fs_touch(place->parent);
	fs_node_remove(place->node);
	return 0;
}

int unlinkat(int at, const char *path, int flags)
{
	struct fs_place place;
	struct fs *fs;
	int err = flags & ~AT_REMOVEDIR ? -EINVAL : fs_enter(&fs);

	if (err != 0)
		return cordon_errno(err);
	err = fs_find_locked(fs, at, path, &place);
	if (err == 0 && flags & AT_REMOVEDIR)
		err = rmdir_locked(fs, &place);
	else if (err == 0)
		err = unlink_locked(fs, &place);
	fs_leave(fs);
	return cordon_errno(err);
}

int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

/* What stands at the new name goes, if it is of the same sort and, as a folder, empty. */
static int may_replace(const struct fs *fs, const struct fs_node *node, const struct fs_place *to)
{
	bool folder = fs_is_folder(node);

	if (to->node == NULL)
		return to->folder && !folder ? -ENOTDIR : 0;
	if (fs_is_folder(to->node) != folder)
		return folder ? -ENOTDIR : -EISDIR;
	if (to->node->first != NULL)
		return -ENOTEMPTY;
	return fs_may_remove_locked(fs, to);
}

static int rename_check(const struct fs *fs, const struct fs_place *from, const struct fs_place *to)
{
	int err;

	if (from->node == NULL)
		return -ENOENT;
	if (from->dots || to->dots)
		return -EBUSY;
	if (from->parent->fixed != to->parent->fixed)
		return -EXDEV;
	err = fs_may_remove_locked(fs, from);
	return err != 0 ? err : may_replace(fs, from->node, to);
}

static int rename_locked(const struct fs *fs, const struct fs_place *from,
                         const struct fs_place *to)
{
	struct fs_node *old = to->node;
	int err;

	if (from->node != NULL && from->node == old)
		return 0;
	err = rename_check(fs, from, to);
	if (err == 0)
		err = fs_node_move(from->node, to->parent, to->name, to->length);
	if (err != 0)
		return err == -ENOMEM ? -ENOSPC : err;
	if (old != NULL)
		fs_node_remove(old);
	fs_touch(from->parent);
	to->parent->time = from->parent->time;
	return 0;
}

int renameat(int from_at, const char *from, int to_at, const char *to)
{
	struct fs_place places[2];
	struct fs *fs;
	int err = fs_enter(&fs);

	if (err != 0)
		return cordon_errno(err);
	err = fs_find_locked(fs, from_at, from, &places[0]);
	if (err == 0)
		err = fs_find_locked(fs, to_at, to, &places[1]);
	if (err == 0)
		err = rename_locked(fs, &places[0], &places[1]);
	fs_leave(fs);
	return cordon_errno(err);
}

int rename(const char *from, const char *to)
{
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

/* A node has one name. */
int link(const char *from, const char *to)
{
	struct stat info;

	(void)to;
	return stat(from, &info) != 0 ? -1 : cordon_errno(-EPERM);
}

int symlink(const char *from, const char *to)
{
	(void)from;
	(void)to;
	return cordon_errno(-EPERM);
}

/* --- changing --- */

int truncate(const char *path, off_t size)
{
	int before;
	int err;
	int fd = open(path, O_WRONLY);

	if (fd < 0)
		return -1;
	err = ftruncate(fd, size);
	before = errno;
	close(fd);
	errno = before;
	return err;
}

int chmod(const char *path, mode_t mode)
{
	struct fs_node *node;
	struct fs *fs;
	int err = fs_enter(&fs);

	if (err != 0)
		return cordon_errno(err);
	err = fs_get_locked(fs, AT_FDCWD, path, &node);
	if (err == 0 && node->fixed)
		err = -EROFS;
	if (err == 0)
		node->mode = (node->mode & S_IFMT) | (mode & 07777);
	fs_leave(fs);
	return cordon_errno(err);
}

mode_t umask(mode_t mask)
{
	struct fs *fs;
	mode_t before = 022;

	if (fs_enter(&fs) != 0)
		return before;
	before = fs->mask;
	fs->mask = mask & 0777;
	fs_leave(fs);
	return before;
}

/* --- the working directory --- */

static int change_folder(int at, const char *path)
{
	struct fs_node *node;
	struct fs *fs;
	int err = fs_enter(&fs);

	if (err != 0)
		return err;
	err = fs_get_locked(fs, at, path, &node);
	if (err == 0 && !fs_is_folder(node))
		err = -ENOTDIR;
	if (err == 0) {
		fs_node_ref(node);
		fs_node_unref(fs->folder);
		fs->folder = node;
	}
	fs_leave(fs);
	return err;
}

int chdir(const char *path)
{
	return cordon_errno(change_folder(AT_FDCWD, path));
}

int fchdir(int fd)
{
	return cordon_errno(change_folder(fd, "."));
}

static int path_of(int at, const char *path, char *out, size_t size)
{
	struct fs_node *node;
	struct fs *fs;
	int err = fs_enter(&fs);

	if (err != 0)
		return err;
	err = fs_get_locked(fs, at, path, &node);
	if (err == 0)
		err = fs_path_of(&fs->tree, node, out, size);
	fs_leave(fs);
	return err;
}

/* Into out, or into new memory of that size when it is NULL. */
static char *path_into(const char *path, char *out, size_t size)
{
	char *to = out != NULL ? out : malloc(size);
	int err = to != NULL ? path_of(AT_FDCWD, path, to, size) : -ENOMEM;

	if (err == 0)
		return to;
	if (out == NULL)
		free(to);
	errno = -err;
	return NULL;
}

char *getcwd(char *out, size_t size)
{
	if (size == 0 && out != NULL) {
		errno = EINVAL;
		return NULL;
	}
	return path_into(".", out, size > 0 ? size : FS_PATH_MAX);
}

char *realpath(const char *restrict path, char *restrict out)
{
	if (path == NULL) {
		errno = EINVAL;
		return NULL;
	}
	return path_into(path, out, FS_PATH_MAX);
}
