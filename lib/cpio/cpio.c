/* SPDX-License-Identifier: MIT */
/*
 * cpio, "newc": each entry is a header of hexadecimal text, a name and data, both padded to
 * four bytes from the start of the archive. The last entry is called TRAILER!!!. (The
 * format is described in the manual of cpio, and in "initramfs buffer format".)
 */
#include <stddef.h>

#include <cordon/errno.h>
#include <kernel/string.h>
#include <lib/cpio/cpio.h>

struct newc_header {
	char magic[6]; /* "070701" */
	char ino[8];
	char mode[8];
	char uid[8];
	char gid[8];
	char nlink[8];
	char mtime[8];
	char file_size[8];
	char device_major[8];
	char device_minor[8];
	char special_major[8];
	char special_minor[8];
	char name_size[8]; /* with the terminating zero */
	char check[8];
};
_Static_assert(sizeof(struct newc_header) == 110, "newc header size");
_Static_assert(offsetof(struct newc_header, name_size) == 94, "newc header layout");

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int hex_field(const char field[8], uint32_t *out)
{
	uint32_t value = 0;

	for (int i = 0; i < 8; i++) {
		int digit = hex_digit(field[i]);

		if (digit < 0)
			return -EINVAL;
		value = value << 4 | (uint32_t)digit;
	}
	*out = value;
	return 0;
}

static uint64_t round_up_4(uint64_t value)
{
	return (value + 3) & ~UINT64_C(3);
}

static const char *path_without_root(const char *path)
{
	while (path[0] == '/' || (path[0] == '.' && path[1] == '/'))
		path += path[0] == '/' ? 1 : 2;
	return path;
}

void cordon_cpio_begin(struct cordon_cpio *cpio, const void *bytes, uint64_t size)
{
	cpio->bytes = bytes;
	cpio->size = size;
	cpio->next = 0;
}

/* Lengths are 32-bit values, so sums of them with an offset inside the archive do not wrap. */
static int entry_decode(const struct cordon_cpio *cpio, struct cordon_cpio_entry *out,
                        uint64_t *next)
{
	struct newc_header header;
	uint32_t name_size, file_size;
	uint64_t name, data;
	const char *text;

	if (cpio->next > cpio->size || cpio->size - cpio->next < sizeof(header))
		return -EINVAL;
	memcpy(&header, cpio->bytes + cpio->next, sizeof(header));
	if (memcmp(header.magic, "070701", sizeof(header.magic)) != 0 ||
	    hex_field(header.name_size, &name_size) != 0 ||
	    hex_field(header.file_size, &file_size) != 0 ||
	    hex_field(header.mode, &out->mode) != 0 || hex_field(header.mtime, &out->mtime) != 0)
		return -EINVAL;
	name = cpio->next + sizeof(header);
	data = round_up_4(name + name_size);
	if (name_size == 0 || data > cpio->size || file_size > cpio->size - data)
		return -EINVAL;
	text = (const char *)cpio->bytes + name;
	if (strnlen(text, name_size) != name_size - 1)
		return -EINVAL;
	out->name = path_without_root(text);
	out->data = cpio->bytes + data;
	out->offset = data;
	out->size = file_size;
	*next = round_up_4(data + file_size);
	return 0;
}

int cordon_cpio_next(struct cordon_cpio *cpio, struct cordon_cpio_entry *out)
{
	uint64_t next;
	int err;

	err = entry_decode(cpio, out, &next);
	if (err != 0) {
		cpio->next = cpio->size;
		return err;
	}
	if (strcmp(out->name, "TRAILER!!!") == 0) {
		cpio->next = cpio->size;
		return 0;
	}
	cpio->next = next;
	return 1;
}

int cordon_cpio_find(const void *bytes, uint64_t size, const char *path,
                     struct cordon_cpio_entry *out)
{
	struct cordon_cpio cpio;
	int found;

	path = path_without_root(path);
	cordon_cpio_begin(&cpio, bytes, size);
	while ((found = cordon_cpio_next(&cpio, out)) == 1)
		if (strcmp(out->name, path) == 0)
			return 0;
	return found == 0 ? -ENOENT : found;
}
