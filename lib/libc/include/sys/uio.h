/* SPDX-License-Identifier: MIT */
/* Reading and writing through several buffers at once. */
#ifndef CORDON_SYS_UIO_H
#define CORDON_SYS_UIO_H

#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct iovec {
	void *iov_base;
	size_t iov_len;
};

/* As read, write, pread, pwrite with the buffers in their order; one transfer, as whole as theirs.
 * -1 and errno: theirs, EINVAL count not in 1..IOV_MAX or too many bytes, ENOMEM. */
ssize_t readv(int fd, const struct iovec *vector, int count);
ssize_t writev(int fd, const struct iovec *vector, int count);
ssize_t preadv(int fd, const struct iovec *vector, int count, off_t offset);
ssize_t pwritev(int fd, const struct iovec *vector, int count, off_t offset);

#ifdef __cplusplus
}
#endif
#endif
