/* SPDX-License-Identifier: MIT */
/*
 * Pipes within a task: a ring of bytes and two events. The event behind the reading end is raised
 * while reading would not wait, the one behind the writing end while PIPE_BUF bytes can be written;
 * they are what waits, polls and edges go by.
 */
#define _GNU_SOURCE /* pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"

#define PIPE_SIZE 16384u
_Static_assert(PIPE_SIZE >= PIPE_BUF && (PIPE_SIZE & (PIPE_SIZE - 1)) == 0, "ring of the pipe");

struct pipe;

struct pipe_end {
	struct description d; /* first: the description is the end */
	struct pipe *pipe;
};

struct pipe {
	struct __lock lock;
	struct pipe_end reader;
	struct pipe_end writer;
	bool reading; /* the end is open */
	bool writing;
	size_t first; /* of the bytes in the ring */
	size_t count;
	char ring[PIPE_SIZE];
};

static struct pipe *pipe_of(struct description *d)
{
	return ((struct pipe_end *)d)->pipe;
}

static size_t space_locked(const struct pipe *pipe)
{
	return PIPE_SIZE - pipe->count;
}

static void take_locked(struct pipe *pipe, char *to, size_t size)
{
	size_t part = PIPE_SIZE - pipe->first < size ? PIPE_SIZE - pipe->first : size;

	memcpy(to, pipe->ring + pipe->first, part);
	memcpy(to + part, pipe->ring, size - part);
	pipe->first = (pipe->first + size) % PIPE_SIZE;
	pipe->count -= size;
}

static void put_locked(struct pipe *pipe, const char *from, size_t size)
{
	size_t end = (pipe->first + pipe->count) % PIPE_SIZE;
	size_t part = PIPE_SIZE - end < size ? PIPE_SIZE - end : size;

	memcpy(pipe->ring + end, from, part);
	memcpy(pipe->ring, from + part, size - part);
	pipe->count += size;
}

/* Bytes for a reader, 0 at the end, or -EAGAIN. */
static ssize_t read_locked(struct pipe *pipe, void *bytes, size_t size)
{
	if (pipe->count == 0)
		return pipe->writing ? -EAGAIN : 0;
	if (size > pipe->count)
		size = pipe->count;
	take_locked(pipe, bytes, size);
	if (pipe->count == 0 && pipe->writing)
		description_clear(&pipe->reader.d);
	if (space_locked(pipe) >= PIPE_BUF)
		description_raise(&pipe->writer.d);
	return (ssize_t)size;
}

static ssize_t pipe_read(struct description *d, void *bytes, size_t size)
{
	struct pipe *pipe = pipe_of(d);
	ssize_t got;

	if (size == 0)
		return 0;
	for (;;) {
		lock_acquire(&pipe->lock);
		got = read_locked(pipe, bytes, size);
		lock_release(&pipe->lock);
		if (got != -EAGAIN || d->flags & O_NONBLOCK)
			return got;
		got = handle_wait(description_handle(d), CORDON_SIGNAL_READABLE);
		if (got < 0)
			return got;
	}
}

/* Takes bytes from a writer: all or none of at most PIPE_BUF, as many as fit of more. Returns how
 * many, -EAGAIN or -EPIPE. */
static ssize_t write_locked(struct pipe *pipe, const char *bytes, size_t size)
{
	size_t space = space_locked(pipe);

	if (!pipe->reading)
		return -EPIPE;
	if (space == 0 || (size <= PIPE_BUF && space < size)) {
		description_clear(&pipe->writer.d);
		return -EAGAIN;
	}
	if (size > space)
		size = space;
	put_locked(pipe, bytes, size);
	if (space_locked(pipe) < PIPE_BUF)
		description_clear(&pipe->writer.d);
	description_raise(&pipe->reader.d);
	return (ssize_t)size;
}

static ssize_t write_some(struct description *d, const char *bytes, size_t size)
{
	struct pipe *pipe = pipe_of(d);
	ssize_t wrote;

	for (;;) {
		lock_acquire(&pipe->lock);
		wrote = write_locked(pipe, bytes, size);
		lock_release(&pipe->lock);
		if (wrote != -EAGAIN || d->flags & O_NONBLOCK)
			return wrote;
		wrote = handle_wait(description_handle(d), CORDON_SIGNAL_READABLE);
		if (wrote < 0)
			return wrote;
	}
}

/* What is longer than PIPE_BUF goes in parts, and the rest of a part keeps its own rule. */
static ssize_t pipe_write(struct description *d, const void *bytes, size_t size)
{
	const char *from = bytes;
	size_t done = 0;

	while (done < size) {
		ssize_t wrote = write_some(d, from + done, size - done);

		if (wrote == -EPIPE)
			raise(SIGPIPE);
		if (wrote < 0)
			return done > 0 ? (ssize_t)done : wrote;
		done += (size_t)wrote;
	}
	return (ssize_t)done;
}

static int pipe_stat(struct description *d, struct stat *out)
{
	memset(out, 0, sizeof(*out));
	out->st_mode = S_IFIFO | 0600;
	out->st_ino = (ino_t)(uintptr_t)pipe_of(d);
	out->st_nlink = 1;
	out->st_blksize = PIPE_BUF;
	return 0;
}

static uint32_t end_signals(struct description *d, short events)
{
	(void)d;
	(void)events; /* also the other end's going is told by it */
	return CORDON_SIGNAL_READABLE;
}

static short reader_ready(struct description *d, uint32_t raised)
{
	struct pipe *pipe = pipe_of(d);
	short ready = 0;

	(void)raised;
	lock_acquire(&pipe->lock);
	if (pipe->count > 0)
		ready |= POLLIN | POLLRDNORM;
	if (!pipe->writing)
		ready |= POLLHUP;
	lock_release(&pipe->lock);
	return ready;
}

static short writer_ready(struct description *d, uint32_t raised)
{
	struct pipe *pipe = pipe_of(d);
	short ready = 0;

	(void)raised;
	lock_acquire(&pipe->lock);
	if (space_locked(pipe) >= PIPE_BUF)
		ready |= POLLOUT | POLLWRNORM;
	if (!pipe->reading)
		ready |= POLLERR;
	lock_release(&pipe->lock);
	return ready;
}

/* An end goes; the other one learns of it. The last frees the pipe. */
static void end_close(struct pipe *pipe, bool *open, struct pipe_end *other)
{
	bool gone;

	lock_acquire(&pipe->lock);
	*open = false;
	gone = !pipe->reading && !pipe->writing;
	if (!gone)
		description_raise(&other->d);
	lock_release(&pipe->lock);
	if (gone)
		free(pipe);
}

static void reader_release(struct description *d)
{
	struct pipe *pipe = pipe_of(d);

	end_close(pipe, &pipe->reading, &pipe->writer);
}

static void writer_release(struct description *d)
{
	struct pipe *pipe = pipe_of(d);

	end_close(pipe, &pipe->writing, &pipe->reader);
}

static const struct fd_ops reader_ops = {
        .read = pipe_read,
        .stat = pipe_stat,
        .signals = end_signals,
        .ready = reader_ready,
        .release = reader_release,
};

static const struct fd_ops writer_ops = {
        .write = pipe_write,
        .stat = pipe_stat,
        .signals = end_signals,
        .ready = writer_ready,
        .release = writer_release,
};

/* Gives an end its event and descriptor. raised: the state of the event. */
static int end_open(struct pipe_end *end, bool raised, int flags, int *fd)
{
	cordon_handle_t event;
	int64_t err = cordon_event_create(raised, &event);

	if (err != 0)
		return (int)err;
	*fd = fd_install(&end->d, event, flags & O_CLOEXEC);
	if (*fd >= 0)
		return 0;
	cordon_handle_close(event);
	return *fd;
}

static int pipe_open(struct pipe *pipe, int flags, int fds[2])
{
	uint32_t nonblock = (uint32_t)flags & O_NONBLOCK;
	int err;

	memset(pipe, 0, offsetof(struct pipe, ring));
	description_init(&pipe->reader.d, &reader_ops, O_RDONLY | nonblock);
	description_init(&pipe->writer.d, &writer_ops, O_WRONLY | nonblock);
	pipe->reader.pipe = pipe;
	pipe->writer.pipe = pipe;
	pipe->reading = true;
	pipe->writing = true;
	err = end_open(&pipe->reader, false, flags, &fds[0]);
	if (err != 0) {
		free(pipe);
		return err;
	}
	err = end_open(&pipe->writer, true, flags, &fds[1]);
	if (err == 0)
		return 0;
	description_put(&pipe->writer.d);
	close(fds[0]);
	return err;
}

int pipe2(int fds[2], int flags)
{
	struct pipe *pipe;
	int ends[2];
	int err;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return cordon_errno(-EINVAL);
	pipe = malloc(sizeof(*pipe));
	err = pipe != NULL ? pipe_open(pipe, flags, ends) : -ENOMEM;
	if (err == 0)
		memcpy(fds, ends, sizeof(ends));
	return cordon_errno(err);
}

int pipe(int fds[2])
{
	return pipe2(fds, 0);
}
