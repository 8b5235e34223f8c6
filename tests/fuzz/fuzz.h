/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets share. A target is a program around LLVMFuzzerTestOneInput: `make fuzz`
 * links it with libFuzzer, `make test` with replay.c, which gives it the files of its corpus. It
 * leaves nothing behind, because the next input finds the same process.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A broken promise: the input that broke it is kept. */
#define FUZZ_CHECK(condition)                                                                   \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                \
		}                                                                               \
	} while (0)

/* The bytes of an input that decisions are made from. */
struct fuzz_input {
	const uint8_t *data;
	size_t size;
};

/* A little-endian number of up to 8 bytes; zero where the input has ended. */
static inline uint64_t fuzz_number(struct fuzz_input *input, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes && input->size > 0; i++) {
		value |= (uint64_t)*input->data++ << 8 * i;
		input->size--;
	}
	return value;
}

static inline uint8_t fuzz_byte(struct fuzz_input *input)
{
	return (uint8_t)fuzz_number(input, 1);
}

/* A number below limit. */
static inline uint32_t fuzz_below(struct fuzz_input *input, uint32_t limit)
{
	return (uint32_t)(fuzz_number(input, limit > 256 ? 4 : 1) % limit);
}

/* Bytes in an allocation of just their size, so that a read beyond them is caught. */
static inline uint8_t *fuzz_copy(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	FUZZ_CHECK(copy);
	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

#endif
