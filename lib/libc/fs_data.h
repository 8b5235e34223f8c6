/* SPDX-License-Identifier: MIT */
/* Contents of a file in memory: bytes of the archive, or blocks that come with what is written.
 * Knows no handle and no descriptor; the caller locks. */
#ifndef CORDON_LIBC_FS_DATA_H
#define CORDON_LIBC_FS_DATA_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FS_BLOCK    4096u
#define FS_SIZE_MAX (UINT64_C(1) << 32) /* of a file that can be written */

/* All zero: an empty file that can be written. */
struct fs_data {
	const uint8_t *constant; /* contents that cannot be changed; NULL: the blocks */
	uint8_t **blocks;        /* by number; NULL: a hole, which reads as zeros */
	size_t room;             /* elements of blocks */
	size_t used;             /* blocks that are no holes */
	uint64_t size;
};

/* Returns the bytes read: fewer than asked for at the end, 0 behind it. */
size_t fs_data_read(const struct fs_data *data, void *bytes, size_t size, uint64_t offset);

/* Returns the bytes written, at least 1 if size is not 0, or -EFBIG (offset at FS_SIZE_MAX or
 * behind) or -ENOSPC (no memory for any). What lies between the end and offset becomes zeros. */
ssize_t fs_data_write(struct fs_data *data, const void *bytes, size_t size, uint64_t offset);

/* Sets the size: a longer file gets zeros, without memory. -EFBIG. */
int fs_data_resize(struct fs_data *data, uint64_t size);

/* Gives the blocks back; the file is empty. */
void fs_data_free(struct fs_data *data);

#endif
