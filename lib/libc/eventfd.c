/* SPDX-License-Identifier: MIT */
/* eventfd: a kernel event as a file. */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fd.h"

int eventfd(unsigned int initial, int flags)
{
	struct description *d;
	cordon_handle_t handle;
	int64_t err;

	if (flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE))
		return cordon_errno(-EINVAL);
	d = malloc(sizeof(*d));
	if (d == NULL)
		return cordon_errno(-ENOMEM);
	description_init(d, handle_ops(CORDON_OBJECT_EVENT),
	                 O_RDWR | (flags & EFD_NONBLOCK ? O_NONBLOCK : 0) |
	                         (flags & EFD_SEMAPHORE ? FD_SEMAPHORE : 0));
	err = cordon_event_create(initial, &handle);
	if (err != 0)
		goto fail;
	err = fd_install(d, handle, flags & EFD_CLOEXEC);
	if (err >= 0)
		return (int)err;
	cordon_handle_close(handle);
fail:
	description_put(d);
	return cordon_errno(err);
}

int eventfd_read(int fd, eventfd_t *value)
{
	return read(fd, value, sizeof(*value)) == sizeof(*value) ? 0 : -1;
}

int eventfd_write(int fd, eventfd_t value)
{
	return write(fd, &value, sizeof(value)) == sizeof(value) ? 0 : -1;
}
