/* SPDX-License-Identifier: MIT */
/*
 * <sys/mman.h> in the image: what it shares with other systems (mman_posix.c), what only this
 * kernel promises, and that protections hold: a child that breaks one is ended, for the right
 * cause and at the right address.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>

#include "mman_posix.h"

#define PAGE        4096u
#define MIB         (1024u * 1024u)
#define ANON        (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW          (PROT_READ | PROT_WRITE)
#define VECTOR_PAGE 14

static void report(bool holds, const char *what)
{
	tap_ok(holds, "%s", what);
}

static char *map(size_t size, int prot, int flags)
{
	char *at = mmap(NULL, size, prot, flags, -1, 0);

	if (at == MAP_FAILED)
		tap_bail("mmap of %zu bytes failed: errno %d", size, errno);
	return at;
}

/* Frames that are taken, seen from some start. */
static int64_t frames_taken(void)
{
	return -(int64_t)test_counter("pages.free");
}

/* --- children -------------------------------------------------------------------------------- */

static int child_breaks(const char *how)
{
	volatile char *pages = map(4 * PAGE, RW, ANON);

	if (strcmp(how, "read-only") == 0) {
		mprotect((char *)pages, PAGE, PROT_READ);
		pages[PAGE - 1] = 1;
	} else if (strcmp(how, "none") == 0) {
		mprotect((char *)pages + PAGE, PAGE, PROT_NONE);
		pages[PAGE] = pages[PAGE + 1];
	} else if (strcmp(how, "unmapped") == 0) {
		munmap((char *)pages + PAGE, PAGE);
		pages[PAGE] = 1;
	} else if (strcmp(how, "reserved") == 0) {
		pages = map(4 * PAGE, PROT_NONE, ANON);
		pages[0] = 1;
	} else if (strcmp(how, "execute") == 0) {
		pages[0] = (char)0xc3;
		((void (*)(void))(uintptr_t)pages)();
	} else if (strcmp(how, "replaced") == 0) {
		pages = mmap((char *)pages, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0);
		pages[0] = 1;
	}
	return 99;
}

static uint64_t sum;

/* Takes a KiB of stack for each step, to the depth or for ever. */
static int __attribute__((noinline)) recurse(uint64_t depth)
{
	volatile char room[1024];

	memset((char *)room, (int)depth, sizeof(room));
	if (depth > 0)
		sum += (uint64_t)recurse(depth - 1);
	return room[depth % sizeof(room)];
}

/* A call that writes to a part of the stack that does not exist yet. */
static int write_below(void)
{
	char room[700 * 1024];

	return cordon_clock_get(CORDON_CLOCK_MONOTONIC, (uint64_t *)(void *)room) == 0 ? 0 : 1;
}

static int child_main(char **argv)
{
	if (strcmp(argv[1], "break") == 0)
		return child_breaks(argv[2]);
	if (strcmp(argv[1], "deep") == 0)
		return recurse(6 * 1024) == (char)(6 * 1024) ? 0 : 1;
	if (strcmp(argv[1], "call") == 0)
		return write_below();
	if (strcmp(argv[1], "endless") == 0)
		recurse(UINT64_MAX);
	return 98;
}

/* --- tests ----------------------------------------------------------------------------------- */

static void test_protections(void)
{
	static const char *const ways[] = {"read-only", "none",    "unmapped",
	                                   "reserved",  "execute", "replaced"};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct cordon_task_info info = child_run(
		        &(struct child){.arguments = {"break", ways[i]}});

		tap_ok(info.cause == CORDON_CAUSE_FAULT && info.code == VECTOR_PAGE,
		       "a page that is %s: a page fault ends the task", ways[i]);
	}
	errno = 0;
	tap_ok(mmap(NULL, PAGE, PROT_WRITE | PROT_EXEC, ANON, -1, 0) == MAP_FAILED &&
	               errno == ENOTSUP,
	       "write with execute is ENOTSUP");
	char *page = map(PAGE, RW, ANON);
	errno = 0;
	tap_ok(mprotect(page, PAGE, PROT_WRITE | PROT_EXEC) == -1 && errno == ENOTSUP,
	       "also for mprotect");
	*page = (char)0xc3;
	tap_is(mprotect(page, PAGE, PROT_READ | PROT_EXEC), 0, "execute instead of write");
	((void (*)(void))(uintptr_t)page)();
	tap_ok(true, "runs what was written before");
	munmap(page, PAGE);
}

static void test_stack(void)
{
	struct cordon_task_info info;

	info = child_run(&(struct child){.arguments = {"deep"}});
	tap_ok(info.cause == CORDON_CAUSE_EXIT && info.code == 0, "a stack grows to 6 MiB");
	info = child_run(&(struct child){.arguments = {"call"}});
	tap_ok(info.cause == CORDON_CAUSE_EXIT && info.code == 0, "also under a system call");
	info = child_run(&(struct child){.arguments = {"endless"}});
	tap_ok(info.cause == CORDON_CAUSE_STACK && info.code == ENOSPC,
	       "at its limit the task ends, and for that cause");
	info = child_run(&(struct child){.arguments = {"endless"}, .budget = {.frames = 400}});
	tap_ok(info.cause == CORDON_CAUSE_STACK && info.code == ENOMEM,
	       "S10: a stack stops at the budget, too");

	char *low = map(MIB, RW, ANON | MAP_GROWSDOWN | MAP_STACK);
	int64_t before = frames_taken();
	low[MIB - 1] = 1;
	low[MIB - 300 * 1024] = 1;
	tap_ok(frames_taken() > before + 70 && frames_taken() < before + 200,
	       "MAP_GROWSDOWN has memory where it was touched");
	tap_is(munmap(low, MIB), 0, "munmap of all of it");
	tap_ok(frames_taken() <= before + 4, "gives everything back");
}

static void test_huge(void)
{
	struct cordon_memory_region region;
	char *at = map(5, RW, ANON | MAP_HUGETLB);

	tap_ok(((uintptr_t)at & (2 * MIB - 1)) == 0 && at[2 * MIB - 1] == 0,
	       "MAP_HUGETLB: whole 2 MiB, where a large leaf fits");
	tap_ok(cordon_memory_query((uintptr_t)at, &region) == 0 && region.size == 2 * MIB &&
	               region.flags == CORDON_REGION_PRIVATE,
	       "memory_query tells the same");
	errno = 0;
	tap_ok(mmap(at + PAGE, PAGE, RW, ANON | MAP_HUGETLB | MAP_FIXED, -1, 0) == MAP_FAILED &&
	               errno == EINVAL,
	       "MAP_HUGETLB at a fixed place inside 2 MiB is EINVAL");
	at[PAGE] = 1;
	tap_is(munmap(at, PAGE), 0, "munmap of a page of it");
	tap_ok(at[PAGE] == 1 && at[2 * MIB - 1] == 0, "leaves the rest");
	munmap(at, 2 * MIB);
	at = map(2 * MIB, RW, ANON | MAP_HUGETLB | MAP_HUGE_2MB);
	munmap(at, 2 * MIB);
	errno = 0;
	tap_ok(mmap(NULL, PAGE, RW, ANON | MAP_HUGETLB | 16 << MAP_HUGE_SHIFT, -1, 0) ==
	                       MAP_FAILED &&
	               errno == EINVAL,
	       "64 KiB pages are EINVAL");
	at = mmap(NULL, PAGE, RW, ANON | MAP_HUGETLB | MAP_HUGE_1GB, -1, 0);
	if (at == MAP_FAILED) {
		tap_skip("no free GiB", "MAP_HUGE_1GB");
	} else {
		tap_ok(((uintptr_t)at & 0x3fffffff) == 0, "MAP_HUGE_1GB");
		munmap(at, UINT64_C(1) << 30);
	}
	at = map(5 * PAGE, RW, ANON | MAP_CONTIGUOUS);
	tap_ok(cordon_memory_query((uintptr_t)at, &region) == 0 && region.size == 5 * PAGE,
	       "MAP_CONTIGUOUS");
	munmap(at, 5 * PAGE);
}

static void test_objects(void)
{
	cordon_handle_t memory, weak;
	char *a, *b;

	cordon_memory_create(2 * PAGE, 0, &memory);
	cordon_handle_dup(memory, CORDON_RIGHT_READ | CORDON_RIGHT_MAP, &weak);
	a = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, memory, 0);
	b = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, weak, PAGE);
	if (!tap_ok(a != MAP_FAILED && b != MAP_FAILED, "MAP_SHARED of a memory object"))
		return;
	a[PAGE] = 42;
	tap_is(b[0], 42, "both see the same");
	munmap(b, PAGE);
	b = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, weak, 0);
	tap_ok(b != MAP_FAILED && b[PAGE] == 42, "MAP_PRIVATE of it has its contents");
	b[PAGE] = 7;
	tap_is(a[PAGE], 42, "and is a copy");
	errno = 0;
	tap_ok(mmap(NULL, PAGE, RW, MAP_SHARED, weak, 0) == MAP_FAILED && errno == EACCES,
	       "more than the handle allows is EACCES");
	tap_ok(mmap(NULL, PAGE, RW, MAP_SHARED, memory, 2 * PAGE) == MAP_FAILED && errno == ENXIO,
	       "behind the object is ENXIO");
	tap_ok(mmap(NULL, PAGE, RW, MAP_SHARED, memory, 5) == MAP_FAILED && errno == EINVAL,
	       "an offset inside a page is EINVAL");
	tap_ok(mmap(NULL, PAGE, RW, MAP_SHARED, CORDON_STDOUT, 0) == MAP_FAILED && errno == ENODEV,
	       "the console is ENODEV");
	tap_ok(mremap(a, PAGE, 4 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EINVAL,
	       "mremap of shared memory is EINVAL");
	tap_ok(madvise(a, PAGE, MADV_DONTNEED) == -1 && errno == EINVAL && a[PAGE] == 42,
	       "MADV_DONTNEED of shared memory is EINVAL");
	munmap(a, 2 * PAGE);
	munmap(b, 2 * PAGE);
	cordon_handle_close(weak);
	cordon_handle_close(memory);
}

static void test_reservations(void)
{
	const size_t size = (size_t)16 << 30;
	struct cordon_memory_region region;
	int64_t before = frames_taken();
	unsigned char core[4];
	char *at = map(size, PROT_NONE, ANON);

	tap_ok(frames_taken() <= before + 1, "16 GiB reserved: no frame");
	tap_ok(cordon_memory_query((uintptr_t)at, &region) == 0 &&
	               region.flags == CORDON_REGION_RESERVED && region.size == size,
	       "memory_query says so");
	mprotect(at + PAGE, 2 * PAGE, RW);
	tap_ok(mincore(at, 4 * PAGE, core) == 0 && !core[0] && core[1] && core[2] && !core[3],
	       "mincore tells what got memory");
	errno = 0;
	tap_ok(mlock(at, PAGE) == -1 && errno == ENOMEM, "mlock of what is reserved is ENOMEM");
	tap_ok(mprotect(at, size, RW) == -1 && errno == ENOMEM,
	       "more memory than there is is ENOMEM");
	tap_ok(cordon_memory_query((uintptr_t)at, &region) == 0 && region.prot == PROT_NONE,
	       "and changes no rights");
	munmap(at, size);
	tap_ok(frames_taken() <= before + 17, "all comes back, but for kept tables");
}

/* What is mapped and unmapped again and again costs no frame in the end. */
static void test_leaks(void)
{
	uint64_t frames = 0, heap = 0;

	for (int round = 0; round < 30; round++) {
		if (round == 5) {
			frames = test_counter("pages.free");
			heap = test_counter("heap.bytes");
		}
		char *at = map(64 * PAGE, RW, ANON);
		munmap(at + 3 * PAGE, 7 * PAGE);
		mprotect(at + 20 * PAGE, PAGE, PROT_READ);
		munmap(at, 64 * PAGE);
		at = map(2 * MIB, PROT_NONE, ANON);
		mprotect(at + PAGE, PAGE, RW);
		munmap(at, 2 * MIB);
		munmap(map(2 * MIB, RW, ANON | MAP_HUGETLB), 2 * MIB);
		at = map(MIB, RW, ANON | MAP_GROWSDOWN);
		at[MIB - PAGE * 20] = 1;
		munmap(at, MIB);
	}
	tap_ok(test_counter("pages.free") >= frames, "no frame is lost");
	tap_is((int64_t)test_counter("heap.bytes"), (int64_t)heap, "no kernel memory is lost");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return child_main(argv);
	mman_posix(report);
	test_protections();
	test_stack();
	test_huge();
	test_objects();
	test_reservations();
	test_leaks();
	return tap_done();
}
