/* SPDX-License-Identifier: MIT */
/* docs/drivers.md prints the example as it is built. Runs from the top of the tree. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static char *read_file(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "r");
	size_t used;

	cr_assert_not_null(file, "%s: run this from the top of the tree", path);
	used = fread(text, 1, size - 1, file);
	fclose(file);
	cr_assert_lt(used, size - 1, "%s is too large", path);
	text[used] = '\0';
	return text;
}

Test(drivers_page, prints_the_example_as_it_is_built)
{
	static char page[65536], source[8192];

	read_file("docs/drivers.md", page, sizeof(page));
	read_file("tasks/example/example.c", source, sizeof(source));
	cr_assert_not_null(strstr(page, source), "docs/drivers.md has another listing");
}
