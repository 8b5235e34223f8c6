/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include <kernel/string.h>

#include <tests/random.h>

void *kernel_memcpy(void *to, const void *from, size_t size);
void *kernel_memmove(void *to, const void *from, size_t size);
void *kernel_memset(void *to, int byte, size_t size);
int kernel_memcmp(const void *a, const void *b, size_t size);
size_t kernel_strlen(const char *text);
size_t kernel_strnlen(const char *text, size_t max);
int kernel_strcmp(const char *a, const char *b);
int kernel_strncmp(const char *a, const char *b, size_t max);

static int sign(int value)
{
	return (value > 0) - (value < 0);
}

Test(string, copies_agree_with_the_host_at_every_alignment_and_overlap)
{
	struct random random = {41};
	uint8_t ours[160];
	uint8_t theirs[160];

	for (int round = 0; round < 40000; round++) {
		size_t size = random_below(&random, 64);
		size_t from = random_below(&random, 96);
		size_t to = random_below(&random, 96);

		for (size_t i = 0; i < sizeof(ours); i++)
			ours[i] = theirs[i] = (uint8_t)random_next(&random);
		if (from + size <= to || to + size <= from) {
			cr_assert_eq(kernel_memcpy(ours + to, ours + from, size), ours + to);
			memcpy(theirs + to, theirs + from, size);
			cr_assert_arr_eq(ours, theirs, sizeof(ours));
		}
		cr_assert_eq(kernel_memmove(ours + to, ours + from, size), ours + to);
		memmove(theirs + to, theirs + from, size);
		cr_assert_arr_eq(ours, theirs, sizeof(ours));
		cr_assert_eq(kernel_memset(ours + to, (int)from * 5, size), ours + to);
		memset(theirs + to, (int)from * 5, size);
		cr_assert_arr_eq(ours, theirs, sizeof(ours));
		cr_assert_eq(sign(kernel_memcmp(ours + from, ours + to, size)),
		             sign(memcmp(ours + from, ours + to, size)));
	}
}

Test(string, text_functions_agree_with_the_host)
{
	static const char *const texts[] = {"",     "a",     "ab", "abc",      "abd",
	                                    "\xff", "a\xff", "b",  "the same", "the samf"};

	for (size_t i = 0; i < 10; i++) {
		cr_assert_eq(kernel_strlen(texts[i]), strlen(texts[i]));
		for (size_t max = 0; max < 12; max++)
			cr_assert_eq(kernel_strnlen(texts[i], max), strnlen(texts[i], max));
		for (size_t j = 0; j < 10; j++) {
			cr_assert_eq(sign(kernel_strcmp(texts[i], texts[j])),
			             sign(strcmp(texts[i], texts[j])));
			for (size_t max = 0; max < 12; max++)
				cr_assert_eq(sign(kernel_strncmp(texts[i], texts[j], max)),
				             sign(strncmp(texts[i], texts[j], max)));
		}
	}
}

Test(string, string_copy_cuts_and_always_ends)
{
	char to[5] = "....";

	string_copy(to, "abc", sizeof(to));
	cr_assert_str_eq(to, "abc");
	string_copy(to, "abcd", sizeof(to));
	cr_assert_str_eq(to, "abcd");
	string_copy(to, "abcde", sizeof(to));
	cr_assert_str_eq(to, "abcd");
	string_copy(to, "xyz", 1);
	cr_assert_str_eq(to, "");
	to[0] = 'k';
	string_copy(to, "xyz", 0);
	cr_assert_eq(to[0], 'k', "no room, nothing written");
}
