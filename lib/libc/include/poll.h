/* SPDX-License-Identifier: MIT */
/* Waiting on many file descriptors. */
#ifndef CORDON_POLL_H
#define CORDON_POLL_H

#include <sys/cdefs.h>
#include <signal.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define POLLIN     0x0001
#define POLLPRI    0x0002 /* never told */
#define POLLOUT    0x0004
#define POLLERR    0x0008 /* told unasked: a pipe that no one reads */
#define POLLHUP    0x0010 /* told unasked: no one writes any more; a task or thread has ended */
#define POLLNVAL   0x0020 /* told unasked: not open */
#define POLLRDNORM 0x0040
#define POLLRDBAND 0x0080 /* never told */
#define POLLWRNORM 0x0100
#define POLLWRBAND 0x0200 /* never told */
#define POLLRDHUP  0x2000 /* never told */

struct pollfd {
	int fd; /* negative: passed over */
	short events;
	short revents;
};

typedef unsigned int nfds_t;

/* Waits until one of them is ready, at most `timeout` milliseconds (negative: for ever; 0: not at
 * all). Returns how many have revents, 0 when the time is over, or -1 and errno: EINVAL too many,
 * ENOMEM. Any waitable handle can be among them. */
int poll(struct pollfd *fds, nfds_t count, int timeout);

/* The same with a finer timeout (NULL: for ever). A task's signals come from itself, so the mask
 * has nothing to hold back. */
int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask);

#ifdef __cplusplus
}
#endif
#endif
