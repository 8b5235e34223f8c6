// SPDX-License-Identifier: MIT
/* Numbers that rest before they come again. */
#include <criterion/criterion.h>
#include <drivers/iommu/ids.h>

#include <cordon/errno.h>
#include <signal.h>

Test(ids, are_unique_and_rest_as_long_as_possible)
{
	struct ids ids;
	uint32_t id;
	bool seen[130] = {false};

	cr_assert_eq(ids_init(&ids, 1, 130), 0);
	for (unsigned int i = 1; i < 130; i++) {
		cr_assert_eq(ids_alloc(&ids, &id), 0);
		cr_assert(id >= 1 && id < 130 && !seen[id]);
		seen[id] = true;
	}
	cr_expect_eq(ids_alloc(&ids, &id), -ENOSPC);
	ids_free(&ids, 7);
	ids_free(&ids, 100);
	cr_assert_eq(ids_alloc(&ids, &id), 0);
	cr_assert(id == 7 || id == 100);
	ids_free(&ids, id);
	uint32_t again;
	cr_assert_eq(ids_alloc(&ids, &again), 0);
	cr_expect_neq(again, id, "a freed id comes back at once");
	ids_destroy(&ids);
}

Test(ids, freeing_twice_panics, .signal = SIGABRT)
{
	struct ids ids;
	uint32_t id;

	cr_assert_eq(ids_init(&ids, 1, 130), 0);
	cr_assert_eq(ids_alloc(&ids, &id), 0);
	ids_free(&ids, id);
	ids_free(&ids, id);
}
