/* SPDX-License-Identifier: MIT */
/* What a hostile task gives the kernel as arguments. */
#ifndef TESTS_GUEST_HOSTILE_CORPUS_H
#define TESTS_GUEST_HOSTILE_CORPUS_H

#include <stdbool.h>
#include <tests/guest/fuzz/table.h>

#define ARENA_SIZE UINT64_C(0x10000)

/* Objects of the calling task: a handle of each type, others that name nothing, memory that can be
 * read and not written, and memory that ends. */
void corpus_begin(void);

/* Puts right what a call may have spoilt: handles that were closed or moved, contents. */
void corpus_renew(void);

/* A value for an argument with which the call could succeed. */
uint64_t corpus_plain(uint32_t argument);

/* The index-th hostile value for an argument. False: there are no more. refused: no call may take
 * it. */
bool corpus_value(uint32_t argument, unsigned int index, uint64_t *value, bool *refused);

/* The index-th contents of all structures. False: there are no more. */
bool corpus_contents(unsigned int index);

#endif
