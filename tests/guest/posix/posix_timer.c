/* SPDX-License-Identifier: MIT */
/* timerfd. */
#include <poll.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <tests/guest/posix/posix.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000L

static struct itimerspec spec(long first_ms, long interval_ms)
{
	return (struct itimerspec){
	        .it_value = {.tv_nsec = first_ms * MS},
	        .it_interval = {.tv_nsec = interval_ms * MS},
	};
}

static void test_once(void)
{
	struct itimerspec value = spec(20, 0), left;
	struct pollfd entry = {.events = POLLIN};
	unsigned long long start = now_ms();
	uint64_t count = 0;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);

	tap_ok(fd >= 0, "timerfd_create");
	FAILS(read(fd, &count, 8), EAGAIN, "not armed: nothing");
	tap_is(timerfd_settime(fd, 0, &value, NULL), 0, "timerfd_settime");
	/* On a busy host it may have run out by now. */
	tap_ok(timerfd_gettime(fd, &left) == 0 && left.it_value.tv_nsec <= 20 * MS &&
	               (left.it_value.tv_nsec > 0 || now_ms() - start >= 19),
	       "timerfd_gettime");
	entry.fd = fd;
	tap_is(poll(&entry, 1, 10000), 1, "poll waits for it");
	tap_ok(now_ms() - start >= 19, "as long as it runs");
	tap_ok(read(fd, &count, 8) == 8 && count == 1, "it ran out once");
	FAILS(read(fd, &count, 8), EAGAIN, "and not again");
	tap_ok(timerfd_gettime(fd, &left) == 0 && left.it_value.tv_nsec == 0, "it is not armed");
	FAILS(write(fd, &count, 8), EINVAL, "it is not written");
	close(fd);
}

static void test_interval(void)
{
	struct itimerspec value = spec(5, 5), none = spec(0, 0);
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	int fd = timerfd_create(CLOCK_MONOTONIC, 0), set = epoll_create1(0);
	uint64_t count = 0, first = 0;

	timerfd_settime(fd, 0, &value, NULL);
	tap_ok(read(fd, &first, 8) == 8 && first >= 1, "a read waits");
	sleep_ms(30);
	tap_ok(read(fd, &count, 8) == 8 && count >= 4, "intervals are counted");
	epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
	tap_is(epoll_wait(set, &event, 1, 10000), 1, "an edge");
	tap_is(read(fd, &count, 8), 8, "is read");
	tap_is(epoll_wait(set, &event, 1, 10000), 1, "each time it runs out");
	tap_is(timerfd_settime(fd, 0, &none, &value), 0, "disarmed");
	tap_is(value.it_interval.tv_nsec, 5 * MS, "the settings before are told");
	tap_is(epoll_wait(set, &event, 1, 30), 0, "and it is silent");
	close(set);
	close(fd);
}

static void test_absolute(void)
{
	struct itimerspec value = {0}, bad = {.it_value = {.tv_nsec = 1000 * MS}};
	int fd = timerfd_create(CLOCK_REALTIME, 0);
	uint64_t count = 0;

	clock_gettime(CLOCK_REALTIME, &value.it_value);
	tap_is(timerfd_settime(fd, TFD_TIMER_ABSTIME, &value, NULL), 0, "a time that has passed");
	tap_ok(read(fd, &count, 8) == 8 && count == 1, "runs out at once");
	value.it_value.tv_sec += 1000;
	timerfd_settime(fd, TFD_TIMER_ABSTIME, &value, NULL);
	tap_ok(timerfd_gettime(fd, &value) == 0 && value.it_value.tv_sec >= 990 &&
	               value.it_value.tv_sec <= 1000,
	       "a time that comes");
	FAILS(timerfd_settime(fd, 0, &bad, NULL), EINVAL, "no such time");
	FAILS(timerfd_settime(fd, 77, &value, NULL), EINVAL, "unknown flags");
	FAILS(timerfd_settime(STDOUT_FILENO, 0, &value, NULL), EINVAL, "no timer");
	FAILS(timerfd_gettime(3000, &value), EBADF, "nothing");
	FAILS(timerfd_create(77, 0), EINVAL, "no such clock");
	close(fd);
}

int main(void)
{
	test_once();
	test_interval();
	test_absolute();
	return tap_done();
}
