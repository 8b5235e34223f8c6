/* SPDX-License-Identifier: MIT */
/*
 * What programs may rely on about mmap and its like. The same source runs in the image and, as an
 * independent judge of what it expects, on the host (tests/unit/libc).
 */
#ifndef TESTS_GUEST_MMAN_POSIX_H
#define TESTS_GUEST_MMAN_POSIX_H

#include <stdbool.h>

/* Told the result of each check. */
typedef void (*mman_report_t)(bool holds, const char *what);

void mman_posix(mman_report_t report);

#endif
