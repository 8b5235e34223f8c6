/* SPDX-License-Identifier: MIT */
/* Archives: entries lie in them, in order and apart; finding agrees with reading on. */
#include <lib/cpio/cpio.h>
#include <cordon/errno.h>
#include <tests/fuzz/fuzz.h>

static void check(const uint8_t *bytes, uint64_t size, const struct cordon_cpio_entry *entry,
                  uint64_t *end)
{
	const char *name = entry->name;
	size_t length;

	FUZZ_CHECK((const uint8_t *)name >= bytes + *end && (const uint8_t *)name < bytes + size);
	length = strnlen(name, (size_t)(bytes + size - (const uint8_t *)name));
	FUZZ_CHECK((const uint8_t *)name + length < bytes + entry->offset);
	FUZZ_CHECK(name[0] != '/');
	FUZZ_CHECK(entry->data == bytes + entry->offset && entry->offset % 4 == 0);
	FUZZ_CHECK(entry->offset <= size && entry->size <= size - entry->offset);
	*end = entry->offset + entry->size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes = fuzz_copy(data, size);
	struct cordon_cpio_entry entry, found;
	struct cordon_cpio cpio;
	uint64_t end = 0;
	int result;

	cordon_cpio_begin(&cpio, bytes, size);
	while ((result = cordon_cpio_next(&cpio, &entry)) == 1) {
		check(bytes, size, &entry, &end);
		FUZZ_CHECK(cordon_cpio_find(bytes, size, entry.name, &found) == 0);
		FUZZ_CHECK(found.offset <= entry.offset && strcmp(found.name, entry.name) == 0);
	}
	FUZZ_CHECK(result == 0 || result == -EINVAL);
	FUZZ_CHECK(cordon_cpio_next(&cpio, &entry) == -EINVAL);
	FUZZ_CHECK(cordon_cpio_find(bytes, size, "/no such/file", &found) != 0);
	free(bytes);
	return 0;
}
