/* SPDX-License-Identifier: MIT */
/* System calls without a device. */
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
		struct cordon_memory_map map = {.size = PAGE,
		                                .prot = CORDON_PROT_READ | CORDON_PROT_WRITE};
		cordon_handle_t memory;
		uint64_t start = bench_tick();

		int64_t error = cordon_memory_create(PAGE, 0, &memory);
		error |= cordon_memory_map(memory, &map);
		error |= cordon_handle_close(memory);
		*(volatile char *)(uintptr_t)map.address = 1;
		error |= cordon_memory_unmap(map.address, PAGE);
		bench_a[i] = bench_tick() - start;
		bench_must("a page's life", error);
	}
	bench_median("sys.mmap_touch_munmap_4k", bench_a, ROUNDS);
}

void bench_calls(void)
{
	null_call();
	page_life();
}
