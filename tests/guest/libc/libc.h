/* SPDX-License-Identifier: MIT */
#ifndef TESTS_GUEST_LIBC_H
#define TESTS_GUEST_LIBC_H

/* What this program does when it is its own child (libc_tasks.c). Returns the exit code. */
int child_main(int argc, char **argv);

/* The tests that start children. */
void test_children(void);

#endif
