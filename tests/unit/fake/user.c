// SPDX-License-Identifier: MIT
#include <cordon/errno.h>
#include <kernel/panic.h>
#include <kernel/user.h>
#include <tests/unit/fake/fake.h>

#define RANGES_MAX 16

struct range {
	uint64_t start;
	uint8_t *memory;
	size_t size;
	bool writable;
};

static struct range ranges[RANGES_MAX];
static size_t range_count;

void fake_user_map(uaddr_t address, void *memory, size_t size, bool writable)
{
	ASSERT(range_count < RANGES_MAX);
	ranges[range_count++] = (struct range){address.raw, memory, size, writable};
}

/* The host byte behind a user address, or NULL. */
static uint8_t *byte_at(uint64_t address, bool write)
{
	for (size_t i = 0; i < range_count; i++) {
		uint64_t offset = address - ranges[i].start;
		if (offset < ranges[i].size && (ranges[i].writable || !write))
			return ranges[i].memory + offset;
	}
	return NULL;
}

int user_read(void *to, uaddr_t from, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		const uint8_t *byte = byte_at(from.raw + i, false);
		if (!byte)
			return -EFAULT;
		((uint8_t *)to)[i] = *byte;
	}
	return 0;
}

int user_read_32(void *to, uaddr_t from)
{
	return user_read(to, from, 32);
}

int user_write_u64(uaddr_t to, uint64_t value)
{
	return user_write(to, &value, sizeof(value));
}

int user_write_32(uaddr_t to, const void *from)
{
	return user_write(to, from, 32);
}

int user_write(uaddr_t to, const void *from, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		uint8_t *byte = byte_at(to.raw + i, true);
		if (!byte)
			return -EFAULT;
		*byte = ((const uint8_t *)from)[i];
	}
	return 0;
}
