/* SPDX-License-Identifier: MIT */
/*
 * File descriptors. They are handles: the console's, and those that initramfs.c makes for
 * files of the initramfs. There is no other file system, and nothing on it can be changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define CONSOLE_BLOCK 1024 /* stdio's buffer for the console */

int open(const char *path, int flags, ...)
{
	if ((flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0) {
		errno = EROFS;
		return -1;
	}
	return cordon_errno(initramfs_open(path));
}

int close(int fd)
{
	initramfs_close(fd); /* -EBADF: it was not a file */
	return cordon_errno(cordon_handle_close(fd));
}

/* Waits until at least one byte was typed. The Return key sends a carriage return. */
static int64_t console_read_some(int fd, char *bytes, size_t size)
{
	struct cordon_wait wait = {.handle = fd, .signals = CORDON_SIGNAL_READABLE};
	int64_t got;

	while ((got = cordon_console_read(fd, bytes, size)) == -EAGAIN) {
		got = cordon_object_wait(&wait, 1, CORDON_TIME_FOREVER);
		if (got < 0)
			return got;
	}
	for (int64_t i = 0; i < got; i++)
		if (bytes[i] == '\r')
			bytes[i] = '\n';
	return got;
}

_ssize_t read(int fd, void *bytes, size_t size)
{
	int64_t got;

	if (size == 0)
		return 0;
	got = initramfs_read(fd, bytes, size);
	if (got == -EBADF)
		got = console_read_some(fd, bytes, size);
	if (got < 0) {
		errno = (int)-got;
		return -1;
	}
	return (_ssize_t)got;
}

_ssize_t write(int fd, const void *bytes, size_t size)
{
	const char *from = bytes;
	size_t done = 0;

	while (done < size) {
		int64_t wrote = cordon_console_write(fd, from + done, size - done);

		if (wrote <= 0) {
			if (done > 0)
				break;
			errno = wrote == 0 ? EIO : (int)-wrote;
			return -1;
		}
		done += (size_t)wrote;
	}
	return (_ssize_t)done;
}

/* Type of an object, or a negated error number. */
static int object_type(int fd)
{
	struct cordon_handle_info info;
	int64_t err = cordon_handle_info(fd, &info);

	return err != 0 ? (int)err : (int)info.type;
}

off_t lseek(int fd, off_t offset, int whence)
{
	off_t position = -1;
	int err = initramfs_seek(fd, offset, whence, &position);

	if (err == -EBADF && object_type(fd) >= 0)
		err = -ESPIPE;
	return err == 0 ? position : (off_t)cordon_errno(err);
}

int fstat(int fd, struct stat *out)
{
	int type;

	if (initramfs_fstat(fd, out) == 0)
		return 0;
	type = object_type(fd);
	if (type < 0)
		return cordon_errno(type);
	memset(out, 0, sizeof(*out));
	out->st_mode = type == CORDON_OBJECT_CONSOLE ? S_IFCHR | 0600 : 0;
	out->st_nlink = 1;
	out->st_blksize = CONSOLE_BLOCK;
	return 0;
}

int stat(const char *restrict path, struct stat *restrict out)
{
	return cordon_errno(initramfs_stat(path, out));
}

int access(const char *path, int mode)
{
	struct stat info;

	if (stat(path, &info) != 0)
		return -1;
	if (mode & W_OK) {
		errno = EROFS;
		return -1;
	}
	return 0;
}

int isatty(int fd)
{
	int type = object_type(fd);

	if (type == CORDON_OBJECT_CONSOLE)
		return 1;
	errno = type < 0 ? -type : ENOTTY;
	return 0;
}

int fcntl(int fd, int command, ...)
{
	struct stat info;

	if (fstat(fd, &info) != 0)
		return -1;
	switch (command) {
	case F_GETFD:
	case F_SETFD:
	case F_SETFL:
		return 0;
	case F_GETFL:
		return S_ISREG(info.st_mode) ? O_RDONLY : O_RDWR;
	default:
		errno = EINVAL;
		return -1;
	}
}

static int read_only(const char *path)
{
	struct stat info;

	if (stat(path, &info) == 0)
		errno = EROFS;
	return -1;
}

int unlink(const char *path)
{
	return read_only(path);
}

int link(const char *from, const char *to)
{
	(void)to;
	return read_only(from);
}

int rename(const char *from, const char *to)
{
	(void)to;
	return read_only(from);
}
