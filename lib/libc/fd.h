/* SPDX-License-Identifier: MIT */
/*
 * File descriptors, as the parts of the C library see them; not for tasks.
 *
 * A descriptor is the slot number of a handle: the handle's number without its generation. The
 * kernel gives the lowest free slot, which is what POSIX asks of descriptors, and no two live
 * handles share a slot. What POSIX knows beyond the handle (position, status flags, the kind of
 * file) is in an open description, found in a table by slot. A handle that never needed one, such
 * as the console's, is a descriptor without being in the table.
 */
#ifndef CORDON_LIBC_FD_H
#define CORDON_LIBC_FD_H

#include <fcntl.h>
#include <poll.h>
#include <time.h>

#include "internal.h"

struct description;

/* What a kind of file can do. Results are as those of the calls, with negated error numbers. */
struct fd_ops {
	/* Streams; NULL: -EINVAL. */
	ssize_t (*read)(struct description *d, void *bytes, size_t size);
	ssize_t (*write)(struct description *d, const void *bytes, size_t size);

	/* Files with a position, instead of the two above. Called under d->lock. */
	ssize_t (*read_at)(struct description *d, void *bytes, size_t size, uint64_t offset);
	ssize_t (*write_at)(struct description *d, const void *bytes, size_t size, uint64_t offset);
	uint64_t (*size)(struct description *d);
	int (*resize)(struct description *d, uint64_t size);

	int (*stat)(struct description *d, struct stat *out);

	/* Signals of the handle that tell of these poll events, CORDON_SIGNAL_*; NULL: none ever.
	 */
	uint32_t (*signals)(struct description *d, short events);

	/* The poll events that hold now, also those that were not asked for, given the raised ones
	 * of `signals`. NULL: reading and writing never block. */
	short (*ready)(struct description *d, uint32_t raised);

	/* Brings the handle's signals up to date where time changes them. Returns when to call it
	 * again, in monotonic nanoseconds. NULL: never. */
	uint64_t (*tick)(struct description *d);

	/* The last reference is gone: free it. */
	void (*release)(struct description *d);
};

/* An open description (POSIX 3.258): shared by the descriptors that dup made of one. Kinds embed
 * it as their first member. */
struct description {
	const struct fd_ops *ops;
	uint32_t references; /* descriptors, and calls in progress */
	uint32_t flags;      /* access mode, O_APPEND, O_NONBLOCK */
	int fd;              /* one of its descriptors; -1: there is none any more */
	bool watched;        /* in some epoll set */
	struct __lock lock;  /* position, and what the kind keeps under it */
	uint64_t position;
};

/* Prepares a description that fd_install is to take over. flags: as in open. */
void description_init(struct description *d, const struct fd_ops *ops, uint32_t flags);

/* Makes the handle's slot a descriptor of *d, which passes to the table; so does the handle.
 * Returns it, or -ENOMEM: then both are still the caller's. */
int fd_install(struct description *d, cordon_handle_t handle, bool close_on_exec);

/* The description of a descriptor with a reference for the caller (description_put); NULL: the
 * number is not in the table. */
struct description *fd_get(int fd);

/* As fd_get, and takes a handle that is not in the table into it. Returns 0 or -EBADF, -ENOMEM. */
int fd_adopt(int fd, struct description **out);

/* FD_CLOEXEC of a descriptor in the table before it was set to *set (NULL: only tell), or -EBADF.
 * Nothing here executes another program in place, so it is only kept. */
int fd_close_on_exec(int fd, const bool *set);

/* Takes a reference, and gives it back; the last one frees. */
struct description *description_ref(struct description *d);
void description_put(struct description *d);

/* The handle of one of the description's descriptors, or CORDON_HANDLE_NONE. */
cordon_handle_t description_handle(struct description *d);

/* Adds 1 to, or takes, the event behind a description: kinds of the library's own tell their
 * state by such an event. */
void description_raise(struct description *d);
void description_clear(struct description *d);

/* Set by epoll while it has descriptions that are to be forgotten when they are closed. */
extern void (*fd_forget)(struct description *d);

/* Whether a description was opened for reading (O_RDONLY) or writing (O_WRONLY). */
static inline bool description_allows(const struct description *d, uint32_t mode)
{
	uint32_t have = d->flags & O_ACCMODE;

	return have == mode || have == O_RDWR;
}

/* Descriptions of handles that the kernel's types explain (fd_handle.c): console, event, other. */
const struct fd_ops *handle_ops(uint32_t type);
ssize_t console_read(cordon_handle_t handle, uint32_t flags, void *bytes, size_t size);
ssize_t console_write(cordon_handle_t handle, const void *bytes, size_t size);

uint32_t event_signals(struct description *d, short events);
short event_ready(struct description *d, uint32_t raised);

#define FD_SEMAPHORE 0x40000000u /* in flags: each read takes 1 (EFD_SEMAPHORE) */
ssize_t event_read(cordon_handle_t handle, uint32_t flags, void *bytes, size_t size);
ssize_t event_write(cordon_handle_t handle, uint32_t flags, const void *bytes, size_t size);

/* Waits for signals of one handle without end. Returns 0 or a negated error number. */
int handle_wait(cordon_handle_t handle, uint32_t signals);

/*
 * Waiting on many descriptions: poll, select, epoll and blocking reads are this (watch.c).
 */
struct watch {
	struct description *d; /* NULL: a place that is not in use */
	short events;          /* POLL*, beside which ERR and HUP are always told */
	short ready;           /* out */
	bool edge;             /* tell each news once (EPOLLET) */
	bool told;             /* edge: the state at the start has been told */
	uint32_t sequence;     /* edge: of the handle's signals, as last told; 0 at the start */
	uint32_t raised;       /* for watch_wait alone */
};

/* Waits until a watch is ready or the deadline passed. Returns how many are ready, also 0, or a
 * negated error number. news may be NULL; otherwise an item that is waited on too, and when it is
 * pending the wait ends, even with 0. */
int watch_wait(struct watch *watches, size_t count, uint64_t deadline, struct cordon_wait *news);

/* The monotonic time that lies so far ahead; negative, or too far: for ever. */
uint64_t deadline_after_ms(int milliseconds);
int deadline_after(const struct timespec *span, uint64_t *out);

#endif
