// SPDX-License-Identifier: MIT
#include <kernel/clock.h>
#include <tests/unit/fake/fake.h>

static uint64_t now = 1000000000;

void fake_clock_set(uint64_t nanoseconds)
{
	now = nanoseconds;
}

void fake_clock_advance(uint64_t nanoseconds)
{
	now += nanoseconds;
}

uint64_t clock_now(void)
{
	return now;
}

/* 2020-01-01 at time zero. */
uint64_t clock_realtime(void)
{
	return UINT64_C(1577836800000000000) + now;
}

uint64_t clock_tsc_hz(void)
{
	return 1000000000;
}

uint64_t arch_timestamp(void)
{
	return now;
}
