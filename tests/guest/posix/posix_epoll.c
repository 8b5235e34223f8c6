/* SPDX-License-Identifier: MIT */
/* epoll: level and edge triggered, once, changes while it waits. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <tests/guest/posix/posix.h>
#include <unistd.h>

#define MANY 100

static void add(int fd, uint64_t value)
{
	if (write(fd, &value, 8) != 8)
		tap_bail("an event cannot be written");
}

static void take(int fd)
{
	uint64_t value;

	if (read(fd, &value, 8) != 8)
		tap_bail("an event cannot be read");
}

static int control(int set, int operation, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	return epoll_ctl(set, operation, fd, &event);
}

/* The events of one descriptor, 0 when there are none now, -1 when there is something else. */
static int64_t told(int set, int fd)
{
	struct epoll_event events[4];
	int count = epoll_wait(set, events, 4, 0);

	if (count != 1)
		return count == 0 ? 0 : -1;
	return events[0].data.fd == fd ? (int64_t)events[0].events : -1;
}

static void test_level(void)
{
	int set = epoll_create1(EPOLL_CLOEXEC), a = eventfd(0, 0), b = eventfd(0, 0);

	tap_ok(set >= 0, "epoll_create1");
	tap_is(fcntl(set, F_GETFD), FD_CLOEXEC, "EPOLL_CLOEXEC");
	tap_is(control(set, EPOLL_CTL_ADD, a, EPOLLIN), 0, "add");
	tap_is(control(set, EPOLL_CTL_ADD, b, EPOLLIN), 0, "add another");
	tap_is(told(set, a), 0, "nothing");
	add(a, 1);
	tap_is(told(set, a), EPOLLIN, "level: told");
	tap_is(told(set, a), EPOLLIN, "level: as long as it lasts");
	take(a);
	tap_is(told(set, a), 0, "level: and no longer");
	tap_is(control(set, EPOLL_CTL_MOD, a, EPOLLIN | EPOLLOUT), 0, "change");
	tap_is(told(set, a), EPOLLOUT, "to what is asked now");
	tap_is(control(set, EPOLL_CTL_DEL, a, 0), 0, "remove");
	tap_is(told(set, a), 0, "removed");
	add(b, 1);
	tap_is(told(set, b), EPOLLIN, "the other stays");
	close(a);
	close(b);
	close(set);
}

static void test_edge(void)
{
	int set = epoll_create1(0), fd = eventfd(0, EFD_NONBLOCK);

	add(fd, 1);
	tap_is(control(set, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET), 0, "edge: add");
	tap_is(told(set, fd), EPOLLIN, "edge: what is there at first is told");
	tap_is(told(set, fd), 0, "edge: once");
	add(fd, 1);
	tap_is(told(set, fd), EPOLLIN, "edge: again when there is news, although none was taken");
	add(fd, 1);
	add(fd, 1);
	tap_is(told(set, fd), EPOLLIN, "edge: two news together");
	tap_is(told(set, fd), 0, "edge: are told once");
	take(fd);
	tap_is(told(set, fd), 0, "edge: taking is no news to a reader");
	add(fd, 1);
	tap_is(told(set, fd), EPOLLIN, "edge: after it comes news");
	tap_is(control(set, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLET), 0, "edge: change");
	tap_is(told(set, fd), EPOLLIN, "edge: begins anew");
	close(fd);
	close(set);
}

static void test_edge_pipe(void)
{
	char text[64];
	int set = epoll_create1(0), ends[2];

	if (pipe2(ends, O_NONBLOCK) != 0)
		tap_bail("no pipe");
	control(set, EPOLL_CTL_ADD, ends[0], EPOLLIN | EPOLLET);
	tap_is(told(set, ends[0]), 0, "edge: an empty pipe");
	tap_is(write(ends[1], "abcd", 4), 4, "edge: data");
	tap_is(told(set, ends[0]), EPOLLIN, "edge: is told");
	tap_is(read(ends[0], text, 2), 2, "edge: read a part");
	tap_is(told(set, ends[0]), 0, "edge: the rest is no news");
	tap_is(write(ends[1], "e", 1), 1, "edge: more data");
	tap_is(told(set, ends[0]), EPOLLIN, "edge: is");
	close(ends[1]);
	tap_is(told(set, ends[0]), EPOLLIN | EPOLLHUP, "edge: so is the end");
	tap_is(told(set, ends[0]), 0, "edge: once");
	close(ends[0]);
	close(set);
}

static void test_oneshot(void)
{
	int set = epoll_create1(0), fd = eventfd(1, 0);

	control(set, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLONESHOT);
	tap_is(told(set, fd), EPOLLIN, "oneshot: told");
	tap_is(told(set, fd), 0, "oneshot: then not");
	add(fd, 1);
	tap_is(told(set, fd), 0, "oneshot: not with news either");
	tap_is(control(set, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT), 0, "oneshot: armed again");
	tap_is(told(set, fd), EPOLLIN, "oneshot: told again");
	close(fd);
	close(set);
}

static void test_turns(void)
{
	struct epoll_event events[3];
	int set = epoll_create1(0), fds[6], seen[6] = {0}, whole = 1;

	for (int i = 0; i < 6; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};

		fds[i] = eventfd(1, 0);
		epoll_ctl(set, EPOLL_CTL_ADD, fds[i], &event);
	}
	for (int round = 0; round < 4; round++) {
		int count = epoll_wait(set, events, 3, -1);

		whole &= count == 3;
		for (int i = 0; i < count; i++)
			seen[events[i].data.u32]++;
	}
	tap_ok(whole, "at most the maximum is told");
	whole = 1;
	for (int i = 0; i < 6; i++)
		whole &= seen[i] == 2;
	tap_ok(whole, "and each has its turn");
	for (int i = 0; i < 6; i++)
		close(fds[i]);
	close(set);
}

static void test_errors(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	int set = epoll_create1(0), fd = eventfd(0, 0), file;

	FAILS(epoll_create1(1), EINVAL, "epoll_create1: unknown flags");
	FAILS(epoll_create(0), EINVAL, "epoll_create: no size");
	FAILS(epoll_ctl(3000, EPOLL_CTL_ADD, fd, &event), EBADF, "epoll_ctl: no set");
	FAILS(epoll_ctl(set, EPOLL_CTL_ADD, 3000, &event), EBADF, "epoll_ctl: nothing to add");
	FAILS(epoll_ctl(fd, EPOLL_CTL_ADD, set, &event), EINVAL, "epoll_ctl: an event is no set");
	FAILS(epoll_ctl(set, EPOLL_CTL_ADD, set, &event), EINVAL, "epoll_ctl: itself");
	FAILS(epoll_ctl(set, 77, fd, &event), EINVAL, "epoll_ctl: no such operation");
	FAILS(epoll_ctl(set, EPOLL_CTL_MOD, fd, &event), ENOENT, "epoll_ctl: change, not there");
	FAILS(epoll_ctl(set, EPOLL_CTL_DEL, fd, &event), ENOENT, "epoll_ctl: remove, not there");
	tap_is(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event), 0, "epoll_ctl: add");
	FAILS(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event), EEXIST, "epoll_ctl: twice");
	file = open("epoll.file", O_RDWR | O_CREAT, 0644);
	FAILS(epoll_ctl(set, EPOLL_CTL_ADD, file, &event), EPERM, "epoll_ctl: a file");
	close(file);
	unlink("epoll.file");
	FAILS(epoll_wait(3000, &event, 1, 0), EBADF, "epoll_wait: no set");
	FAILS(epoll_wait(fd, &event, 1, 0), EINVAL, "epoll_wait: an event");
	FAILS(epoll_wait(set, &event, 0, 0), EINVAL, "epoll_wait: no room");
	close(fd);
	close(set);
}

static void test_closing(void)
{
	struct pollfd entry = {.events = POLLIN};
	int set = epoll_create1(0), fd = eventfd(1, 0), copy = dup(fd);

	control(set, EPOLL_CTL_ADD, fd, EPOLLIN);
	close(fd);
	tap_is(told(set, fd), EPOLLIN, "a copy keeps what is closed in the set");
	entry.fd = set;
	tap_is(poll(&entry, 1, 0), 1, "a set can be polled");
	tap_is(entry.revents, POLLIN, "for POLLIN");
	close(copy);
	tap_is(told(set, fd), 0, "with the last copy it leaves");
	tap_is(poll(&entry, 1, 0), 0, "and the set has nothing");
	fd = eventfd(1, 0);
	tap_is(control(set, EPOLL_CTL_ADD, fd, EPOLLIN), 0, "its number can be added again");
	close(fd);
	close(set);
}

static int the_set, the_event;

static void add_later(void *fd)
{
	sleep_ms(30);
	add(*(int *)fd, 1);
}

static void join_later(void *fd)
{
	sleep_ms(30);
	control(the_set, EPOLL_CTL_ADD, *(int *)fd, EPOLLIN);
}

static void test_waiting(void)
{
	struct epoll_event event;
	unsigned long long start = now_ms();
	int other = eventfd(1, 0);

	the_set = epoll_create1(0);
	the_event = eventfd(0, 0);
	tap_is(epoll_wait(the_set, &event, 1, 20), 0, "an empty set waits");
	tap_ok(now_ms() - start >= 19, "as long as asked");
	control(the_set, EPOLL_CTL_ADD, the_event, EPOLLIN | EPOLLET);
	add(the_event, 1);
	tap_is(epoll_wait(the_set, &event, 1, -1), 1, "the first edge");
	thread_begin(add_later, &the_event);
	start = now_ms();
	tap_ok(epoll_wait(the_set, &event, 1, 10000) == 1 && now_ms() - start < 5000,
	       "an edge wakes while the level stays");
	thread_end();
	thread_begin(join_later, &other);
	start = now_ms();
	tap_ok(epoll_wait(the_set, &event, 1, 10000) == 1 && event.data.fd == other &&
	               now_ms() - start < 5000,
	       "what joins the set wakes");
	thread_end();
	close(the_set);
	close(the_event);
	close(other);
}

/* More than one wait of the kernel holds. */
static void test_many(void)
{
	struct epoll_event events[MANY];
	int set = epoll_create1(0), fds[MANY], right = 0;

	for (int i = 0; i < MANY; i++) {
		fds[i] = eventfd(0, 0);
		control(set, EPOLL_CTL_ADD, fds[i], EPOLLIN);
	}
	for (int i = 0; i < MANY; i += 33) {
		thread_begin(add_later, &fds[i]);
		right += epoll_wait(set, events, MANY, 10000) == 1 && events[0].data.fd == fds[i];
		thread_end();
		take(fds[i]);
	}
	tap_is(right, 4, "many: each wakes the waiter");
	for (int i = 0; i < MANY; i++)
		add(fds[i], 1);
	tap_is(epoll_wait(set, events, MANY, -1), MANY, "many: all");
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	tap_is(epoll_wait(set, events, MANY, 0), 0, "many: none");
	close(set);
}

int main(void)
{
	if (chdir(scratch) != 0)
		tap_bail("no folder to write in");
	test_level();
	test_edge();
	test_edge_pipe();
	test_oneshot();
	test_turns();
	test_errors();
	test_closing();
	test_waiting();
	test_many();
	return tap_done();
}
