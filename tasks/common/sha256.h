/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4). */
#ifndef TASKS_SHA256_H
#define TASKS_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE       32 /* bytes of a digest */
#define SHA256_BLOCK_SIZE 64
#define SHA256_TEXT_SIZE  65 /* hexadecimal digits and the terminating zero */

struct sha256 {
	uint32_t state[8];
	uint64_t length; /* bytes hashed */
	uint8_t block[SHA256_BLOCK_SIZE];
};

/* Starts a hash. */
void sha256_init(struct sha256 *hash);

/* Adds size bytes. The digest does not depend on how the input is cut. */
void sha256_update(struct sha256 *hash, const void *data, size_t size);

/* Ends the hash. It must be started again before more is added. */
void sha256_final(struct sha256 *hash, uint8_t digest[SHA256_SIZE]);

/* The digest as lower-case hexadecimal. Returns text. */
char *sha256_text(const uint8_t digest[SHA256_SIZE], char text[SHA256_TEXT_SIZE]);

#endif
