/* SPDX-License-Identifier: MIT */
/* System calls without a device. */
#include <errno.h>
#include <sys/mman.h>

#include "bench.h"

#define ROUNDS 2000
#define PAGE   4096u

static void null_call(void)
{
	for (size_t i = 0; i < ROUNDS; i++) {
		uint64_t start = bench_tick();
		cordon_null();
		bench_a[i] = bench_tick() - start;
	}
	bench_median("sys.null", bench_a, ROUNDS);
}

/* An anonymous page: created, mapped, touched, unmapped, given back. */
static void page_life(void)
{
	for (size_t i = 0; i < ROUNDS; i++) {
		uint64_t start = bench_tick();
		char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		                  -1, 0);
		bench_must("mmap", page == MAP_FAILED ? -errno : 0);
		*(volatile char *)page = 1;
		int error = munmap(page, PAGE);
		bench_a[i] = bench_tick() - start;
		bench_must("munmap", error);
	}
	bench_median("sys.mmap_touch_munmap_4k", bench_a, ROUNDS);
}

void bench_calls(void)
{
	null_call();
	page_life();
}
