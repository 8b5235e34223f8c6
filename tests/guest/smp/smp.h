/* SPDX-License-Identifier: MIT */
#ifndef TESTS_GUEST_SMP_H
#define TESTS_GUEST_SMP_H

/* Lets the calling thread run on one CPU only. Ends the program if that cannot be. */
void pin(unsigned int cpu);

/* Everything at once, from fixed seeds, until all counters are back where they were (stress.c). */
void test_stress(void);

/* What a child of it does. Returns its exit code. */
int child_stress(char **argv);

#endif
