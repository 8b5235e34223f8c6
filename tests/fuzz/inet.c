/* SPDX-License-Identifier: MIT */
/* Internet addresses as text: our library and the host's agree on every text, and on the way back.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <tests/fuzz/fuzz.h>

/* Ours under other names, beside the host's. */
#define inet_aton ours_aton
#define inet_addr ours_addr
#define inet_ntoa ours_ntoa
#define inet_pton ours_pton
#define inet_ntop ours_ntop
const char *inet_ntop(int family, const void *address, char *out, socklen_t size);
#include <lib/libc/inet.c>
#undef inet_aton
#undef inet_addr
#undef inet_ntoa
#undef inet_pton
#undef inet_ntop

static void compare(int family, const char *text, size_t size)
{
	char back[INET6_ADDRSTRLEN], want[INET6_ADDRSTRLEN];
	uint8_t address[16] = {0}, expected[16] = {0};
	int result = ours_pton(family, text, address);

	FUZZ_CHECK(result == inet_pton(family, text, expected));
	if (result != 1)
		return;
	FUZZ_CHECK(memcmp(address, expected, size) == 0);
	FUZZ_CHECK(ours_ntop(family, address, back, sizeof(back)) == back);
	FUZZ_CHECK(inet_ntop(family, address, want, sizeof(want)) == want);
	FUZZ_CHECK(strcmp(back, want) == 0);
}

/* Every 16 bytes are an address. */
static void compare_bytes(const uint8_t *data, size_t size)
{
	char back[INET6_ADDRSTRLEN], want[INET6_ADDRSTRLEN];
	uint8_t address[16] = {0};

	memcpy(address, data, size < 16 ? size : 16);
	FUZZ_CHECK(ours_ntop(AF_INET6, address, back, sizeof(back)) == back);
	FUZZ_CHECK(inet_ntop(AF_INET6, address, want, sizeof(want)) == want);
	FUZZ_CHECK(strcmp(back, want) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct in_addr address = {0}, expected = {0};
	char *text = malloc(size + 1);
	int result;

	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	compare(AF_INET, text, 4);
	compare(AF_INET6, text, 16);
	compare_bytes(data, size);
	result = ours_aton(text, &address);
	FUZZ_CHECK(result == inet_aton(text, &expected));
	FUZZ_CHECK(!result || address.s_addr == expected.s_addr);
	free(text);
	return 0;
}
