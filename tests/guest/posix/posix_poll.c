/* SPDX-License-Identifier: MIT */
/* poll and select. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/time.h>
#include <tests/guest/posix/posix.h>
#include <unistd.h>

#define MANY 100

static void add(int fd, uint64_t value)
{
	if (write(fd, &value, 8) != 8)
		tap_bail("an event cannot be written");
}

static uint64_t take(int fd)
{
	uint64_t value = 0;

	return read(fd, &value, 8) == 8 ? value : 0;
}

static void test_poll(void)
{
	struct pollfd fds[4] = {{.fd = eventfd(0, EFD_NONBLOCK), .events = POLLIN}};
	unsigned long long start;

	tap_is(poll(fds, 1, 0), 0, "poll: nothing");
	start = now_ms();
	tap_is(poll(fds, 1, 30), 0, "poll: nothing within 30 ms");
	tap_ok(now_ms() - start >= 29, "poll: it waits so long");
	tap_is(poll(NULL, 0, 1), 0, "poll: on nothing");
	add(fds[0].fd, 1);
	tap_is(poll(fds, 1, -1), 1, "poll: one is ready");
	tap_is(fds[0].revents, POLLIN, "poll: POLLIN");
	tap_is(poll(fds, 1, -1), 1, "poll: it is told again while it lasts");
	fds[0].events = POLLIN | POLLOUT;
	tap_is(poll(fds, 1, -1), 1, "poll: one descriptor counts once");
	tap_is(fds[0].revents, POLLIN | POLLOUT, "poll: POLLIN and POLLOUT");
	take(fds[0].fd);
	add(fds[0].fd, UINT64_MAX - 1);
	tap_is(poll(fds, 1, 0), 1, "poll: a full event");
	tap_is(fds[0].revents, POLLIN, "poll: is not POLLOUT");
	fds[1] = (struct pollfd){.fd = 3000, .events = POLLIN};
	fds[2] = (struct pollfd){.fd = -1, .events = POLLIN, .revents = 77};
	fds[3] = (struct pollfd){.fd = fds[0].fd};
	tap_is(poll(fds, 4, -1), 2, "poll: a closed one counts");
	tap_ok(fds[1].revents == POLLNVAL && fds[2].revents == 0 && fds[3].revents == 0,
	       "poll: POLLNVAL, nothing for -1, nothing for no events");
	close(fds[0].fd);
}

static void test_poll_pipe(void)
{
	static char fill[1 << 20];
	struct pollfd fds[2];
	int ends[2];

	if (pipe2(ends, O_NONBLOCK) != 0)
		tap_bail("no pipe");
	fds[0] = (struct pollfd){.fd = ends[0], .events = POLLIN};
	fds[1] = (struct pollfd){.fd = ends[1], .events = POLLOUT};
	tap_is(poll(fds, 2, 0), 1, "pipe: empty can be written");
	tap_is(fds[1].revents, POLLOUT, "pipe: POLLOUT");
	while (write(ends[1], fill, sizeof(fill)) > 0)
		continue;
	tap_is(poll(fds, 2, 0), 1, "pipe: full can be read");
	tap_is(fds[0].revents, POLLIN, "pipe: POLLIN");
	while (read(ends[0], fill, sizeof(fill)) > 0)
		continue;
	tap_is(poll(fds, 2, 0), 1, "pipe: drained can be written again");
	tap_is(fds[1].revents, POLLOUT, "pipe: POLLOUT again");
	fds[0].events = 0;
	tap_is(write(ends[1], "x", 1), 1, "pipe: one byte");
	tap_is(poll(fds, 1, 20), 0, "pipe: data is no news to who asks for nothing");
	close(ends[1]);
	tap_is(poll(fds, 1, -1), 1, "pipe: the writer's end is");
	tap_is(fds[0].revents, POLLHUP, "pipe: POLLHUP");
	fds[0].events = POLLIN;
	tap_is(poll(fds, 1, -1), 1, "pipe: with data");
	tap_is(fds[0].revents, POLLIN | POLLHUP, "pipe: POLLIN and POLLHUP");
	close(ends[0]);
	if (pipe(ends) != 0)
		tap_bail("no pipe");
	close(ends[0]);
	fds[1] = (struct pollfd){.fd = ends[1], .events = 0};
	tap_is(poll(&fds[1], 1, -1), 1, "pipe: the reader's end");
	tap_is(fds[1].revents, POLLERR, "pipe: POLLERR");
	close(ends[1]);
}

static void add_later(void *fd)
{
	sleep_ms(30);
	add(*(int *)fd, 1);
}

/* More than one wait of the kernel holds. */
static void test_many(void)
{
	struct pollfd fds[MANY];
	unsigned int right = 0;

	for (int i = 0; i < MANY; i++)
		fds[i] = (struct pollfd){.fd = eventfd(0, 0), .events = POLLIN};
	tap_is(poll(fds, MANY, 5), 0, "many: nothing");
	for (int i = 0; i < MANY; i += 33) {
		thread_begin(add_later, &fds[i].fd);
		right += poll(fds, MANY, 10000) == 1 && fds[i].revents == POLLIN;
		thread_end();
		take(fds[i].fd);
	}
	tap_is(right, 4, "many: each wakes the waiter");
	for (int i = 0; i < MANY; i++)
		add(fds[i].fd, 1);
	tap_is(poll(fds, MANY, -1), MANY, "many: all");
	for (int i = 0; i < MANY; i++)
		close(fds[i].fd);
}

static void test_ppoll(void)
{
	struct timespec span = {.tv_nsec = 20000000}, bad = {.tv_nsec = 1000000000};
	struct pollfd entry = {.fd = eventfd(0, 0), .events = POLLIN};
	unsigned long long start = now_ms();

	tap_is(ppoll(&entry, 1, &span, NULL), 0, "ppoll: nothing within 20 ms");
	tap_ok(now_ms() - start >= 19, "ppoll: it waits so long");
	FAILS(ppoll(&entry, 1, &bad, NULL), EINVAL, "ppoll: no such time");
	add(entry.fd, 1);
	tap_is(ppoll(&entry, 1, NULL, NULL), 1, "ppoll: without a limit");
	close(entry.fd);
}

static void test_select(void)
{
	struct timeval span = {.tv_usec = 20000}, none = {0}, bad = {.tv_usec = -1};
	int a = eventfd(0, 0), b = eventfd(1, 0);
	fd_set in, out;

	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(a, &in);
	FD_SET(b, &in);
	FD_SET(b, &out);
	tap_is(select(b + 1, &in, &out, NULL, NULL), 2,
	       "select: bits, not descriptors, are counted");
	tap_ok(!FD_ISSET(a, &in) && FD_ISSET(b, &in) && FD_ISSET(b, &out), "select: the bits");
	FD_ZERO(&in);
	FD_SET(a, &in);
	tap_is(select(b + 1, &in, NULL, NULL, &span), 0, "select: nothing within 20 ms");
	tap_ok(!FD_ISSET(a, &in), "select: the bit is cleared");
	FD_SET(a, &in);
	tap_is(select(a, &in, NULL, NULL, &none), 0, "select: only those below the count");
	FAILS(select(a + 1, &in, NULL, NULL, &bad), EINVAL, "select: no such time");
	FAILS(select(-1, &in, NULL, NULL, &none), EINVAL, "select: a negative count");
	close(a);
	close(b);
	FD_ZERO(&in);
	FD_SET(a, &in);
	FAILS(select(a + 1, &in, NULL, NULL, &none), EBADF, "select: a closed descriptor");
}

int main(void)
{
	test_poll();
	test_poll_pipe();
	test_many();
	test_ppoll();
	test_select();
	return tap_done();
}
