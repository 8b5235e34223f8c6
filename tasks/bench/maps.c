/* SPDX-License-Identifier: MIT */
/* DMA mappings: one call each way, memory of several layouts, contents touched before. */
#include <stdio.h>

#include "bench.h"

#define KIB4  UINT64_C(4096)
#define MIB2  (UINT64_C(2) << 20)
#define IOVA  UINT64_C(0x10000000)
#define BATCH 64

static void *memory_get(uint64_t size, uint32_t flags, cordon_handle_t *memory)
{
	struct cordon_memory_map map = {.size = size, .prot = CORDON_PROT_READ | CORDON_PROT_WRITE};

	bench_must("memory_create", cordon_memory_create(size, flags, memory));
	bench_must("memory_map", cordon_memory_map(*memory, &map));
	for (uint64_t i = 0; i < size; i += KIB4)
		((volatile char *)(uintptr_t)map.address)[i] = 1;
	return (void *)(uintptr_t)map.address;
}

static void memory_put(void *address, uint64_t size, cordon_handle_t memory)
{
	bench_must("memory_unmap", cordon_memory_unmap((uintptr_t)address, size));
	bench_must("handle_close", cordon_handle_close(memory));
}

/* Maps an address range of the caller, as a program that moves from Linux does. */
static void map_one(cordon_handle_t container, const char *tag, uint64_t size, uint32_t flags,
                    size_t rounds)
{
	cordon_handle_t memory;
	void *address = memory_get(size, flags, &memory);
	const struct cordon_dma_map map = {
	        .memory = CORDON_HANDLE_NONE,
	        .flags = CORDON_DMA_READ | CORDON_DMA_WRITE,
	        .offset = (uintptr_t)address,
	        .iova = IOVA,
	        .size = size,
	};
	char name[64];

	for (size_t i = 0; i < rounds + 3; i++) {
		uint64_t start = bench_tick();
		int64_t error = cordon_container_map(container, &map);
		uint64_t middle = bench_tick();
		int64_t error_too = cordon_container_unmap(container, IOVA, size, NULL);
		uint64_t end = bench_tick();

		bench_must("container_map", error);
		bench_must("container_unmap", error_too);
		if (i < 3) /* tables are made, caches are warm */
			continue;
		bench_a[i - 3] = middle - start;
		bench_b[i - 3] = end - middle;
	}
	snprintf(name, sizeof(name), "map.%s", tag);
	bench_median(name, bench_a, rounds);
	snprintf(name, sizeof(name), "unmap.%s", tag);
	bench_median(name, bench_b, rounds);
	memory_put(address, size, memory);
}

/* Pages of one batch, cost of one. */
static void map_batch(cordon_handle_t container, size_t rounds)
{
	static struct cordon_dma_op ops[BATCH];
	cordon_handle_t memory;
	void *address = memory_get(BATCH * KIB4, CORDON_MEMORY_SCATTER, &memory);

	for (size_t i = 0; i < rounds + 3; i++) {
		for (size_t n = 0; n < BATCH; n++)
			ops[n] = (struct cordon_dma_op){
			        .op = CORDON_DMA_OP_MAP,
			        .map = {memory, CORDON_DMA_READ | CORDON_DMA_WRITE, n * KIB4,
			                IOVA + n * KIB4, KIB4},
			};
		uint64_t start = bench_tick();
		int64_t mapped = cordon_container_batch(container, ops, BATCH);
		uint64_t middle = bench_tick();
		for (size_t n = 0; n < BATCH; n++)
			ops[n].op = CORDON_DMA_OP_UNMAP;
		uint64_t resume = bench_tick();
		int64_t unmapped = cordon_container_batch(container, ops, BATCH);
		uint64_t end = bench_tick();

		bench_must("container_batch", mapped == BATCH && unmapped == BATCH ? 0 : -1);
		if (i < 3)
			continue;
		bench_a[i - 3] = (middle - start) / BATCH;
		bench_b[i - 3] = (end - resume) / BATCH;
	}
	bench_median("map.batch_4k", bench_a, rounds);
	bench_median("unmap.batch_4k", bench_b, rounds);
	memory_put(address, BATCH * KIB4, memory);
}

/* 10,000 mappings live: the last tenth of the maps, the first tenth of the unmaps. */
static void map_many(cordon_handle_t container)
{
	enum { COUNT = 10000, TENTH = COUNT / 10 };
	cordon_handle_t memory;
	void *address = memory_get(COUNT * KIB4, 0, &memory);
	struct cordon_dma_map map = {memory, CORDON_DMA_READ | CORDON_DMA_WRITE, 0, 0, KIB4};

	for (uint64_t i = 0; i < COUNT; i++) {
		map.offset = i * KIB4;
		map.iova = IOVA + i * KIB4;
		uint64_t start = bench_tick();
		int64_t error = cordon_container_map(container, &map);
		bench_a[i] = bench_tick() - start;
		bench_must("container_map", error);
	}
	for (uint64_t i = 0; i < COUNT; i++) {
		uint64_t start = bench_tick();
		int64_t error = cordon_container_unmap(container, IOVA + i * KIB4, KIB4, NULL);
		bench_b[i] = bench_tick() - start;
		bench_must("container_unmap", error);
	}
	bench_median("map.last10pct_10000", bench_a + COUNT - TENTH, TENTH);
	bench_median("unmap.first10pct_10000", bench_b, TENTH);
	memory_put(address, COUNT * KIB4, memory);
}

void bench_maps(cordon_handle_t container)
{
	map_one(container, "4k", KIB4, 0, 2000);
	map_one(container, "64k_contig", 16 * KIB4, CORDON_MEMORY_CONTIGUOUS, 1000);
	map_one(container, "64k_scatter", 16 * KIB4, CORDON_MEMORY_SCATTER, 1000);
	map_one(container, "2m_small", MIB2, CORDON_MEMORY_SCATTER, 100);
	map_one(container, "2m_hugetlb", MIB2, CORDON_MEMORY_HUGE, 1000);
	map_one(container, "64m_hugetlb", 32 * MIB2, CORDON_MEMORY_HUGE, 200);
	map_one(container, "512m_hugetlb", 256 * MIB2, CORDON_MEMORY_HUGE, 50);
	map_batch(container, 200);
	map_many(container);
}
