/* SPDX-License-Identifier: MIT */
/* The archive reader: well-formed archives, and everything one can do to them. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lib/cpio/cpio.h>

/* An archive written field by field. */
static char archive[4096];
static size_t archive_size;

static void pad(void)
{
	while (archive_size % 4 != 0)
		archive[archive_size++] = '\0';
}

static void add(const char *name, unsigned int mode, const char *data)
{
	archive_size += (size_t)sprintf(
	        archive + archive_size,
	        "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", 1, mode, 0, 0, 1,
	        0x12345678, (unsigned int)strlen(data), 0, 0, 0, 0, (unsigned int)strlen(name) + 1,
	        0);
	strcpy(archive + archive_size, name);
	archive_size += strlen(name) + 1;
	pad();
	memcpy(archive + archive_size, data, strlen(data));
	archive_size += strlen(data);
	pad();
}

static void make_archive(void)
{
	archive_size = 0;
	add("bin", 040755, "");
	add("bin/demo", 0100755, "ELF!!");
	add("./etc/manifest", 0100644, "task demo /bin/demo\n");
	add("/abs", 0100600, "abc");
	add("TRAILER!!!", 0, "");
}

/* Reads all entries of a copy that ends where its allocation ends. Returns how many, or the
 * error. Touches every byte that an entry claims. */
static int read_all(const void *bytes, size_t size)
{
	char *copy = malloc(size > 0 ? size : 1);
	struct cordon_cpio_entry entry;
	struct cordon_cpio cpio;
	volatile unsigned int sum = 0;
	int count = 0, result;

	memcpy(copy, bytes, size);
	cordon_cpio_begin(&cpio, size > 0 ? copy : copy + 1, size);
	while ((result = cordon_cpio_next(&cpio, &entry)) == 1) {
		count++;
		sum += (unsigned int)strlen(entry.name);
		for (uint64_t i = 0; i < entry.size; i++)
			sum += entry.data[i];
		cr_assert_eq(entry.data, (const uint8_t *)copy + entry.offset);
	}
	if (result == 0)
		cr_assert_lt(cordon_cpio_next(&cpio, &entry), 0, "there is nothing after the end");
	free(copy);
	return result < 0 ? result : count;
}

Test(cpio, entries_come_in_order_with_their_fields)
{
	struct cordon_cpio_entry entry;
	struct cordon_cpio cpio;

	make_archive();
	cordon_cpio_begin(&cpio, archive, archive_size);
	cr_assert_eq(cordon_cpio_next(&cpio, &entry), 1);
	cr_assert_str_eq(entry.name, "bin");
	cr_assert_eq(entry.mode, 040755);
	cr_assert_eq(entry.size, 0);
	cr_assert_eq(cordon_cpio_next(&cpio, &entry), 1);
	cr_assert_str_eq(entry.name, "bin/demo");
	cr_assert_eq(entry.size, 5);
	cr_assert_eq(memcmp(entry.data, "ELF!!", 5), 0);
	cr_assert_eq(entry.mtime, 0x12345678);
	cr_assert_eq(cordon_cpio_next(&cpio, &entry), 1);
	cr_assert_str_eq(entry.name, "etc/manifest", "without the leading ./");
	cr_assert_eq(cordon_cpio_next(&cpio, &entry), 1);
	cr_assert_str_eq(entry.name, "abs", "without the leading /");
	cr_assert_eq(cordon_cpio_next(&cpio, &entry), 0);
}

Test(cpio, a_path_is_found_however_it_is_written)
{
	struct cordon_cpio_entry entry;

	make_archive();
	for (const char *const *path = (const char *const[]){"/bin/demo", "bin/demo", "./bin/demo",
	                                                     "//bin/demo", NULL};
	     *path != NULL; path++) {
		cr_assert_eq(cordon_cpio_find(archive, archive_size, *path, &entry), 0, "%s",
		             *path);
		cr_assert_str_eq(entry.name, "bin/demo");
	}
	cr_assert_eq(cordon_cpio_find(archive, archive_size, "/abs", &entry), 0);
	cr_assert_eq(cordon_cpio_find(archive, archive_size, "/bin/dem", &entry), -ENOENT);
	cr_assert_eq(cordon_cpio_find(archive, archive_size, "", &entry), -ENOENT);
	cr_assert_eq(cordon_cpio_find(archive, archive_size, "TRAILER!!!", &entry), -ENOENT);
}

Test(cpio, bytes_after_the_trailer_do_not_matter)
{
	make_archive();
	memset(archive + archive_size, 0xa5, 512);
	cr_assert_eq(read_all(archive, archive_size + 512), 4);
}

Test(cpio, every_truncation_is_an_error)
{
	make_archive();
	cr_assert_eq(read_all(archive, archive_size), 4);
	for (size_t size = 0; size < archive_size; size++)
		cr_assert_eq(read_all(archive, size), -EINVAL, "%zu bytes", size);
}

Test(cpio, no_changed_byte_leads_outside)
{
	make_archive();
	for (size_t at = 0; at < archive_size; at++) {
		char before = archive[at];

		for (unsigned int value = 0; value < 256; value += at < 256 ? 1 : 15) {
			archive[at] = (char)value;
			int result = read_all(archive, archive_size);

			cr_assert(result == -EINVAL || (result >= 0 && result <= 4),
			          "byte %zu = %u", at, value);
		}
		archive[at] = before;
	}
}

Test(cpio, lengths_beyond_the_end_are_errors)
{
	static const struct {
		size_t offset; /* of a header field */
		const char *value;
	} cases[] = {
	        {54, "FFFFFFFF"}, {54, "7FFFFFFF"}, {54, "00001000"}, /* file size */
	        {94, "FFFFFFFF"}, {94, "00000000"}, {94, "00001000"}, /* name size */
	        {94, "00000003"}, {94, "00000005"}, {54, "0000000G"}, {0, "070702"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_archive();
		memcpy(archive + cases[i].offset, cases[i].value, strlen(cases[i].value));
		cr_assert_eq(read_all(archive, archive_size), -EINVAL, "case %zu", i);
	}
}
