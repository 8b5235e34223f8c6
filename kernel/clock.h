/* SPDX-License-Identifier: MIT */
/* Time: a monotonic clock in nanoseconds, and bounded waits for hardware. */
#ifndef KERNEL_CLOCK_H
#define KERNEL_CLOCK_H

#include <arch/cpu.h>
#include <kernel/inject.h>
#include <kernel/types.h>

uint64_t clock_now(void); /* nanoseconds since boot, monotonic */
uint64_t clock_realtime(
        void); /* nanoseconds since 1970-01-01 UTC (read from the CMOS clock at boot) */
uint64_t clock_tsc_hz(void);

/*
 * Waits for hardware: evaluates condition until it is true or timeout_ns have passed, and
 * is true when the condition held. Every wait on a device goes through it, with a named
 * timeout; the caller states the consequence of false. pause: what is done between two looks.
 */
#define clock_poll_until(condition, timeout_ns, pause)           \
	__extension__({                                          \
		uint64_t deadline_ = clock_now() + (timeout_ns); \
		bool never_ = inject_fails(CORDON_INJECT_WAIT);  \
		bool done_ = false;                              \
		for (;;) {                                       \
			done_ = (condition) && !never_;          \
			if (done_ || clock_now() >= deadline_)   \
				break;                           \
			pause;                                   \
		}                                                \
		done_;                                           \
	})

/* For what takes microseconds: the CPU is kept. */
#define clock_wait_until(condition, timeout_ns) \
	clock_poll_until(condition, timeout_ns, arch_cpu_relax())

#endif
