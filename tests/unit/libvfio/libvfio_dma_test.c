/* SPDX-License-Identifier: MIT */
/* The DMA pool: where pieces lie, what may be freed, which IOVA it gets. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vfio/dma.h>

#include "fake_kernel.h"

#define MIB UINT64_C(0x100000)

static struct vfio_dma_pool pool;

static void setup(void)
{
	fake_reset();
	cr_assert_eq(vfio_dma_pool_create(FAKE_CONTAINER, 65536, 0, VFIO_DMA_SMALL_PAGES, &pool),
	             0);
}

static void teardown(void)
{
	cr_assert_eq(vfio_dma_pool_destroy(&pool), 0);
	cr_assert(fake_is_clean());
	fake_reset();
}

TestSuite(dma_pool, .init = setup, .fini = teardown);
TestSuite(dma_iova, .init = fake_reset, .fini = fake_reset);

Test(dma_pool, gives_zeroed_aligned_pieces_that_do_not_overlap)
{
	struct vfio_dma pieces[16];

	memset(pool.address, 0xee, pool.size);
	for (int i = 0; i < 16; i++) {
		uint64_t align = UINT64_C(1) << (i % 13);

		cr_assert_eq(vfio_dma_alloc(&pool, 100, align, &pieces[i]), 0, "piece %d", i);
		cr_assert_eq(pieces[i].iova % (align < 64 ? 64 : align), 0);
		cr_assert_eq((uint8_t *)pieces[i].address - pool.address,
		             (int64_t)(pieces[i].iova - pool.iova));
		for (uint64_t k = 0; k < pieces[i].size; k++)
			cr_assert_eq(((uint8_t *)pieces[i].address)[k], 0);
		memset(pieces[i].address, i + 1, pieces[i].size);
	}
	for (int i = 0; i < 16; i++)
		for (uint64_t k = 0; k < pieces[i].size; k++)
			cr_assert_eq(((uint8_t *)pieces[i].address)[k], i + 1,
			             "piece %d was overwritten", i);
}

Test(dma_pool, gives_all_of_its_memory_and_then_no_more)
{
	struct vfio_dma piece;
	int count = 0;

	while (vfio_dma_alloc(&pool, 64, 64, &piece) == 0)
		count++;
	cr_assert_eq(count, 1024);
	cr_assert_eq(vfio_dma_free(&pool, &piece), 0, "the last one");
	cr_assert_eq(vfio_dma_alloc(&pool, 64, 64, &piece), 0);
	cr_assert_eq(vfio_dma_alloc(&pool, 1, 1, &piece), -ENOMEM);
}

Test(dma_pool, takes_back_only_what_it_gave_and_once)
{
	struct vfio_dma a, b, wrong;

	cr_assert_eq(vfio_dma_alloc(&pool, 4096, 4096, &a), 0);
	cr_assert_eq(vfio_dma_alloc(&pool, 4096, 4096, &b), 0);
	wrong = a;
	wrong.size = 64;
	cr_assert_eq(vfio_dma_free(&pool, &wrong), -EINVAL, "another size");
	wrong = a;
	wrong.iova += 64;
	cr_assert_eq(vfio_dma_free(&pool, &wrong), -EINVAL, "from the middle");
	wrong.iova = pool.iova + pool.size;
	cr_assert_eq(vfio_dma_free(&pool, &wrong), -EINVAL, "behind the pool");
	wrong.iova = pool.iova - 64;
	cr_assert_eq(vfio_dma_free(&pool, &wrong), -EINVAL, "before the pool");
	cr_assert_eq(vfio_dma_free(&pool, &a), 0);
	cr_assert_eq(vfio_dma_free(&pool, &a), -EINVAL, "twice");
	cr_assert_eq(vfio_dma_free(&pool, &b), 0);
	cr_assert_eq(pool.used_count, 0);
}

Test(dma_pool, refuses_senseless_sizes)
{
	struct vfio_dma piece;

	cr_assert_eq(vfio_dma_alloc(&pool, 0, 64, &piece), -EINVAL);
	cr_assert_eq(vfio_dma_alloc(&pool, 64, 0, &piece), -EINVAL);
	cr_assert_eq(vfio_dma_alloc(&pool, 64, 96, &piece), -EINVAL);
	cr_assert_eq(vfio_dma_alloc(&pool, UINT64_MAX, 64, &piece), -ENOMEM);
	cr_assert_eq(vfio_dma_alloc(&pool, 64, UINT64_C(1) << 63, &piece), -ENOMEM);
	cr_assert_eq(vfio_dma_alloc(&pool, 65536, 64, &piece), 0);
}

/* A long random life, mirrored in a map with one entry for each 64 bytes. */
Test(dma_pool, agrees_with_a_map_of_its_memory)
{
	static struct vfio_dma live[256];
	static uint8_t map[1024];
	int count = 0;

	srand(1);
	for (int round = 0; round < 20000; round++) {
		if (count < 256 && rand() % 2) {
			uint64_t size = (uint64_t)(rand() % 2000 + 1);
			uint64_t align = UINT64_C(64) << rand() % 6;
			struct vfio_dma piece;

			if (vfio_dma_alloc(&pool, size, align, &piece) < 0)
				continue;
			cr_assert_eq(piece.iova % align, 0);
			cr_assert_geq(piece.size, size);
			for (uint64_t k = 0; k < piece.size / 64; k++) {
				uint8_t *unit = &map[(piece.iova - pool.iova) / 64 + k];

				cr_assert_eq(*unit, 0, "round %d: given twice", round);
				*unit = 1;
			}
			live[count++] = piece;
		} else if (count) {
			int which = rand() % count;

			cr_assert_eq(vfio_dma_free(&pool, &live[which]), 0);
			memset(&map[(live[which].iova - pool.iova) / 64], 0, live[which].size / 64);
			live[which] = live[--count];
		}
	}
	cr_assert_gt(count, 0);
}

Test(dma_pool, aligns_the_iova_and_not_the_address)
{
	struct vfio_dma_pool other;
	struct vfio_dma piece;

	cr_assert_eq(
	        vfio_dma_pool_create(FAKE_CONTAINER, 65536, 0x5000, VFIO_DMA_SMALL_PAGES, &other),
	        0);
	cr_assert_eq(other.iova, 0x5000);
	cr_assert_eq(vfio_dma_alloc(&other, 64, 0x8000, &piece), 0);
	cr_assert_eq(piece.iova, 0x8000);
	cr_assert_eq((uint8_t *)piece.address - other.address, 0x3000);
	cr_assert_eq(vfio_dma_pool_destroy(&other), 0);
}

Test(dma_iova, uses_huge_frames_where_there_are_some)
{
	cr_assert_eq(vfio_dma_pool_create(FAKE_CONTAINER, 5000, 0, 0, &pool), 0);
	cr_assert_eq(pool.huge, 1);
	cr_assert_eq(pool.size, 2 * MIB);
	cr_assert_eq(pool.iova % (2 * MIB), 0);
	cr_assert_eq(vfio_dma_pool_destroy(&pool), 0);
	fake.no_huge = true;
	cr_assert_eq(vfio_dma_pool_create(FAKE_CONTAINER, 5000, 0, 0, &pool), 0);
	cr_assert_eq(pool.huge, 0);
	cr_assert_eq(pool.size, 8192);
	cr_assert_eq(vfio_dma_pool_destroy(&pool), 0);
}

Test(dma_iova, has_small_pages_where_a_huge_one_does_not_fit)
{
	fake.iova.ranges[0] = (struct cordon_iova_range){0x5000, 0x8fff};
	cr_assert_eq(vfio_dma_pool_create(FAKE_CONTAINER, 4096, 0x8000, 0, &pool), 0);
	cr_assert_eq(pool.huge, 0);
	cr_assert_eq(pool.size, 4096);
	cr_assert_eq(vfio_dma_pool_destroy(&pool), 0);
	cr_assert_eq(vfio_dma_pool_create(FAKE_CONTAINER, 8192, 0, 0, &pool), 0);
	cr_assert_eq(pool.iova, 0x5000);
	cr_assert_eq(vfio_dma_pool_destroy(&pool), 0);
	cr_assert_eq(vfio_dma_pool_create(FAKE_CONTAINER, 4096, 0x9000, 0, &pool), -EINVAL);
	cr_assert_eq(vfio_dma_pool_create(FAKE_CONTAINER, 5 * 4096, 0, 0, &pool), -ENOSPC);
	cr_assert(fake_is_clean());
}

Test(dma_iova, every_call_of_making_a_pool_may_fail)
{
	unsigned int calls;

	cr_assert_eq(vfio_dma_pool_create(FAKE_CONTAINER, 4096, 0, 0, &pool), 0);
	calls = fake.calls;
	for (unsigned int n = 1; n <= calls; n++) {
		fake_reset();
		fake.fail_at = n;
		fake.fail_result = -EIO;
		cr_assert_eq(vfio_dma_pool_create(FAKE_CONTAINER, 4096, 0, 0, &pool), -EIO);
		cr_assert(fake_is_clean(), "call %u", n);
		cr_assert_eq(pool.size, 0);
	}
	cr_assert_eq(vfio_dma_pool_create(FAKE_CONTAINER, 0, 0, 0, &pool), -EINVAL);
	cr_assert_eq(vfio_dma_pool_create(FAKE_CONTAINER, UINT64_MAX, 0, 0, &pool), -EINVAL);
}

static struct cordon_container_info ranges(uint64_t start1, uint64_t last1, uint64_t start2,
                                           uint64_t last2)
{
	struct cordon_container_info info = {.range_count = 2};

	info.ranges[0] = (struct cordon_iova_range){start1, last1};
	info.ranges[1] = (struct cordon_iova_range){start2, last2};
	return info;
}

Test(dma_iova, is_the_wish_when_that_is_usable)
{
	struct cordon_container_info info = ranges(0, 0xfedfffff, 0xfef00000,
	                                           UINT64_C(0x7fffffffff));
	uint64_t iova;

	cr_assert_eq(vfio_dma_choose_iova(&info, 0x400000, MIB, 4096, &iova), 0);
	cr_assert_eq(iova, 0x400000);
	cr_assert_eq(
	        vfio_dma_choose_iova(&info, UINT64_C(0x7fffffffff) - MIB + 1, MIB, 4096, &iova), 0,
	        "up to the last byte");
	cr_assert_eq(iova, UINT64_C(0x7fffffffff) - MIB + 1);
}

Test(dma_iova, avoids_reserved_ranges_and_zero)
{
	struct cordon_container_info info = ranges(0, 0xfedfffff, 0xfef00000, UINT64_MAX);
	uint64_t iova;

	cr_assert_eq(vfio_dma_choose_iova(&info, 0xfed80000, MIB, 4096, &iova), 0);
	cr_assert_eq(iova, 4096, "across a reserved range, so the first fit; never 0");
	cr_assert_eq(vfio_dma_choose_iova(&info, 0, UINT64_C(0x100000000), 2 * MIB, &iova), 0);
	cr_assert_eq(iova, UINT64_C(0xff000000), "fits only in the second range, aligned");
	cr_assert_eq(vfio_dma_choose_iova(&info, UINT64_MAX - 4095, 4096, 4096, &iova), 0);
	cr_assert_eq(iova, UINT64_MAX - 4095);
}

Test(dma_iova, says_when_nothing_fits)
{
	struct cordon_container_info info = ranges(0x1000, 0x8fff, 0x10000, 0x10fff);
	uint64_t iova;

	cr_assert_eq(vfio_dma_choose_iova(&info, 0, 0x8000, 4096, &iova), 0);
	cr_assert_eq(vfio_dma_choose_iova(&info, 0, 0x9000, 4096, &iova), -ENOSPC);
	cr_assert_eq(vfio_dma_choose_iova(&info, 0, 0x2000, 0x10000, &iova), -ENOSPC);
	cr_assert_eq(vfio_dma_choose_iova(&info, 0, 0, 4096, &iova), -EINVAL);
	cr_assert_eq(vfio_dma_choose_iova(&info, 0, 1, 3, &iova), -EINVAL);
	info.range_count = 0;
	cr_assert_eq(vfio_dma_choose_iova(&info, 0x1000, 0x1000, 4096, &iova), -ENOSPC);
}
