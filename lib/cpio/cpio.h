/* SPDX-License-Identifier: MIT */
/*
 * Reader for cpio archives in the "newc" format, which is what an initramfs is. It works on
 * bytes in memory, believes no length in them, allocates nothing and can run on any system.
 */
#ifndef CORDON_CPIO_H
#define CORDON_CPIO_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cordon_cpio {
	const uint8_t *bytes;
	uint64_t size;
	uint64_t next; /* offset of the next header */
};

struct cordon_cpio_entry {
	const char *name;    /* zero-terminated, in the archive; without leading "/" or "./" */
	const uint8_t *data; /* in the archive */
	uint64_t offset;     /* of the data in the archive */
	uint64_t size;
	uint32_t mode;  /* type and permissions, as st_mode */
	uint32_t mtime; /* seconds since 1970 */
};

/* Starts at the first entry. The bytes must stay as long as the reader and its entries. */
void cordon_cpio_begin(struct cordon_cpio *cpio, const void *bytes, uint64_t size);

/* Takes the next entry. 1: *out is filled; 0: the end of the archive; -EINVAL: malformed
 * (also: the archive ends without its trailer). After 0 or an error there is no next. */
int cordon_cpio_next(struct cordon_cpio *cpio, struct cordon_cpio_entry *out);

/* Finds the first entry of that path ("/bin/demo", "bin/demo" and "./bin/demo" are the
 * same). 0, -ENOENT, or -EINVAL when the archive is malformed before it. */
int cordon_cpio_find(const void *bytes, uint64_t size, const char *path,
                     struct cordon_cpio_entry *out);

#ifdef __cplusplus
}
#endif
#endif
