/* SPDX-License-Identifier: MIT */
#ifndef TESTS_GUEST_FUZZ_VICTIM_H
#define TESTS_GUEST_FUZZ_VICTIM_H

#include <cordon/syscall.h>

#define VICTIM_DONE        0
#define VICTIM_NOT_STARTED 20
#define VICTIM_BAD_RESULT  21
#define FUZZ_ERROR_MAX     200 /* errors are numbers up to here */

/* A page that a victim shares with the one that started it, under the name "record". */
struct fuzz_record {
	uint64_t step;
	uint64_t number; /* of the last call */
	int64_t result;  /* of the last call that returned */
	uint32_t succeeded[CORDON_SYSCALL_LIMIT];
	uint8_t reserved[CORDON_PAGE_SIZE - 24 - 4 * CORDON_SYSCALL_LIMIT];
};
_Static_assert(sizeof(struct fuzz_record) == CORDON_PAGE_SIZE, "one page");

struct victim {
	uint64_t seed;
	uint64_t steps;
	cordon_bdf_t bdf; /* of the function that it fuzzes */
	int tells;        /* whether it says in the log what it calls */
};

/* Makes that many calls; returns one of the above, to be the task's code. */
int victim_main(const struct victim *victim);

#endif
