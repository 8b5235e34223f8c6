/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <drivers/vfio/window.h>

static const struct cordon_iova_range usual[] = {
        {0, 0xfedfffff},
        {0xfef00000, (UINT64_C(1) << 39) - 1},
};

Test(vfio_window, a_range_inside_one_window_is_found)
{
	struct window_set set;

	window_set_init(&set, usual, 2);
	cr_assert_eq(set.count, 2u);
	cr_assert_eq(window_find(&set, 0, 0), &set.windows[0]);
	cr_assert_eq(window_find(&set, 0, 0xfedfffff), &set.windows[0]);
	cr_assert_eq(window_find(&set, 0xfef00000, 0xfef00fff), &set.windows[1]);
	cr_assert_eq(window_find(&set, 0x7ffffff000, 0x7fffffffff), &set.windows[1]);
}

Test(vfio_window, a_range_that_leaves_its_window_by_one_byte_is_refused)
{
	struct window_set set;

	window_set_init(&set, usual, 2);
	cr_assert_null(window_find(&set, 0xfedff000, 0xfee00000));
	cr_assert_null(window_find(&set, 0xfeeff000, 0xfef00fff));
	cr_assert_null(window_find(&set, 0xfee00000, 0xfee00fff));
	cr_assert_null(window_find(&set, 0x7ffffff000, 0x8000000000));
	cr_assert_null(window_find(&set, 0, UINT64_MAX));
	cr_assert_null(window_find(&set, UINT64_MAX, UINT64_MAX));
}

Test(vfio_window, no_range_spans_two_windows_even_when_they_touch)
{
	static const struct cordon_iova_range touching[] = {{0, 0xfff}, {0x1000, 0x1fff}};
	struct window_set set;

	window_set_init(&set, touching, 2);
	cr_assert_not_null(window_find(&set, 0x1000, 0x1fff));
	cr_assert_null(window_find(&set, 0, 0x1fff));
}

Test(vfio_window, a_reversed_range_is_neither_a_window_nor_found)
{
	static const struct cordon_iova_range reversed[] = {{0x2000, 0x1fff}, {0x4000, 0x4fff}};
	struct window_set set;

	window_set_init(&set, reversed, 2);
	cr_assert_eq(set.count, 1u);
	cr_assert_null(window_find(&set, 0x4fff, 0x4000));
}

Test(vfio_window, a_window_may_end_at_the_last_address)
{
	static const struct cordon_iova_range all[] = {{0, UINT64_MAX}};
	struct window_set set;

	window_set_init(&set, all, 1);
	cr_assert_not_null(window_find(&set, 0, UINT64_MAX));
	cr_assert_not_null(window_find(&set, UINT64_MAX, UINT64_MAX));
}

Test(vfio_window, mapped_bytes_are_summed_over_windows)
{
	struct window_set set;

	window_set_init(&set, usual, 2);
	cr_assert_eq(window_set_mapped(&set), 0u);
	window_find(&set, 0, 0xfff)->mapped_bytes += 0x1000;
	window_find(&set, 0xfef00000, 0xfef01fff)->mapped_bytes += 0x2000;
	cr_assert_eq(window_set_mapped(&set), 0x3000u);
}
