/* SPDX-License-Identifier: MIT */
/*
 * Read-only files out of the initramfs, for a task that was given the handle "initramfs".
 * The archive is mapped once, when the first file is opened.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <lib/cpio/cpio.h>

#include "internal.h"

#define FILES_MAX  32
#define FILE_BLOCK 4096

struct open_file {
	int fd; /* -1: free */
	struct cordon_cpio_entry entry;
	uint64_t position;
};

static struct open_file files[FILES_MAX];
static bool files_ready; /* the table is set up: zero is a valid descriptor */
static const void *archive;
static uint64_t archive_size;
static struct __lock files_lock;

static struct open_file *file_find_locked(int fd)
{
	for (int i = 0; files_ready && i < FILES_MAX; i++)
		if (files[i].fd == fd)
			return &files[i];
	return NULL;
}

static int archive_map_locked(cordon_handle_t handle)
{
	struct cordon_memory_map map = {.prot = CORDON_PROT_READ};
	struct cordon_memory_info info;
	int64_t err;

	if (archive != NULL)
		return 0;
	err = cordon_memory_info(handle, &info);
	if (err != 0)
		return (int)err;
	map.size = info.size;
	err = cordon_memory_map(handle, &map);
	if (err != 0)
		return (int)err;
	archive = (const void *)(uintptr_t)map.address;
	archive_size = info.size;
	return 0;
}

static int entry_find_locked(const char *path, struct cordon_cpio_entry *out)
{
	cordon_handle_t handle = cordon_handle_named("initramfs");
	int err;

	if (handle == CORDON_HANDLE_NONE)
		return -ENOENT;
	err = archive_map_locked(handle);
	return err != 0 ? err : cordon_cpio_find(archive, archive_size, path, out);
}

static int file_open_locked(const char *path)
{
	struct cordon_cpio_entry entry;
	struct open_file *file;
	cordon_handle_t fd;
	int64_t err;

	if (!files_ready) {
		for (int i = 0; i < FILES_MAX; i++)
			files[i].fd = -1;
		files_ready = true;
	}
	err = entry_find_locked(path, &entry);
	if (err != 0)
		return (int)err;
	if (S_ISDIR(entry.mode))
		return -EISDIR;
	file = file_find_locked(-1);
	if (file == NULL)
		return -EMFILE;
	err = cordon_handle_dup(cordon_handle_named("initramfs"), CORDON_RIGHT_READ, &fd);
	if (err != 0)
		return (int)err;
	*file = (struct open_file){.fd = fd, .entry = entry};
	return fd;
}

int initramfs_open(const char *path)
{
	int fd;

	lock_acquire(&files_lock);
	fd = file_open_locked(path);
	lock_release(&files_lock);
	return fd;
}

ssize_t initramfs_read(int fd, void *bytes, size_t size)
{
	struct open_file *file;
	ssize_t got = -EBADF;

	lock_acquire(&files_lock);
	file = fd >= 0 ? file_find_locked(fd) : NULL;
	if (file != NULL) {
		uint64_t left = file->position < file->entry.size
		                        ? file->entry.size - file->position
		                        : 0;

		if (size > left)
			size = left;
		memcpy(bytes, file->entry.data + file->position, size);
		file->position += size;
		got = (ssize_t)size;
	}
	lock_release(&files_lock);
	return got;
}

static int position_from(const struct open_file *file, off_t offset, int whence, off_t *out)
{
	off_t base;

	switch (whence) {
	case SEEK_SET:
		base = 0;
		break;
	case SEEK_CUR:
		base = (off_t)file->position;
		break;
	case SEEK_END:
		base = (off_t)file->entry.size;
		break;
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, offset, out))
		return -EOVERFLOW;
	return *out < 0 ? -EINVAL : 0;
}

int initramfs_seek(int fd, off_t offset, int whence, off_t *position)
{
	struct open_file *file;
	int err = -EBADF;

	lock_acquire(&files_lock);
	file = fd >= 0 ? file_find_locked(fd) : NULL;
	if (file != NULL) {
		err = position_from(file, offset, whence, position);
		if (err == 0)
			file->position = (uint64_t)*position;
	}
	lock_release(&files_lock);
	return err;
}

static void entry_stat(const struct cordon_cpio_entry *entry, struct stat *out)
{
	memset(out, 0, sizeof(*out));
	out->st_mode = (mode_t)(entry->mode & ~(mode_t)0222);
	out->st_nlink = 1;
	out->st_size = (off_t)entry->size;
	out->st_mtime = (time_t)entry->mtime;
	out->st_blksize = FILE_BLOCK;
	out->st_blocks = (blkcnt_t)((entry->size + S_BLKSIZE - 1) / S_BLKSIZE);
	out->st_ino = entry->offset;
}

int initramfs_fstat(int fd, struct stat *out)
{
	struct open_file *file;

	lock_acquire(&files_lock);
	file = fd >= 0 ? file_find_locked(fd) : NULL;
	if (file != NULL)
		entry_stat(&file->entry, out);
	lock_release(&files_lock);
	return file != NULL ? 0 : -EBADF;
}

int initramfs_close(int fd)
{
	struct open_file *file;

	lock_acquire(&files_lock);
	file = fd >= 0 ? file_find_locked(fd) : NULL;
	if (file != NULL)
		file->fd = -1;
	lock_release(&files_lock);
	return file != NULL ? 0 : -EBADF;
}

int initramfs_stat(const char *path, struct stat *out)
{
	struct cordon_cpio_entry entry;
	int err;

	lock_acquire(&files_lock);
	err = entry_find_locked(path, &entry);
	lock_release(&files_lock);
	if (err == 0)
		entry_stat(&entry, out);
	return err;
}
