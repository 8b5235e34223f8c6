/* SPDX-License-Identifier: MIT */
/* Time stamp counter and local APIC timer, measured against a clock of known rate. */
#ifndef ARCH_X86_64_CLOCK_H
#define ARCH_X86_64_CLOCK_H

#include <arch/boot.h>

/* After apic_init. Returns 0, -ENODEV (nothing to measure against) or -ENOMEM. Until then
 * clock_now runs, but too slowly, so that waits are too long rather than too short. */
int clock_init(const struct arch_platform *platform);

/* Ticks of a rate as nanoseconds and back: value * factor >> 32. */
uint64_t clock_scale(uint64_t value, uint64_t factor);

/* timer.c: the rate of the local APIC's timer; its interrupt. */
void timer_set_rate(uint64_t hz);
void timer_interrupt(void);

/* cmos.c: nanoseconds since 1970, from the battery-backed clock; 0 when it makes no sense. */
uint64_t cmos_time(void);

#endif
