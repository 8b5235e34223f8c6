/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <lib/libc/fs_data.h>

#define FIRST_ROOM 8u

/* The part of [offset, offset + size) that lies in the block of offset. */
static size_t part_of(size_t size, uint64_t offset)
{
	size_t room = FS_BLOCK - (size_t)(offset % FS_BLOCK);

	return size < room ? size : room;
}

static const uint8_t *block_find(const struct fs_data *data, uint64_t offset)
{
	uint64_t number = offset / FS_BLOCK;

	return number < data->room ? data->blocks[number] : NULL;
}

size_t fs_data_read(const struct fs_data *data, void *bytes, size_t size, uint64_t offset)
{
	uint8_t *to = bytes;
	size_t done = 0;

	if (offset >= data->size)
		return 0;
	if (size > data->size - offset)
		size = (size_t)(data->size - offset);
	if (data->constant != NULL) {
		memcpy(to, data->constant + offset, size);
		return size;
	}
	while (done < size) {
		const uint8_t *block = block_find(data, offset + done);
		size_t part = part_of(size - done, offset + done);

		if (block != NULL)
			memcpy(to + done, block + (offset + done) % FS_BLOCK, part);
		else
			memset(to + done, 0, part);
		done += part;
	}
	return size;
}

static bool room_grow(struct fs_data *data, uint64_t number)
{
	size_t room = data->room > 0 ? data->room : FIRST_ROOM;
	uint8_t **grown;

	if (number < data->room)
		return true;
	while (room <= number)
		room *= 2;
	grown = calloc(room, sizeof(*grown));
	if (grown == NULL)
		return false;
	for (size_t i = 0; i < data->room; i++)
		grown[i] = data->blocks[i];
	free(data->blocks);
	data->blocks = grown;
	data->room = room;
	return true;
}

/* The block of an offset, made if it is a hole. */
static uint8_t *block_make(struct fs_data *data, uint64_t offset)
{
	uint64_t number = offset / FS_BLOCK;
	uint8_t *block;

	if (!room_grow(data, number))
		return NULL;
	block = data->blocks[number];
	if (block == NULL) {
		block = calloc(1, FS_BLOCK);
		if (block == NULL)
			return NULL;
		data->blocks[number] = block;
		data->used++;
	}
	return block;
}

ssize_t fs_data_write(struct fs_data *data, const void *bytes, size_t size, uint64_t offset)
{
	const uint8_t *from = bytes;
	size_t done = 0;

	if (size == 0)
		return 0;
	if (offset >= FS_SIZE_MAX)
		return -EFBIG;
	if (size > FS_SIZE_MAX - offset)
		size = (size_t)(FS_SIZE_MAX - offset);
	while (done < size) {
		uint8_t *block = block_make(data, offset + done);
		size_t part = part_of(size - done, offset + done);

		if (block == NULL)
			break;
		memcpy(block + (offset + done) % FS_BLOCK, from + done, part);
		done += part;
	}
	if (done == 0)
		return -ENOSPC;
	if (offset + done > data->size)
		data->size = offset + done;
	return (ssize_t)done;
}

static void block_free(struct fs_data *data, uint64_t number)
{
	data->used -= data->blocks[number] != NULL;
	free(data->blocks[number]);
	data->blocks[number] = NULL;
}

/* Bytes behind the end are always zero, so that a file that grows again shows none of the old. */
static void cut(struct fs_data *data, uint64_t size)
{
	uint64_t whole = (size + FS_BLOCK - 1) / FS_BLOCK;

	for (uint64_t number = whole; number < data->room; number++)
		block_free(data, number);
	if (size % FS_BLOCK != 0 && whole <= data->room && data->blocks[whole - 1] != NULL)
		memset(data->blocks[whole - 1] + size % FS_BLOCK, 0, FS_BLOCK - size % FS_BLOCK);
}

int fs_data_resize(struct fs_data *data, uint64_t size)
{
	if (size > FS_SIZE_MAX)
		return -EFBIG;
	if (size < data->size)
		cut(data, size);
	data->size = size;
	return 0;
}

void fs_data_free(struct fs_data *data)
{
	for (uint64_t number = 0; number < data->room; number++)
		block_free(data, number);
	free(data->blocks);
	*data = (struct fs_data){0};
}
