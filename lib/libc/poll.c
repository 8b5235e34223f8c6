/* SPDX-License-Identifier: MIT */
/* poll and select. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/time.h>

#include "fd.h"

#define ON_STACK 16u

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

static uint64_t deadline_after_ns(uint64_t span)
{
	uint64_t deadline;

	if (span == 0)
		return CORDON_TIME_POLL;
	return __builtin_add_overflow(cordon_now(), span, &deadline) ? CORDON_TIME_FOREVER
	                                                             : deadline;
}

uint64_t deadline_after_ms(int milliseconds)
{
	if (milliseconds < 0)
		return CORDON_TIME_FOREVER;
	return deadline_after_ns((uint64_t)milliseconds * NS_PER_MS);
}

int deadline_after(const struct timespec *span, uint64_t *out)
{
	uint64_t ns;

	if (span->tv_sec < 0 || span->tv_nsec < 0 || span->tv_nsec >= (long)NS_PER_S)
		return -EINVAL;
	if (__builtin_mul_overflow((uint64_t)span->tv_sec, NS_PER_S, &ns) ||
	    __builtin_add_overflow(ns, (uint64_t)span->tv_nsec, &ns))
		*out = CORDON_TIME_FOREVER;
	else
		*out = deadline_after_ns(ns);
	return 0;
}

/* Fills the watches. Returns how many descriptors are not open, or -ENOMEM. */
static int watches_open(struct watch *watches, struct pollfd *fds, nfds_t count)
{
	int closed = 0;

	memset(watches, 0, count * sizeof(*watches));
	for (nfds_t i = 0; i < count; i++) {
		int err = fds[i].fd < 0 ? 0 : fd_adopt(fds[i].fd, &watches[i].d);

		fds[i].revents = err == -EBADF ? POLLNVAL : 0;
		closed += err == -EBADF;
		watches[i].events = fds[i].events;
		if (err == -ENOMEM)
			return -ENOMEM;
	}
	return closed;
}

static int poll_watches(struct watch *watches, struct pollfd *fds, nfds_t count, uint64_t deadline)
{
	int closed = watches_open(watches, fds, count);
	int ready = closed;

	if (closed >= 0)
		ready = watch_wait(watches, count, closed > 0 ? CORDON_TIME_POLL : deadline, NULL);
	for (nfds_t i = 0; i < count; i++) {
		if (watches[i].d == NULL)
			continue;
		fds[i].revents = watches[i].ready;
		description_put(watches[i].d);
	}
	return ready < 0 ? ready : ready + closed;
}

static int poll_until(struct pollfd *fds, nfds_t count, uint64_t deadline)
{
	struct watch few[ON_STACK];
	struct watch *watches = few;
	int ready;

	if (count > CORDON_HANDLE_MAX)
		return -EINVAL;
	if (count > ON_STACK)
		watches = malloc(count * sizeof(*watches));
	if (watches == NULL)
		return -ENOMEM;
	ready = poll_watches(watches, fds, count, deadline);
	if (watches != few)
		free(watches);
	return ready;
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	return cordon_errno(poll_until(fds, count, deadline_after_ms(timeout)));
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
	uint64_t deadline = CORDON_TIME_FOREVER;
	int err = timeout != NULL ? deadline_after(timeout, &deadline) : 0;

	(void)mask;
	return cordon_errno(err != 0 ? err : poll_until(fds, count, deadline));
}

/* --- select: the same in the words of poll --- */

struct select_set {
	fd_set *set; /* may be NULL */
	short asks;
	short answers; /* revents that set the bit */
};

#define SELECT_SETS 3

static void select_sets(struct select_set sets[SELECT_SETS], fd_set *read, fd_set *write,
                        fd_set *except)
{
	sets[0] = (struct select_set){read, POLLIN, POLLIN | POLLHUP | POLLERR};
	sets[1] = (struct select_set){write, POLLOUT, POLLOUT | POLLERR};
	sets[2] = (struct select_set){except, POLLPRI, POLLPRI};
}

static nfds_t select_ask(const struct select_set sets[SELECT_SETS], int count, struct pollfd *fds)
{
	nfds_t used = 0;

	for (int fd = 0; fd < count; fd++) {
		struct pollfd entry = {.fd = fd};

		for (int i = 0; i < SELECT_SETS; i++)
			if (sets[i].set != NULL && FD_ISSET(fd, sets[i].set))
				entry.events |= sets[i].asks;
		if (entry.events != 0)
			fds[used++] = entry;
	}
	return used;
}

/* Returns how many bits are set in all. */
static int select_answer(const struct select_set sets[SELECT_SETS], const struct pollfd *fds,
                         nfds_t used)
{
	int bits = 0;

	for (nfds_t k = 0; k < used; k++) {
		for (int i = 0; i < SELECT_SETS; i++) {
			if (sets[i].set == NULL || !FD_ISSET(fds[k].fd, sets[i].set))
				continue;
			if (fds[k].revents & sets[i].answers)
				bits++;
			else
				FD_CLR(fds[k].fd, sets[i].set);
		}
	}
	return bits;
}

static int any_closed(const struct pollfd *fds, nfds_t used)
{
	for (nfds_t k = 0; k < used; k++)
		if (fds[k].revents & POLLNVAL)
			return -EBADF;
	return 0;
}

static int select_until(int count, const struct select_set sets[SELECT_SETS], uint64_t deadline)
{
	struct pollfd *fds;
	nfds_t used;
	int result;

	if (count < 0 || count > CORDON_HANDLE_MAX)
		return -EINVAL;
	fds = malloc(((size_t)count + 1) * sizeof(*fds));
	if (fds == NULL)
		return -ENOMEM;
	used = select_ask(sets, count, fds);
	result = poll_until(fds, used, deadline);
	if (result >= 0)
		result = any_closed(fds, used);
	if (result == 0)
		result = select_answer(sets, fds, used);
	free(fds);
	return result;
}

int pselect(int count, fd_set *read, fd_set *write, fd_set *except, const struct timespec *timeout,
            const sigset_t *mask)
{
	struct select_set sets[SELECT_SETS];
	uint64_t deadline = CORDON_TIME_FOREVER;
	int err = timeout != NULL ? deadline_after(timeout, &deadline) : 0;

	(void)mask;
	select_sets(sets, read, write, except);
	return cordon_errno(err != 0 ? err : select_until(count, sets, deadline));
}

int select(int count, fd_set *read, fd_set *write, fd_set *except, struct timeval *timeout)
{
	struct timespec span;

	if (timeout == NULL)
		return pselect(count, read, write, except, NULL, NULL);
	if (timeout->tv_usec < 0 || timeout->tv_usec >= 1000000)
		return cordon_errno(-EINVAL);
	span.tv_sec = timeout->tv_sec;
	span.tv_nsec = timeout->tv_usec * 1000L;
	return pselect(count, read, write, except, &span, NULL);
}
