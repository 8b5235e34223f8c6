/* SPDX-License-Identifier: MIT */
/* What the parts of the guest fuzzer share. */
#ifndef TESTS_GUEST_FUZZ_FUZZ_H
#define TESTS_GUEST_FUZZ_FUZZ_H

#include <tests/guest/fuzz/table.h>
#include <tests/random.h>

/* Numbers for this victim; victim_main seeds them. */
extern struct random numbers;

/* True once in n times. */
static inline int random_once_in(uint32_t n)
{
	return random_below(&numbers, n) == 0;
}

/* --- what a victim has (victim.c) ------------------------------------------------------------- */

#define ARENA_SIZE  UINT64_C(0x10000)
#define PLACE       UINT64_C(0x4000000000) /* addresses that maps and unmaps aim at */
#define PLACE_PAGES 64u
#define HANDLES_MAX 96

/* Memory of the victim in which arguments lie. */
extern uint8_t *arena;

/* A handle it has, most probably of that type (CORDON_OBJECT_NONE: any), else any number. */
cordon_handle_t pick_handle(uint32_t type);

/* Where threads of the victim begin, and their stack. */
uint64_t thread_entry_address(void);
uint64_t thread_stack_address(void);

/* Where a program lies in the archive that ends at once. */
extern uint64_t leaf_offset, leaf_size;

/* --- arguments (arguments.c) ------------------------------------------------------------------ */

/* Remembers a range that was mapped, to be aimed at. */
void range_remember(uint64_t address, uint64_t size);

/* Makes a value of a kind; fills structures. */
uint64_t make_argument(uint32_t argument);

/* The function whose registers the fuzzed group has. */
extern cordon_bdf_t fuzzed_bdf;

#endif
