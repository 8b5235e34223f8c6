/* SPDX-License-Identifier: MIT */
/*
 * The C library as tasks meet it: start, heap, streams, files, clocks, threads, errno. The
 * library itself is newlib; what is tested is what we put below it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cordon/rt.h>

#include "libc.h"
#include "tests/guest/support/tap.h"

#define THREADS      4
#define THREAD_TURNS 2000

static int constructed;

__attribute__((constructor)) static void construct(void)
{
	constructed = 42;
}

static void test_start(int argc, char **argv)
{
	const struct cordon_startup *startup = cordon_startup();

	tap_ok(argc == (int)startup->argc && argv[argc] == NULL, "main gets argc and argv");
	tap_ok(((uintptr_t)__builtin_frame_address(0) & 15) == 0, "the stack is aligned");
	tap_is(constructed, 42, "constructors ran before main");
	tap_ok(startup->tsc_hz > 0, "the startup block tells the rate of the time-stamp counter");
	tap_is(cordon_handle_named("stdout"), CORDON_STDOUT, "handles are found by name");
	tap_is(cordon_handle_named("nothing"), CORDON_HANDLE_NONE, "a name that was not given");
	tap_is(cordon_handle_of_type(CORDON_OBJECT_CONSOLE, 2), CORDON_STDERR,
	       "handles are found by type");
	tap_is(cordon_handle_of_type(CORDON_OBJECT_CONSOLE, 3), CORDON_HANDLE_NONE,
	       "one more than there are");
}

static bool all_bytes(const unsigned char *bytes, size_t size, unsigned char value)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

static void test_allocations(void)
{
	unsigned char *small = malloc(100), *large = calloc(3, 1024 * 1024), *moved;

	if (!small || !large) {
		free(small);
		free(large);
		tap_bail("malloc and calloc give nothing");
		return;
	}
	memset(small, 0x5a, 100);
	tap_ok(all_bytes(large, 3 * 1024 * 1024, 0), "calloc's memory is zero");
	memset(large, 0xa5, 3 * 1024 * 1024);
	moved = realloc(small, 200000);
	if (!moved) {
		free(small);
		free(large);
		tap_bail("realloc gives nothing");
		return;
	}
	tap_ok(all_bytes(moved, 100, 0x5a), "realloc keeps the contents");
	free(large);
	large = calloc(1, 3 * 1024 * 1024);
	tap_ok(large != NULL && all_bytes(large, 3 * 1024 * 1024, 0),
	       "calloc's memory is zero when it was used before");
	errno = 77;
	free(large);
	free(moved);
	tap_is(errno, 77, "free leaves errno alone");
}

static void test_heap(void)
{
	void *aligned = NULL, *huge;

	tap_is(posix_memalign(&aligned, 4096, 10000), 0, "posix_memalign");
	tap_is((int64_t)((uintptr_t)aligned & 4095), 0, "aligned to 4096");
	free(aligned);
	errno = 0;
	huge = malloc((size_t)INT_MAX - 4096);
	tap_ok(huge == NULL && errno == ENOMEM, "malloc of 2 GiB is ENOMEM");
	free(huge);
	tap_ok(sbrk(-4096) == (void *)-1, "the heap does not shrink");
}

static void test_mappings(void)
{
	unsigned char *map = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE,
	                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!tap_ok(map != MAP_FAILED && all_bytes(map, 3 * 4096, 0), "mmap gives zeroed pages"))
		return;
	memset(map, 1, 3 * 4096);
	tap_is(mprotect(map, 4096, PROT_READ), 0, "mprotect");
	tap_is(munmap(map + 4096, 4096), 0, "munmap of a page in the middle");
	tap_ok(map[0] == 1 && map[2 * 4096] == 1, "its neighbours stay");
	tap_ok(mmap(map + 4096, 4096, PROT_READ | PROT_WRITE,
	            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == map + 4096,
	       "mmap at a fixed place");
	tap_ok(map[4096] == 0 && map[0] == 1, "the new page is zero");
	tap_is(munmap(map, 3 * 4096), 0, "munmap");
}

static void test_streams(void)
{
	char text[128];
	double value = 0;
	int number = 0;

	snprintf(text, sizeof(text), "%zu %lld %jx %.3f %s", (size_t)7, -8LL, (uintmax_t)255, 2.5,
	         "end");
	tap_ok(strcmp(text, "7 -8 ff 2.500 end") == 0, "printf formats (%s)", text);
	tap_ok(sscanf("12 0.5", "%d %lf", &number, &value) == 2 && number == 12 && value == 0.5,
	       "scanf");
	tap_ok(fabs(sin(1.0) * sin(1.0) + cos(1.0) * cos(1.0) - 1.0) < 1e-12, "libm");
	tap_ok(strcmp(cordon_strerror(-EMFILE), "Out of handles") == 0 &&
	               strcmp(cordon_strerror(EAGAIN), "Try again later") == 0 &&
	               strcmp(cordon_strerror(-EINVAL), strerror(EINVAL)) == 0 &&
	               strcmp(cordon_strerror(0), "success") == 0 &&
	               strcmp(cordon_strerror(INT64_MIN), "unknown error") == 0 &&
	               strcmp(cordon_strerror(-100000), "unknown error") == 0,
	       "errors of system calls are told in words of this system");
	tap_is(isatty(STDOUT_FILENO), 1, "stdout is a terminal");
	errno = 0;
	tap_ok(lseek(STDOUT_FILENO, 0, SEEK_SET) == -1 && errno == ESPIPE, "it cannot seek");
	errno = 0;
	tap_ok(write(1234, "x", 1) == -1 && errno == EBADF, "write to no handle is EBADF");
	errno = 0;
	tap_ok(write(STDOUT_FILENO, (void *)8, 1) == -1 && errno == EFAULT,
	       "write from a bad address is EFAULT");
}

static void test_files(void)
{
	char text[6] = "";
	struct stat info;
	FILE *file = fopen("/etc/manifest", "r");
	long size;
	int fd;

	if (!file) {
		tap_bail("/etc/manifest does not open: %s", strerror(errno));
		return;
	}
	fd = fileno(file);
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	tap_ok(size > 100, "it has a size (%ld)", size);
	tap_ok(fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size == size,
	       "fstat tells the same");
	rewind(file);
	tap_ok(fread(text, 1, 5, file) == 5 && memcmp(text, "# Wha", 5) == 0, "it can be read (%s)",
	       text);
	tap_ok(fseek(file, -1, SEEK_END) == 0 && fgetc(file) == '\n' && fgetc(file) == EOF,
	       "to its end and no further");
	tap_is(fclose(file), 0, "it closes");
	errno = 0;
	tap_ok(read(fd, text, 1) == -1 && errno == EBADF, "a closed file is EBADF");
	errno = 0;
	tap_ok(open("/etc/none", O_RDONLY) == -1 && errno == ENOENT, "a missing file is ENOENT");
	errno = 0;
	tap_ok(open("/etc", O_WRONLY) == -1 && errno == EISDIR, "a folder is EISDIR");
	errno = 0;
	tap_ok(open("/etc/manifest", O_WRONLY) == -1 && errno == EROFS, "writing is EROFS");
	errno = 0;
	tap_ok(remove("/etc/manifest") == -1 && errno == EROFS, "removing too");
}

static void test_clocks(void)
{
	struct timespec before, after, tenth = {.tv_nsec = 100000000};
	struct timeval now;
	int64_t slept;

	clock_gettime(CLOCK_MONOTONIC, &before);
	tap_is(nanosleep(&tenth, NULL), 0, "nanosleep");
	clock_gettime(CLOCK_MONOTONIC, &after);
	slept = (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec;
	tap_ok(slept >= 100000000, "it sleeps at least as long as asked (%lld ns)",
	       (long long)slept);
	tap_is(gettimeofday(&now, NULL), 0, "gettimeofday");
	tap_ok(now.tv_sec > 1700000000, "the date is after 2023 (%lld)", (long long)now.tv_sec);
	errno = 0;
	tap_ok(clock_gettime((clockid_t)77, &before) == -1 && errno == EINVAL,
	       "an unknown clock is EINVAL");
}

static jmp_buf jump;

static void on_signal(int number)
{
	longjmp(jump, number);
}

static void test_signals(void)
{
	signal(SIGUSR1, on_signal);
	if (setjmp(jump) == 0) {
		raise(SIGUSR1);
		tap_ok(false, "raise calls the handler");
	} else {
		tap_ok(true, "raise calls the handler");
	}
	signal(SIGUSR1, SIG_IGN);
	tap_is(raise(SIGUSR1), 0, "an ignored signal does nothing");
	errno = 0;
	tap_ok(kill(getpid() + 1, SIGUSR1) == -1 && errno == ESRCH,
	       "there is no other task to signal");
}

static unsigned int thread_errors[THREADS];

/* Heap, streams and errno at once, in the hope of being interrupted in each. */
static void thread_work(void *argument)
{
	unsigned int index = (unsigned int)(uintptr_t)argument;
	char text[64], want[64];

	for (unsigned int turn = 0; turn < THREAD_TURNS; turn++) {
		char *memory = malloc(16 + turn % 500);

		errno = (int)index + 1;
		snprintf(text, sizeof(text), "%u %.2f", turn, turn / 4.0);
		snprintf(want, sizeof(want), "%u %u.%02u", turn, turn / 4, turn % 4 * 25);
		if (turn % 100 == 0)
			cordon_thread_yield();
		if (memory == NULL || errno != (int)index + 1 || strcmp(text, want) != 0)
			thread_errors[index]++;
		free(memory);
	}
}

static void test_threads(void)
{
	struct cordon_thread_control *threads[THREADS];
	unsigned int started = 0, errors = 0;

	errno = 99;
	while (started < THREADS &&
	       cordon_thread_start("worker", thread_work, (void *)(uintptr_t)started, 0,
	                           &threads[started]) == 0)
		started++;
	tap_is(started, THREADS, "threads start");
	for (unsigned int i = 0; i < started; i++)
		errors += cordon_thread_join(threads[i]) != 0;
	tap_is(errors, 0, "threads are joined");
	for (unsigned int i = 0; i < started; i++)
		errors += thread_errors[i];
	tap_is(errors, 0, "heap, streams and errno are each thread's own or locked");
	tap_is(errno, 99, "the first thread's errno too");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return child_main(argc, argv);
	test_start(argc, argv);
	test_allocations();
	test_heap();
	test_mappings();
	test_streams();
	test_files();
	test_clocks();
	test_signals();
	test_threads();
	test_children();
	return tap_done();
}
