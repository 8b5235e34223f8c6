/* SPDX-License-Identifier: MIT */
/* Descriptors: copies, flags, eventfd, pipes, vectors. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <tests/guest/posix/posix.h>
#include <unistd.h>

static void test_eventfd(void)
{
	uint64_t value = 5;
	char small[7] = {0};
	int fd = eventfd(3, EFD_NONBLOCK);

	tap_ok(fd >= 0, "eventfd opens");
	tap_is(read(fd, &value, 8), 8, "eventfd: read gives 8 bytes");
	tap_ok(value == 3, "eventfd: the initial count");
	FAILS(read(fd, &value, 8), EAGAIN, "eventfd: zero is EAGAIN");
	value = 7;
	tap_is(write(fd, &value, 8), 8, "eventfd: write takes 8 bytes");
	tap_is(write(fd, &value, 8), 8, "eventfd: write adds");
	FAILS(read(fd, small, 7), EINVAL, "eventfd: 7 bytes are too few to read");
	FAILS(write(fd, small, 7), EINVAL, "eventfd: 7 bytes are too few to write");
	tap_is(read(fd, &value, 8), 8, "eventfd: no failed read took the count");
	tap_ok(value == 14, "eventfd: the sum");
	value = UINT64_MAX;
	FAILS(write(fd, &value, 8), EINVAL, "eventfd: all ones cannot be added");
	value = UINT64_MAX - 1;
	tap_is(write(fd, &value, 8), 8, "eventfd: the most can be added");
	value = 1;
	FAILS(write(fd, &value, 8), EAGAIN, "eventfd: and then nothing");
	FAILS(pread(fd, &value, 8, 0), ESPIPE, "eventfd: no pread");
	FAILS(ftruncate(fd, 0), EINVAL, "eventfd: no size");
	FAILS(eventfd(0, 1 << 30), EINVAL, "eventfd: unknown flags");
	tap_is(close(fd), 0, "eventfd: closes");
	FAILS(close(fd), EBADF, "eventfd: once");
	FAILS(read(fd, &value, 8), EBADF, "eventfd: and is gone");
}

static void test_semaphore(void)
{
	uint64_t value = 0;
	int fd = eventfd(2, EFD_NONBLOCK | EFD_SEMAPHORE | EFD_CLOEXEC);

	tap_ok(read(fd, &value, 8) == 8 && value == 1, "a semaphore gives 1");
	tap_ok(read(fd, &value, 8) == 8 && value == 1, "and 1 again");
	FAILS(read(fd, &value, 8), EAGAIN, "then it is empty");
	tap_is(fcntl(fd, F_GETFD), FD_CLOEXEC, "EFD_CLOEXEC is told by F_GETFD");
	tap_is(eventfd_write(fd, 4), 0, "eventfd_write");
	tap_ok(eventfd_read(fd, &value) == 0 && value == 1, "eventfd_read");
	close(fd);
}

static void write_later(void *argument)
{
	uint64_t one = 1;

	sleep_ms(20);
	if (write(*(int *)argument, &one, 8) != 8)
		tap_note("the second thread cannot write");
}

static void read_later(void *argument)
{
	uint64_t value;

	sleep_ms(20);
	if (read(*(int *)argument, &value, 8) != 8)
		tap_note("the second thread cannot read");
}

static void test_blocking(void)
{
	uint64_t value = 0;
	int fd = eventfd(0, 0);
	unsigned long long start = now_ms();

	thread_begin(write_later, &fd);
	tap_ok(read(fd, &value, 8) == 8 && value == 1, "a read waits for a write");
	tap_ok(now_ms() - start >= 15, "it did wait");
	thread_end();
	value = UINT64_MAX - 1;
	tap_is(write(fd, &value, 8), 8, "fill it");
	thread_begin(read_later, &fd);
	value = 2;
	tap_is(write(fd, &value, 8), 8, "a write waits for a read");
	thread_end();
	tap_ok(read(fd, &value, 8) == 8 && value == 2, "and comes after it");
	close(fd);
}

static void test_dup(void)
{
	uint64_t value = 1;
	int fd = eventfd(0, EFD_NONBLOCK), copy, high, lowest;

	copy = dup(fd);
	tap_is(copy, fd + 1, "dup gives the lowest free number");
	tap_is(write(copy, &value, 8), 8, "a copy is the same event");
	tap_is(fcntl(copy, F_SETFL, 0), 0, "F_SETFL");
	tap_is(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR, "status flags are shared");
	tap_is(fcntl(fd, F_SETFL, O_NONBLOCK), 0, "F_SETFL O_NONBLOCK");
	tap_is(fcntl(copy, F_GETFL) & O_NONBLOCK, O_NONBLOCK, "both ways");
	tap_is(fcntl(copy, F_SETFD, FD_CLOEXEC), 0, "F_SETFD");
	tap_is(fcntl(copy, F_GETFD), FD_CLOEXEC, "F_GETFD");
	tap_is(fcntl(fd, F_GETFD), 0, "descriptor flags are not shared");
	high = fcntl(fd, F_DUPFD, 40);
	tap_is(high, 40, "F_DUPFD gives the lowest number from 40 on");
	tap_is(fcntl(fd, F_DUPFD_CLOEXEC, 40), 41, "F_DUPFD_CLOEXEC gives the next");
	tap_is(fcntl(41, F_GETFD), FD_CLOEXEC, "with the flag");
	close(fd);
	tap_is(read(high, &value, 8), 8, "the event lives with its copies");
	lowest = dup(high);
	tap_is(lowest, fd, "a closed number is given out again");
	tap_is(dup2(lowest, 41), 41, "dup2 replaces");
	tap_is(fcntl(41, F_GETFD), 0, "dup2 clears FD_CLOEXEC");
	tap_is(dup2(41, 41), 41, "dup2 onto itself");
	FAILS(dup2(3000, 41), EBADF, "dup2 of nothing");
	tap_is(fcntl(41, F_GETFD), 0, "leaves the other alone");
	FAILS(dup2(41, -1), EBADF, "dup2 onto -1");
	FAILS(dup3(41, 41, 0), EINVAL, "dup3 onto itself");
	tap_is(dup3(41, 42, O_CLOEXEC), 42, "dup3");
	tap_is(fcntl(42, F_GETFD), FD_CLOEXEC, "dup3 O_CLOEXEC");
	FAILS(write(3000, &value, 0), EBADF, "writing nothing to nothing");
	FAILS(read(3000, &value, 0), EBADF, "reading nothing from nothing");
	FAILS(dup(3000), EBADF, "dup of nothing");
	FAILS(fcntl(41, F_DUPFD, -1), EINVAL, "F_DUPFD from -1 on");
	FAILS(fcntl(41, 7777, 0), EINVAL, "an unknown command");
	FAILS(fcntl(3000, F_GETFL), EBADF, "fcntl of nothing");
	FAILS(ioctl(41, 0xabcd), ENOTTY, "ioctl");
	FAILS(ioctl(3000, 0xabcd), EBADF, "ioctl of nothing");
	tap_ok(isatty(41) == 0 && errno == ENOTTY, "an event is no terminal");
	for (int i = 40; i <= 42; i++)
		close(i);
	close(copy);
	close(lowest);
}

/* Each number is used more often than a handle's generation would let it stay small. */
static void test_numbers_stay_small(void)
{
	int first = eventfd(0, 0), highest = first;

	close(first);
	for (int i = 0; i < 5000; i++) {
		int fd = eventfd(0, 0);

		if (fd > highest)
			highest = fd;
		close(fd);
	}
	tap_is(highest, first, "a number that is closed and opened 5000 times stays what it was");
}

static void test_pipe(void)
{
	static char big[PIPE_BUF];
	char text[8] = "";
	struct stat info;
	int ends[2];
	ssize_t sum = 0, wrote;

	tap_is(pipe2(ends, O_NONBLOCK), 0, "pipe2");
	FAILS(read(ends[0], text, 8), EAGAIN, "pipe: empty");
	tap_is(write(ends[1], "abcdef", 6), 6, "pipe: write");
	tap_is(read(ends[0], text, 4), 4, "pipe: a part");
	tap_ok(memcmp(text, "abcd", 4) == 0, "pipe: in order");
	tap_is(read(ends[0], text, 8), 2, "pipe: the rest");
	FAILS(read(ends[1], text, 1), EBADF, "pipe: the writing end does not read");
	FAILS(write(ends[0], text, 1), EBADF, "pipe: the reading end does not write");
	FAILS(lseek(ends[0], 0, SEEK_CUR), ESPIPE, "pipe: no position");
	tap_ok(fstat(ends[0], &info) == 0 && S_ISFIFO(info.st_mode), "pipe: fstat");
	tap_is(fcntl(ends[0], F_GETFL) & O_ACCMODE, O_RDONLY, "pipe: F_GETFL of the reading end");
	tap_is(fcntl(ends[1], F_GETFL) & O_ACCMODE, O_WRONLY, "pipe: F_GETFL of the writing end");
	while ((wrote = write(ends[1], big, sizeof(big))) > 0)
		sum += wrote;
	tap_ok(wrote == -1 && errno == EAGAIN && sum >= PIPE_BUF, "pipe: full is EAGAIN");
	tap_ok(sum % PIPE_BUF == 0, "pipe: PIPE_BUF bytes go whole or not at all");
	while ((wrote = read(ends[0], big, sizeof(big))) > 0)
		sum -= wrote;
	tap_is(sum, 0, "pipe: all of it comes out");
	close(ends[1]);
	tap_is(read(ends[0], text, 8), 0, "pipe: the end of file");
	close(ends[0]);
	FAILS(pipe2(ends, O_TRUNC), EINVAL, "pipe2: unknown flags");
}

static void test_pipe_broken(void)
{
	int ends[2], copy;

	signal(SIGPIPE, SIG_IGN);
	tap_is(pipe(ends), 0, "pipe");
	copy = dup(ends[0]);
	close(ends[0]);
	tap_is(write(ends[1], "x", 1), 1, "a copy of the reading end keeps the pipe");
	close(copy);
	FAILS(write(ends[1], "x", 1), EPIPE, "no reader: EPIPE");
	close(ends[1]);
	signal(SIGPIPE, SIG_DFL);
}

#define STREAM 300000

static void stream_write(void *argument)
{
	static unsigned char bytes[STREAM];
	int fd = *(int *)argument;

	for (size_t i = 0; i < STREAM; i++)
		bytes[i] = (unsigned char)(i % 251);
	if (write(fd, bytes, STREAM) != STREAM)
		tap_note("the stream was not written whole");
	close(fd);
}

static void test_stream(void)
{
	unsigned char bytes[1000];
	size_t at = 0, wrong = 0;
	ssize_t got;
	int ends[2];

	if (pipe(ends) != 0)
		tap_bail("no pipe");
	thread_begin(stream_write, &ends[1]);
	while ((got = read(ends[0], bytes, sizeof(bytes))) > 0)
		for (ssize_t i = 0; i < got; i++)
			wrong += bytes[i] != at++ % 251;
	thread_end();
	tap_is((int64_t)at, STREAM, "a stream between threads arrives");
	tap_is((int64_t)wrong, 0, "in order");
	close(ends[0]);
}

static void test_vectors(void)
{
	char a[4] = "abc", b[4] = "def", c[8] = "", d[8] = "";
	struct iovec out[3] = {{a, 3}, {NULL, 0}, {b, 3}};
	struct iovec in[2] = {{c, 2}, {d, 8}};
	volatile int negative = -1, too_many = IOV_MAX + 1; /* the compiler knows better */
	int ends[2];

	if (pipe(ends) != 0)
		tap_bail("no pipe");
	tap_is(writev(ends[1], out, 3), 6, "writev");
	tap_is(readv(ends[0], in, 2), 6, "readv");
	tap_ok(memcmp(c, "ab", 2) == 0 && memcmp(d, "cdef", 4) == 0, "in the order of the vector");
	FAILS(writev(ends[1], out, negative), EINVAL, "writev: a negative count");
	FAILS(writev(ends[1], out, too_many), EINVAL, "writev: too many");
	out[1].iov_len = SIZE_MAX;
	FAILS(writev(ends[1], out, 3), EINVAL, "writev: too long");
	out[1].iov_len = 0;
	FAILS(writev(3000, out, 1), EBADF, "writev of nothing");
	FAILS(preadv(ends[0], in, 2, 0), ESPIPE, "preadv on a pipe");
	close(ends[0]);
	close(ends[1]);
}

#define CHURN 3000

/* Opens, copies and closes as fast as it can. */
static void churn(void *wrong)
{
	for (int i = 0; i < CHURN; i++) {
		int fd = eventfd(1, EFD_NONBLOCK), copy = dup(fd);
		uint64_t value = 0;

		*(int *)wrong += close(fd) != 0;
		*(int *)wrong += read(copy, &value, 8) != 8 || value != 1;
		*(int *)wrong += close(copy) != 0;
	}
}

static void test_two_threads(void)
{
	int wrong[2] = {0, 0}, ends[2], lost = 0;
	char byte = 0;

	if (pipe(ends) != 0)
		tap_bail("no pipe");
	thread_begin(churn, &wrong[0]);
	for (int i = 0; i < CHURN; i++) {
		byte = (char)i;
		lost += write(ends[1], &byte, 1) != 1;
		lost += read(ends[0], &byte, 1) != 1 || byte != (char)i;
	}
	churn(&wrong[1]);
	thread_end();
	tap_is(lost, 0, "descriptors of one thread do not suffer from another's");
	tap_is(wrong[0] + wrong[1], 0, "nor do those that both open and close");
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	test_eventfd();
	test_semaphore();
	test_blocking();
	test_dup();
	test_numbers_stay_small();
	test_pipe();
	test_pipe_broken();
	test_stream();
	test_vectors();
	test_two_threads();
	return tap_done();
}
