/* SPDX-License-Identifier: MIT */
/* newlib's <time.h>, and what it lacks of C11. */
#ifndef CORDON_TIME_H
#define CORDON_TIME_H

/* As for the compiler it is, wherever it lies. */
#pragma GCC system_header

#include_next <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#if __STDC_VERSION__ >= 201112L || (defined(__cplusplus) && __cplusplus >= 201703L)
#define TIME_UTC 1

/* Stores the time since 1970-01-01 UTC. Returns base, or 0 when that is not TIME_UTC. */
int timespec_get(struct timespec *out, int base);
#endif

#ifdef __cplusplus
}
#endif
#endif
