/* SPDX-License-Identifier: MIT */
/*
 * The measurements behind `make bench`. It is given the groups of edu and of an NVMe drive and
 * prints one line a figure; tools/bench.py compares them with what was recorded and with Linux.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

uint64_t bench_a[SAMPLES_MAX], bench_b[SAMPLES_MAX];
static uint64_t clock_cost;

void bench_value(const char *name, uint64_t value)
{
	printf("bench: %s %llu insn\n", name,
	       (unsigned long long)(value > clock_cost ? value - clock_cost : 0));
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void bench_median(const char *name, uint64_t *samples, size_t count)
{
	qsort(samples, count, sizeof(*samples), compare);
	bench_value(name, samples[count / 2]);
}

void bench_must(const char *what, int64_t result)
{
	if (result >= 0)
		return;
	printf("bench: %s failed: %s\n", what, cordon_strerror(result));
	exit(1);
}

/* What reading the clock twice costs, in place of the code that is measured. */
static void measure_clock(void)
{
	for (size_t i = 0; i < 1000; i++) {
		uint64_t start = bench_tick();
		bench_a[i] = bench_tick() - start;
	}
	qsort(bench_a, 1000, sizeof(bench_a[0]), compare);
	clock_cost = bench_a[500];
}

int main(void)
{
	memset(bench_a, 1, sizeof(bench_a));
	memset(bench_b, 1, sizeof(bench_b));
	measure_clock();
	bench_boot(cordon_handle_named("inspect"));
	bench_calls();
	bench_threads();
	bench_channels();
	cordon_handle_t edu = cordon_handle_named("group0");
	cordon_handle_t nvme = cordon_handle_named("group1");
	if (edu == CORDON_HANDLE_NONE || nvme == CORDON_HANDLE_NONE) {
		printf("bench: the groups of edu and of an NVMe drive are needed\n");
		return 1;
	}
	if (bench_edu(edu) || bench_nvme(nvme))
		return 1;
	printf("bench: done\n");
	return 0;
}
