/* SPDX-License-Identifier: MIT */
/*
 * Vectors: one read or write through a piece of memory of the whole size, so that a vector is as
 * whole as a single buffer is (on a pipe, among threads, at the end of a file).
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fd.h"

/* The bytes of a vector in all, or a negated error number. */
static ssize_t vector_size(const struct iovec *vector, int count)
{
	size_t total = 0;

	if (count <= 0 || count > IOV_MAX)
		return -EINVAL;
	for (int i = 0; i < count; i++)
		if (__builtin_add_overflow(total, vector[i].iov_len, &total) || total > SSIZE_MAX)
			return -EINVAL;
	return (ssize_t)total;
}

static int buffer_for(const struct iovec *vector, int count, size_t *size, char **out)
{
	ssize_t total = vector_size(vector, count);

	if (total < 0)
		return (int)total;
	*size = (size_t)total;
	*out = malloc(*size + 1);
	return *out != NULL ? 0 : -ENOMEM;
}

static void scatter(const struct iovec *vector, const char *from, size_t size)
{
	for (; size > 0; vector++) {
		size_t part = vector->iov_len < size ? vector->iov_len : size;

		memcpy(vector->iov_base, from, part);
		from += part;
		size -= part;
	}
}

static void gather(const struct iovec *vector, int count, char *to)
{
	for (int i = 0; i < count; i++) {
		memcpy(to, vector[i].iov_base, vector[i].iov_len);
		to += vector[i].iov_len;
	}
}

/* offset: NULL reads at the position. */
static ssize_t vector_read(int fd, const struct iovec *vector, int count, const off_t *offset)
{
	char *buffer;
	size_t size;
	ssize_t got;
	int err = buffer_for(vector, count, &size, &buffer);

	if (err != 0)
		return cordon_errno(err);
	got = offset != NULL ? pread(fd, buffer, size, *offset) : read(fd, buffer, size);
	if (got > 0)
		scatter(vector, buffer, (size_t)got);
	free(buffer);
	return got;
}

static ssize_t vector_write(int fd, const struct iovec *vector, int count, const off_t *offset)
{
	char *buffer;
	size_t size;
	ssize_t wrote;
	int err = buffer_for(vector, count, &size, &buffer);

	if (err != 0)
		return cordon_errno(err);
	gather(vector, count, buffer);
	wrote = offset != NULL ? pwrite(fd, buffer, size, *offset) : write(fd, buffer, size);
	free(buffer);
	return wrote;
}

ssize_t readv(int fd, const struct iovec *vector, int count)
{
	return vector_read(fd, vector, count, NULL);
}

ssize_t writev(int fd, const struct iovec *vector, int count)
{
	return vector_write(fd, vector, count, NULL);
}

ssize_t preadv(int fd, const struct iovec *vector, int count, off_t offset)
{
	return vector_read(fd, vector, count, &offset);
}

ssize_t pwritev(int fd, const struct iovec *vector, int count, off_t offset)
{
	return vector_write(fd, vector, count, &offset);
}
