/* SPDX-License-Identifier: MIT */
/* SHA-256 against the examples of FIPS 180-4 and values computed by another program. */
#include <criterion/criterion.h>
#include <string.h>

#include <tasks/common/sha256.h>

static char text[SHA256_TEXT_SIZE];

static const char *hash(const void *bytes, size_t size, size_t step)
{
	uint8_t digest[SHA256_SIZE];
	struct sha256 state;

	sha256_init(&state);
	for (size_t at = 0; at < size; at += step)
		sha256_update(&state, (const char *)bytes + at,
		              size - at < step ? size - at : step);
	sha256_final(&state, digest);
	return sha256_text(digest, text);
}

Test(sha256, agrees_with_the_standard)
{
	const char *two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

	cr_assert_str_eq(hash("", 0, 1),
	                 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	cr_assert_str_eq(hash("abc", 3, 3),
	                 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	cr_assert_str_eq(hash(two_blocks, strlen(two_blocks), 56),
	                 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

Test(sha256, hashes_a_million_bytes_however_they_are_cut)
{
	static char bytes[1000000];
	static const size_t steps[] = {1, 63, 64, 65, 4096, 1000000};

	memset(bytes, 'a', sizeof(bytes));
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		cr_assert_str_eq(hash(bytes, sizeof(bytes), steps[i]),
		                 "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
		                 "cut every %zu bytes", steps[i]);
}

/* Lengths around the end of a block, where the padding needs another one. */
Test(sha256, pads_at_every_length)
{
	static const struct {
		size_t size;
		const char *digest;
	} cases[] = {
	        {1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
	        {55, "463eb28e72f82e0a96c0a4cc53690c571281131f672aa229e0d45ae59b598b59"},
	        {56, "da2ae4d6b36748f2a318f23e7ab1dfdf45acdc9d049bd80e59de82a60895f562"},
	        {57, "2fe741af801cc238602ac0ec6a7b0c3a8a87c7fc7d7f02a3fe03d1c12eac4d8f"},
	        {63, "29af2686fd53374a36b0846694cc342177e428d1647515f078784d69cdb9e488"},
	        {64, "fdeab9acf3710362bd2658cdc9a29e8f9c757fcf9811603a8c447cd1d9151108"},
	        {65, "4bfd2c8b6f1eec7a2afeb48b934ee4b2694182027e6d0fc075074f2fabb31781"},
	        {119, "da18797ed7c3a777f0847f429724a2d8cd5138e6ed2895c3fa1a6d39d18f7ec6"},
	        {120, "f52b23db1fbb6ded89ef42a23ce0c8922c45f25c50b568a93bf1c075420bbb7c"},
	        {128, "471fb943aa23c511f6f72f8d1652d9c880cfa392ad80503120547703e56a2be5"},
	};
	uint8_t bytes[130];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_assert_str_eq(hash(bytes, cases[i].size, 130), cases[i].digest, "%zu bytes",
		                 cases[i].size);
}
