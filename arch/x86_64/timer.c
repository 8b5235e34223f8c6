/* SPDX-License-Identifier: MIT */
/* The one-shot timer of the running CPU. */
#include <arch/context.h>
#include <kernel/clock.h>
#include <kernel/panic.h>

#include "apic.h"
#include "clock.h"
#include "local.h"

static uint64_t ticks_per_ns; /* 32.32 */

void timer_set_rate(uint64_t hz)
{
	ticks_per_ns = (hz << 32) / 1000000000;
	ASSERT(ticks_per_ns != 0);
}

/* The counter has 32 bits: what is further away takes several rounds. */
static void arm(struct local *cpu, uint64_t now, uint64_t deadline)
{
	uint64_t ticks = 1;

	cpu->timer_armed = deadline;
	if (deadline > now)
		ticks = clock_scale(min_u64(deadline - now, UINT32_MAX), ticks_per_ns) + 1;
	apic_timer_start((uint32_t)min_u64(ticks, UINT32_MAX));
}

/* A deadline that moves away leaves the timer as it is, to come too early once: whoever wakes
 * others and then waits moves it to and fro far more often than it comes. */
void arch_timer_set(uint64_t deadline_ns)
{
	struct local *cpu = local();

	cpu->timer_deadline = deadline_ns;
	if (deadline_ns < cpu->timer_armed)
		arm(cpu, clock_now(), deadline_ns);
}

/* Also comes too early: after a round that was not the last, after the deadline moved away, when
 * the two clocks drift, or because a device forged it. */
void timer_interrupt(void)
{
	struct local *cpu = local();
	uint64_t now = clock_now();

	cpu->timer_armed = UINT64_MAX;
	if (cpu->timer_deadline == UINT64_MAX)
		return;
	if (now < cpu->timer_deadline) {
		arm(cpu, now, cpu->timer_deadline);
		return;
	}
	cpu->timer_deadline = UINT64_MAX;
	trap_timer();
}
