/* SPDX-License-Identifier: MIT */
/* Reading, writing, positions, and what a descriptor is: what stdio needs. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"

#define CONSOLE_BLOCK 1024 /* stdio's buffer for the console */

static ssize_t result_of(ssize_t result)
{
	if (result >= 0)
		return result;
	errno = (int)-result;
	return -1;
}

/* Whether a handle that is no console is an event: 0, or what is said of it. */
static int event_check(cordon_handle_t handle)
{
	struct cordon_handle_info info;
	int64_t err = cordon_handle_info(handle, &info);

	if (err == 0 && info.type != CORDON_OBJECT_EVENT)
		err = -EINVAL;
	return (int)err;
}

/* A right that the handle lacks is a mode that the file was not opened with. */
static ssize_t handle_result(ssize_t result)
{
	return result == -EACCES ? -EBADF : result;
}

/* A handle that is not in the table: the console, or an event of the system calls. */
static ssize_t handle_read(int fd, void *bytes, size_t size)
{
	ssize_t got = console_read(fd, 0, bytes, size);

	if (got != -EBADF)
		return handle_result(got);
	got = event_check(fd);
	return handle_result(got == 0 ? event_read(fd, 0, bytes, size) : got);
}

static ssize_t handle_write(int fd, const void *bytes, size_t size)
{
	ssize_t wrote = console_write(fd, bytes, size);

	if (wrote != -EBADF)
		return handle_result(wrote);
	wrote = event_check(fd);
	return handle_result(wrote == 0 ? event_write(fd, 0, bytes, size) : wrote);
}

static ssize_t description_read(struct description *d, void *bytes, size_t size)
{
	ssize_t got;

	if (!description_allows(d, O_RDONLY))
		return -EBADF;
	if (d->ops->read_at == NULL)
		return d->ops->read != NULL ? d->ops->read(d, bytes, size) : -EINVAL;
	lock_acquire(&d->lock);
	got = d->ops->read_at(d, bytes, size, d->position);
	if (got > 0)
		d->position += (uint64_t)got;
	lock_release(&d->lock);
	return got;
}

static ssize_t description_write(struct description *d, const void *bytes, size_t size)
{
	ssize_t wrote;

	if (!description_allows(d, O_WRONLY))
		return -EBADF;
	if (d->ops->write_at == NULL)
		return d->ops->write != NULL ? d->ops->write(d, bytes, size) : -EINVAL;
	lock_acquire(&d->lock);
	if (d->flags & O_APPEND)
		d->position = d->ops->size(d);
	wrote = d->ops->write_at(d, bytes, size, d->position);
	if (wrote > 0)
		d->position += (uint64_t)wrote;
	lock_release(&d->lock);
	return wrote;
}

_ssize_t read(int fd, void *bytes, size_t size)
{
	struct description *d = fd_get(fd);
	ssize_t got;

	if (d == NULL)
		return result_of(handle_read(fd, bytes, size));
	got = description_read(d, bytes, size);
	description_put(d);
	return result_of(got);
}

_ssize_t write(int fd, const void *bytes, size_t size)
{
	struct description *d = fd_get(fd);
	ssize_t wrote;

	if (d == NULL)
		return result_of(handle_write(fd, bytes, size));
	wrote = description_write(d, bytes, size);
	description_put(d);
	return result_of(wrote);
}

/* The description of a file that has positions; others, and handles, are -ESPIPE. */
static int file_get(int fd, struct description **out)
{
	struct cordon_handle_info info;
	struct description *d = fd_get(fd);

	if (d == NULL)
		return cordon_handle_info(fd, &info) == 0 ? -ESPIPE : -EBADF;
	if (d->ops->read_at == NULL) {
		description_put(d);
		return -ESPIPE;
	}
	*out = d;
	return 0;
}

/* What pread and pwrite check alike. */
static int file_get_at(int fd, uint32_t mode, off_t offset, struct description **out)
{
	int err = file_get(fd, out);

	if (err != 0)
		return err;
	if (!description_allows(*out, mode))
		err = -EBADF;
	else if (offset < 0)
		err = -EINVAL;
	if (err != 0)
		description_put(*out);
	return err;
}

ssize_t pread(int fd, void *bytes, size_t size, off_t offset)
{
	struct description *d;
	ssize_t got = file_get_at(fd, O_RDONLY, offset, &d);

	if (got != 0)
		return result_of(got);
	lock_acquire(&d->lock);
	got = d->ops->read_at(d, bytes, size, (uint64_t)offset);
	lock_release(&d->lock);
	description_put(d);
	return result_of(got);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
	struct description *d;
	ssize_t wrote = file_get_at(fd, O_WRONLY, offset, &d);

	if (wrote != 0)
		return result_of(wrote);
	lock_acquire(&d->lock);
	wrote = d->ops->write_at(d, bytes, size, (uint64_t)offset);
	lock_release(&d->lock);
	description_put(d);
	return result_of(wrote);
}

static int position_from(struct description *d, off_t offset, int whence, off_t *out)
{
	off_t base;

	switch (whence) {
	case SEEK_SET:
		base = 0;
		break;
	case SEEK_CUR:
		base = (off_t)d->position;
		break;
	case SEEK_END:
		base = (off_t)d->ops->size(d);
		break;
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, offset, out))
		return -EOVERFLOW;
	return *out < 0 ? -EINVAL : 0;
}

off_t lseek(int fd, off_t offset, int whence)
{
	struct description *d;
	off_t position;
	int err = file_get(fd, &d);

	if (err != 0)
		return cordon_errno(err);
	lock_acquire(&d->lock);
	err = position_from(d, offset, whence, &position);
	if (err == 0)
		d->position = (uint64_t)position;
	lock_release(&d->lock);
	description_put(d);
	return err == 0 ? position : cordon_errno(err);
}

int ftruncate(int fd, off_t size)
{
	struct description *d;
	int err = file_get(fd, &d);

	if (err != 0)
		return cordon_errno(err == -ESPIPE ? -EINVAL : err);
	if (size < 0 || d->ops->resize == NULL || !description_allows(d, O_WRONLY)) {
		err = -EINVAL;
	} else {
		lock_acquire(&d->lock);
		err = d->ops->resize(d, (uint64_t)size);
		lock_release(&d->lock);
	}
	description_put(d);
	return cordon_errno(err);
}

/* Nothing is kept anywhere else than where it is written to. */
int fsync(int fd)
{
	struct description *d;
	int err = file_get(fd, &d);

	if (err == 0)
		description_put(d);
	return cordon_errno(err == -ESPIPE ? -EINVAL : err);
}

int fdatasync(int fd)
{
	return fsync(fd);
}

/* --- what it is --- */

static int handle_stat(cordon_handle_t handle, struct stat *out)
{
	struct cordon_handle_info info;
	int64_t err = cordon_handle_info(handle, &info);

	if (err != 0)
		return (int)err;
	memset(out, 0, sizeof(*out));
	out->st_mode = info.type == CORDON_OBJECT_CONSOLE ? S_IFCHR | 0600 : 0600;
	out->st_ino = info.id;
	out->st_nlink = 1;
	out->st_blksize = CONSOLE_BLOCK;
	return 0;
}

int fstat(int fd, struct stat *out)
{
	struct description *d = fd_get(fd);
	int err;

	if (d != NULL && d->ops->stat != NULL)
		err = d->ops->stat(d, out);
	else
		err = handle_stat(cordon_fd_handle(fd), out);
	if (d != NULL)
		description_put(d);
	return cordon_errno(err);
}

int isatty(int fd)
{
	struct cordon_handle_info info;
	int64_t err = cordon_handle_info(cordon_fd_handle(fd), &info);

	if (err == 0 && info.type == CORDON_OBJECT_CONSOLE)
		return 1;
	errno = err != 0 ? (int)-err : ENOTTY;
	return 0;
}
