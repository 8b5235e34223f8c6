/* SPDX-License-Identifier: MIT */
/* Sets of file descriptors to wait on again and again. */
#ifndef CORDON_SYS_EPOLL_H
#define CORDON_SYS_EPOLL_H

#include <signal.h>
#include <stdint.h>
#include <sys/cdefs.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EPOLL_CLOEXEC 0x40000 /* O_CLOEXEC */

#define EPOLL_CTL_ADD 1
#define EPOLL_CTL_DEL 2
#define EPOLL_CTL_MOD 3

#define EPOLLIN        0x0001u
#define EPOLLPRI       0x0002u /* never told */
#define EPOLLOUT       0x0004u
#define EPOLLERR       0x0008u /* told unasked */
#define EPOLLHUP       0x0010u /* told unasked */
#define EPOLLRDNORM    0x0040u
#define EPOLLRDBAND    0x0080u /* never told */
#define EPOLLWRNORM    0x0100u
#define EPOLLWRBAND    0x0200u    /* never told */
#define EPOLLRDHUP     0x2000u    /* never told */
#define EPOLLEXCLUSIVE (1u << 28) /* taken, without effect */
#define EPOLLWAKEUP    (1u << 29) /* taken, without effect */
#define EPOLLONESHOT   (1u << 30) /* told once, until EPOLL_CTL_MOD */
#define EPOLLET        (1u << 31) /* each news told once, not as long as it lasts */

typedef union epoll_data {
	void *ptr;
	int fd;
	uint32_t u32;
	uint64_t u64;
} epoll_data_t;

struct epoll_event {
	uint32_t events;
	epoll_data_t data;
} __attribute__((packed));

/* A new, empty set. -1 and errno: EINVAL unknown flags or size not positive, EMFILE, ENOMEM. */
int epoll_create1(int flags);
int epoll_create(int size);

/* Adds, changes or removes a descriptor. What is closed leaves by itself. -1 and errno: EBADF one
 * is not open, EINVAL epfd is no set or fd itself, EEXIST, ENOENT, EPERM a file or folder, which is
 * always ready, ELOOP another set, ENOMEM. */
int epoll_ctl(int epfd, int operation, int fd, struct epoll_event *event);

/* Waits until one of them has events, at most `timeout` milliseconds (negative: for ever). Returns
 * how many were written to events, the longest not told first. -1 and errno: EBADF, EINVAL epfd is
 * no set or maximum not positive, ENOMEM. */
int epoll_wait(int epfd, struct epoll_event *events, int maximum, int timeout);

/* The same; a task's signals come from itself, so the mask has nothing to hold back. */
int epoll_pwait(int epfd, struct epoll_event *events, int maximum, int timeout,
                const sigset_t *mask);

#ifdef __cplusplus
}
#endif
#endif
