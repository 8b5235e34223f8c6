/* SPDX-License-Identifier: MIT */
/* Copies of descriptors, and their flags. */
#define _GNU_SOURCE /* dup3 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fd.h"

/* No kind of file here has requests of its own. */
int ioctl(int fd, unsigned long request, ...)
{
	struct cordon_handle_info info;
	int64_t err = cordon_handle_info(cordon_fd_handle(fd), &info);

	(void)request;
	return cordon_errno(err != 0 ? err : -ENOTTY);
}

/* --- copies --- */

/* A copy with the lowest free number that is not below `lowest`. */
static int fd_copy(int fd, uint32_t lowest, bool close_on_exec)
{
	struct description *d;
	cordon_handle_t copy;
	int64_t err = fd_adopt(fd, &d);

	if (err != 0)
		return (int)err;
	err = cordon_handle_dup_from(cordon_fd_handle(fd), 0, lowest, &copy);
	if (err == 0) {
		err = fd_install(d, copy, close_on_exec); /* it takes our reference */
		if (err >= 0)
			return (int)err;
		cordon_handle_close(copy);
	}
	description_put(d);
	return (int)err;
}

/* A copy with exactly this number, which is closed first. A handle of the system calls may have
 * the slot without being a descriptor of this number: EBUSY. */
static int fd_copy_to(int from, int to, bool close_on_exec)
{
	int before = errno;
	int fd;

	if (to < 0 || to >= CORDON_HANDLE_MAX)
		return -EBADF;
	if (close(to) != 0)
		errno = before; /* it was free */
	fd = fd_copy(from, (uint32_t)to, close_on_exec);
	if (fd < 0 || fd == to)
		return fd;
	close(fd);
	return -EBUSY;
}

int dup(int fd)
{
	return cordon_errno(fd_copy(fd, 0, false));
}

/* 0 when fd is open. */
static int fd_check(int fd)
{
	struct cordon_handle_info info;

	return (int)cordon_handle_info(cordon_fd_handle(fd), &info);
}

int dup2(int from, int to)
{
	int err = fd_check(from);

	if (err == 0 && cordon_fd_handle(from) != cordon_fd_handle(to))
		err = fd_copy_to(from, to, false);
	return err < 0 ? cordon_errno(err) : to;
}

int dup3(int from, int to, int flags)
{
	int err = fd_check(from);

	if (flags & ~O_CLOEXEC || cordon_fd_handle(from) == cordon_fd_handle(to))
		err = -EINVAL;
	if (err == 0)
		err = fd_copy_to(from, to, flags & O_CLOEXEC);
	return err < 0 ? cordon_errno(err) : to;
}

/* --- fcntl --- */

#define FLAGS_TO_SET (O_APPEND | O_NONBLOCK)

static int descriptor_flags(int fd, int command, int argument)
{
	const bool set = argument & FD_CLOEXEC;
	struct description *d;
	int err;

	if (command == F_GETFD) {
		int flag = fd_close_on_exec(fd, NULL);

		return flag >= 0 ? flag * FD_CLOEXEC : fd_check(fd);
	}
	err = fd_adopt(fd, &d);
	if (err != 0)
		return err;
	fd_close_on_exec(fd, &set);
	description_put(d);
	return 0;
}

static int status_flags(int fd, int command, int argument)
{
	struct description *d;
	int result = fd_adopt(fd, &d);
	uint32_t wanted = (uint32_t)argument & FLAGS_TO_SET;

	if (result != 0)
		return result;
	if (command == F_GETFL)
		result = (int)(d->flags & (O_ACCMODE | FLAGS_TO_SET));
	else
		d->flags = (d->flags & ~(uint32_t)FLAGS_TO_SET) | wanted;
	description_put(d);
	return result;
}

static int copy_command(int fd, int lowest, bool close_on_exec)
{
	if (lowest < 0 || lowest >= CORDON_HANDLE_MAX)
		return -EINVAL;
	return fd_copy(fd, (uint32_t)lowest, close_on_exec);
}

/* Record locks are between processes, and no other task sees these files: each is granted. */
static int lock_command(int fd, int command, struct flock *lock)
{
	int err = fd_check(fd);

	if (err == 0 && (lock->l_type < F_RDLCK || lock->l_type > F_UNLCK))
		err = -EINVAL;
	if (err == 0 && command == F_GETLK)
		lock->l_type = F_UNLCK;
	return err;
}

static int fcntl_integer(int fd, int command, int argument)
{
	switch (command) {
	case F_DUPFD:
		return copy_command(fd, argument, false);
	case F_DUPFD_CLOEXEC:
		return copy_command(fd, argument, true);
	case F_GETFD:
	case F_SETFD:
		return descriptor_flags(fd, command, argument);
	case F_GETFL:
	case F_SETFL:
		return status_flags(fd, command, argument);
	default:
		return fd_check(fd) != 0 ? -EBADF : -EINVAL;
	}
}

int fcntl(int fd, int command, ...)
{
	va_list arguments;
	int result;

	va_start(arguments, command);
	if (command == F_GETLK || command == F_SETLK || command == F_SETLKW)
		result = lock_command(fd, command, va_arg(arguments, struct flock *));
	else
		result = fcntl_integer(fd, command, va_arg(arguments, int));
	va_end(arguments);
	return cordon_errno(result);
}
