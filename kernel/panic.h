/* SPDX-License-Identifier: MIT */
/* Ends the system with a report: message, registers if there are any, symbolised backtrace. */
#ifndef KERNEL_PANIC_H
#define KERNEL_PANIC_H

#include <stdbool.h>

_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Always compiled in: a broken invariant of the kernel must not become a hole. */
#define ASSERT(condition)                                                                     \
	do {                                                                                  \
		if (__builtin_expect(!(condition), 0))                                        \
			panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #condition); \
	} while (0)

/* Only in debug kernels and host tests: checks that cost. */
#if defined(CORDON_DEBUG) && CORDON_DEBUG
#define DEBUG_ASSERT(condition) ASSERT(condition)
#else
#define DEBUG_ASSERT(condition) ((void)sizeof(condition))
#endif

#endif
