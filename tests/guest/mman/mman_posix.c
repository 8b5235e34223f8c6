/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "mman_posix.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096u
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW   (PROT_READ | PROT_WRITE)

static mman_report_t report;

static char *map(void *at, size_t size, int prot, int flags)
{
	errno = 0;
	return mmap(at, size, prot, flags, -1, 0);
}

/* A call that failed as it should. */
static void refused(bool failed, int expected, const char *what)
{
	report(failed && errno == expected, what);
	errno = 0;
}

static bool is_all(const char *bytes, size_t size, char value)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

static void arguments_of_mmap(void)
{
	char *page = map(NULL, PAGE, RW, ANON);

	refused(map(NULL, 0, RW, ANON) == MAP_FAILED, EINVAL, "mmap: length 0 is EINVAL");
	refused(map(NULL, PAGE, RW, MAP_ANONYMOUS) == MAP_FAILED, EINVAL,
	        "mmap: neither private nor shared is EINVAL");
	refused(map(page + 1, PAGE, RW, ANON | MAP_FIXED) == MAP_FAILED, EINVAL,
	        "mmap: a fixed place inside a page is EINVAL");
	refused(map(NULL, SIZE_MAX, RW, ANON) == MAP_FAILED, ENOMEM,
	        "mmap: a length that wraps when rounded is ENOMEM");
	refused(map(NULL, SIZE_MAX / 2, RW, ANON) == MAP_FAILED, ENOMEM,
	        "mmap: more than all addresses is ENOMEM");
	refused(map((void *)(UINTPTR_MAX - 2 * PAGE + 1), PAGE, RW, ANON | MAP_FIXED) == MAP_FAILED,
	        ENOMEM, "mmap: a fixed place outside the addresses of a task is ENOMEM");
	refused(map(page, PAGE, RW, ANON | MAP_FIXED_NOREPLACE) == MAP_FAILED, EEXIST,
	        "mmap: NOREPLACE where something is mapped is EEXIST");
	refused(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, -1, 0) == MAP_FAILED, EBADF,
	        "mmap: no descriptor is EBADF");
	report(map(page + 5, PAGE, RW, ANON) != MAP_FAILED, "mmap: a wish need not be aligned");
	munmap(page, PAGE);
	report(map(page, PAGE, RW, ANON | MAP_FIXED_NOREPLACE) == page,
	       "mmap: NOREPLACE where nothing is takes the place");
	munmap(page, PAGE);
}

static void contents(void)
{
	char *page = map(NULL, 3 * PAGE - 7, RW, ANON | MAP_POPULATE | MAP_NORESERVE);

	report(page != MAP_FAILED && is_all(page, 3 * PAGE, 0),
	       "new memory is zero, in whole pages");
	memset(page, 1, 3 * PAGE);
	report(map(page + PAGE, PAGE, RW, ANON | MAP_FIXED) == page + PAGE,
	       "MAP_FIXED takes the place of what is there");
	report(is_all(page + PAGE, PAGE, 0) && page[0] == 1 && page[2 * PAGE] == 1,
	       "with zeroed memory, and no more than that");
	report(madvise(page, PAGE, MADV_DONTNEED) == 0 && is_all(page, PAGE, 0) &&
	               page[2 * PAGE] == 1,
	       "MADV_DONTNEED makes memory zero");
	munmap(page, 3 * PAGE);
	page = map(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS);
	report(page != MAP_FAILED && is_all(page, PAGE, 0), "shared anonymous memory");
	munmap(page, PAGE);
}

static void holes(void)
{
	char *pages = map(NULL, 5 * PAGE, RW, ANON);

	memset(pages, 3, 5 * PAGE);
	report(munmap(pages + PAGE, PAGE) == 0, "munmap of a page in the middle");
	report(munmap(pages + PAGE, PAGE) == 0, "munmap of nothing succeeds");
	report(is_all(pages, PAGE, 3) && is_all(pages + 2 * PAGE, 3 * PAGE, 3),
	       "its neighbours stay as they are");
	refused(mprotect(pages, 3 * PAGE, PROT_READ) == -1, ENOMEM,
	        "mprotect over a hole is ENOMEM");
	refused(msync(pages, 3 * PAGE, MS_SYNC) == -1, ENOMEM, "msync over a hole is ENOMEM");
	refused(madvise(pages + PAGE, PAGE, MADV_NORMAL) == -1, ENOMEM,
	        "madvise of a hole is ENOMEM");
	report(munmap(pages, 5 * PAGE) == 0, "munmap over a hole");
	refused(munmap(pages + 1, PAGE) == -1, EINVAL, "munmap inside a page is EINVAL");
	refused(munmap(pages, 0) == -1, EINVAL, "munmap of length 0 is EINVAL");
}

static void protections(void)
{
	char *pages = map(NULL, 8 * PAGE, RW, ANON);

	memset(pages, 1, 8 * PAGE);
	report(mprotect(pages + 2 * PAGE, 2 * PAGE, PROT_READ) == 0, "mprotect of a part");
	report(mprotect(pages + 3 * PAGE, 3 * PAGE, PROT_NONE) == 0, "across its border");
	report(mprotect(pages, 8 * PAGE, RW) == 0, "and of all of it again");
	memset(pages, 2, 8 * PAGE);
	report(is_all(pages, 8 * PAGE, 2), "nothing was lost");
	report(mprotect(pages, 0, PROT_NONE) == 0, "mprotect of length 0 does nothing");
	report(mprotect(pages, 5, PROT_READ) == 0 && mprotect(pages, PAGE, RW) == 0,
	       "mprotect of a few bytes is about their page");
	refused(mprotect(pages + 1, PAGE, PROT_READ) == -1, EINVAL,
	        "mprotect inside a page is EINVAL");
	refused(mprotect(pages, PAGE, 0x4000) == -1, EINVAL, "unknown rights are EINVAL");
	refused(mprotect(pages, SIZE_MAX - PAGE, PROT_READ) == -1, ENOMEM,
	        "mprotect of more than all addresses is ENOMEM");
	munmap(pages, 8 * PAGE);
}

static void reservations(void)
{
	const size_t size = (size_t)64 << 30;
	char *at = map(NULL, size, PROT_NONE, ANON | MAP_NORESERVE);

	report(at != MAP_FAILED, "64 GiB of addresses cost nothing");
	report(mprotect(at + (size >> 1), 2 * PAGE, RW) == 0, "a part of them gets memory");
	report(is_all(at + (size >> 1), 2 * PAGE, 0), "which is zero");
	at[(size >> 1) + PAGE] = 1;
	report(map(at + PAGE, PAGE, RW, ANON | MAP_FIXED) == at + PAGE, "or is mapped over");
	refused(map(at, PAGE, RW, ANON | MAP_FIXED_NOREPLACE) == MAP_FAILED, EEXIST,
	        "what is reserved is in use");
	report(map(at, size, PROT_NONE, ANON | MAP_FIXED | MAP_NORESERVE) == at,
	       "and may all be reserved again");
	report(munmap(at, size) == 0, "munmap of a reservation");
}

static void rest(void)
{
	char *pages = map(NULL, 4 * PAGE, RW, ANON);
	char *moved;

	memset(pages, 7, 4 * PAGE);
	report(mlock(pages + 5, PAGE) == 0 && munlock(pages + 5, PAGE) == 0, "mlock and munlock");
	report(msync(pages, 4 * PAGE, MS_SYNC) == 0, "msync");
	refused(msync(pages, PAGE, MS_SYNC | MS_ASYNC) == -1, EINVAL, "msync both ways is EINVAL");
	refused(msync(pages + 1, PAGE, MS_SYNC) == -1, EINVAL, "msync inside a page is EINVAL");
	refused(madvise(pages, PAGE, 12345) == -1, EINVAL, "unknown advice is EINVAL");
	report(posix_madvise(pages, PAGE, POSIX_MADV_WILLNEED) == 0 &&
	               posix_madvise(pages, PAGE, 999) == EINVAL,
	       "posix_madvise");
	report(mremap(pages, 4 * PAGE, 2 * PAGE, 0) == pages && pages[0] == 7, "mremap shrinks");
	moved = mremap(pages, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
	report(moved != MAP_FAILED && is_all(moved, 2 * PAGE, 7) &&
	               is_all(moved + 2 * PAGE, 62 * PAGE, 0),
	       "mremap grows, with zeroed memory behind");
	refused(mremap(moved, 64 * PAGE, 0, 0) == MAP_FAILED, EINVAL,
	        "mremap to nothing is EINVAL");
	munmap(moved, 64 * PAGE);
	refused(mremap(moved, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED, EFAULT,
	        "mremap of nothing is EFAULT");
}

void mman_posix(mman_report_t to)
{
	report = to;
	arguments_of_mmap();
	contents();
	holes();
	protections();
	reservations();
	rest();
}
