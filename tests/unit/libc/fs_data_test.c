/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lib/libc/fs_data.h>
#include <tests/random.h>

#define MODEL_SIZE (24 * FS_BLOCK)

Test(fs_data, what_was_never_written_reads_as_zeros_and_takes_no_memory)
{
	struct fs_data data = {0};
	unsigned char bytes[16];

	cr_assert_eq(fs_data_resize(&data, FS_SIZE_MAX), 0);
	cr_assert_eq(data.used, 0);
	memset(bytes, 1, sizeof(bytes));
	cr_assert_eq(fs_data_read(&data, bytes, sizeof(bytes), FS_SIZE_MAX - 8), 8);
	for (int i = 0; i < 8; i++)
		cr_assert_eq(bytes[i], 0);
	cr_assert_eq(bytes[8], 1, "nothing behind the end is touched");
	fs_data_free(&data);
}

Test(fs_data, a_file_ends_at_its_largest_size)
{
	struct fs_data data = {0};

	cr_assert_eq(fs_data_write(&data, "ab", 2, FS_SIZE_MAX - 1), 1, "what fits is written");
	cr_assert_eq(fs_data_write(&data, "ab", 2, FS_SIZE_MAX), -EFBIG);
	cr_assert_eq(fs_data_resize(&data, FS_SIZE_MAX + 1), -EFBIG);
	cr_assert_eq(data.used, 1);
	fs_data_free(&data);
	cr_assert_eq(data.size, 0);
}

Test(fs_data, contents_of_the_archive_are_read_where_they_are)
{
	struct fs_data data = {.constant = (const uint8_t *)"archive", .size = 7};
	char bytes[8] = "";

	cr_assert_eq(fs_data_read(&data, bytes, 8, 4), 3);
	cr_assert_str_eq(bytes, "ive");
	cr_assert_eq(fs_data_read(&data, bytes, 8, 7), 0);
	cr_assert_eq(fs_data_read(&data, bytes, 8, UINT64_MAX), 0);
}

Test(fs_data, agrees_with_plain_memory_under_random_operations)
{
	static unsigned char model[MODEL_SIZE], bytes[MODEL_SIZE], seen[MODEL_SIZE];
	struct random random = {5};
	struct fs_data data = {0};
	uint64_t size = 0;

	for (int round = 0; round < 20000; round++) {
		uint64_t offset = random_below(&random, MODEL_SIZE);
		size_t length = (size_t)random_below(&random, 3 * FS_BLOCK);

		if (length > MODEL_SIZE - offset)
			length = (size_t)(MODEL_SIZE - offset);
		switch (random_below(&random, 4)) {
		case 0:
			memset(bytes, (int)random_next(&random) | 1, length);
			cr_assert_eq(fs_data_write(&data, bytes, length, offset), (ssize_t)length);
			memcpy(model + offset, bytes, length);
			if (length > 0 && offset + length > size)
				size = offset + length;
			break;
		case 1:
			cr_assert_eq(fs_data_resize(&data, offset), 0);
			if (offset < size)
				memset(model + offset, 0, (size_t)(size - offset));
			size = offset;
			break;
		default:
			if (offset + length > size)
				length = offset < size ? (size_t)(size - offset) : 0;
			cr_assert_eq(fs_data_read(&data, seen, length, offset), length);
			cr_assert_arr_eq(seen, model + offset, length);
		}
		cr_assert_eq(data.size, size);
	}
	fs_data_free(&data);
	cr_assert_eq(data.used, 0);
}
