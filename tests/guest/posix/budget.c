/* SPDX-License-Identifier: MIT */
/*
 * The POSIX face within a budget: files in /tmp and descriptors end where the task's frames and
 * handles do, with the errors that POSIX has for it. The children do the work and exit with the
 * number of the step that went wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>
#include <unistd.h>

#define FRAMES  250 /* of the child: for itself and for some files */
#define HANDLES 24
#define PIECE   100000
#define NAMES   8000 /* do not fit */

#define STEP(number, condition)        \
	do {                           \
		if (!(condition))      \
			return number; \
	} while (0)

static size_t write_all(int fd)
{
	static char piece[PIECE];
	size_t sum = 0;
	ssize_t wrote;

	memset(piece, 'p', sizeof(piece));
	while ((wrote = write(fd, piece, sizeof(piece))) > 0)
		sum += (size_t)wrote;
	return wrote == -1 && errno == ENOSPC ? sum : 0;
}

static int fill_files(void)
{
	int fd = open("/tmp/full", O_RDWR | O_CREAT, 0600), other;
	struct stat info;
	size_t sum, again;
	char last;

	STEP(1, fd >= 0);
	sum = write_all(fd);
	STEP(2, sum > PIECE && sum < FRAMES * 4096u);
	STEP(3, fstat(fd, &info) == 0 && (size_t)info.st_size == sum);
	STEP(4, pread(fd, &last, 1, (off_t)sum - 1) == 1 && last == 'p');
	other = open("/tmp/full", O_RDONLY);
	STEP(5, other >= 0); /* there is no memory for a block, but for small things */
	close(other);
	STEP(6, ftruncate(fd, 0) == 0);
	lseek(fd, 0, SEEK_SET);
	again = write_all(fd);
	STEP(7, again + PIECE >= sum); /* what was given back can be used */
	close(fd);
	STEP(8, unlink("/tmp/full") == 0);
	fd = open("/tmp/after", O_RDWR | O_CREAT, 0600);
	STEP(9, write(fd, "x", 1) == 1);
	return 0;
}

static int fill_names(void)
{
	char path[64];
	unsigned int count = 0;
	int err;

	do {
		snprintf(path, sizeof(path), "/tmp/%06u", count++);
		err = mkdir(path, 0700) == 0 ? 0 : errno;
	} while (err == 0 && count < NAMES);
	STEP(1, err == ENOSPC && count > 1000);
	STEP(2, mkdir("/tmp/000000", 0700) == -1 && errno == EEXIST);
	STEP(3, rmdir("/tmp/000000") == 0 && rmdir("/tmp/000001") == 0);
	STEP(4, mkdir("/tmp/again", 0700) == 0);
	return 0;
}

static int fill_descriptors(void)
{
	int fds[HANDLES + 1], ends[2];
	unsigned int count = 0;
	struct pollfd entry = {.events = POLLIN};

	while (count < HANDLES && (fds[count] = eventfd(0, 0)) >= 0)
		count++;
	STEP(1, count > 4 && count < HANDLES && errno == EMFILE);
	STEP(2, open("/tmp/x", O_RDWR | O_CREAT, 0600) == -1 && errno == EMFILE);
	STEP(3, dup(fds[0]) == -1 && errno == EMFILE);
	STEP(4, pipe(ends) == -1 && errno == EMFILE);
	close(fds[--count]);
	STEP(5, pipe(ends) == -1 && errno == EMFILE); /* one is not enough, and none is lost */
	STEP(6, dup2(fds[0], fds[1]) == fds[1]);
	STEP(7, dup(fds[0]) == fds[count]);
	entry.fd = fds[1];
	STEP(8, poll(&entry, 1, 0) == 0);
	return 0;
}

static void test_child(const char *name, const struct cordon_budget *budget, const char *text)
{
	struct child child = {
	        .arguments = {name},
	        .gives = {{test_initramfs(), "initramfs", 0}},
	        .budget = *budget,
	};
	struct cordon_task_info info = child_run(&child);

	tap_is(info.cause, CORDON_CAUSE_EXIT, "%s: the child ends by itself", text);
	tap_is(info.code, 0, "%s", text);
}

int main(int argc, char **argv)
{
	const struct cordon_budget frames = {.frames = FRAMES}, handles = {.handles = HANDLES};

	if (argc > 1 && strcmp(argv[1], "files") == 0)
		return fill_files();
	if (argc > 1 && strcmp(argv[1], "names") == 0)
		return fill_names();
	if (argc > 1)
		return fill_descriptors();
	test_child("files", &frames, "S10: contents in /tmp end at the budget, ENOSPC");
	test_child("names", &frames, "S10: names in /tmp end at the budget, ENOSPC");
	test_child("descriptors", &handles, "S10: descriptors end at the budget, EMFILE");
	return tap_done();
}
