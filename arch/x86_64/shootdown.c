/* SPDX-License-Identifier: MIT */
/*
 * Making other CPUs forget translations.
 *
 * A CPU in the kernel takes no interrupt, and may itself be waiting: for a lock that the asking CPU
 * holds, or for an answer of its own. So whoever waits for another CPU answers meanwhile
 * (arch_smp_poll), and all others answer when they next let interrupts in or leave the kernel;
 * no section of the kernel between these is unbounded.
 */
#include <arch/percpu.h>
#include <kernel/clock.h>
#include <kernel/panic.h>

#include "apic.h"
#include "local.h"
#include "paging.h"
#include "smp.h"

/* The longest that a CPU may be in the kernel, with a lot to spare: emulated CPUs share real ones.
 */
#define ANSWER_TIMEOUT_NS UINT64_C(30000000000)

#define LOOKS 256

/* What one CPU asks of others; one at a time, because it waits for the end. */
struct request {
	uint64_t root;
	uint64_t address;
	uint64_t size;
	uint64_t pending; /* bit n: CPU n did not answer yet */
} __attribute__((aligned(64)));

static struct request requests[CPUS_MAX]; /* by who asks */
static uint64_t asked[CPUS_MAX];          /* by who is asked; bit n: CPU n asks */

static void answer(uint64_t from, uint64_t self)
{
	struct request *request = &requests[from];

	paging_forget(request->root, request->address, request->size);
	__atomic_and_fetch(&request->pending, ~self, __ATOMIC_RELEASE);
}

void arch_smp_poll(void)
{
	uint32_t number = percpu()->number;
	uint64_t from;

	if (__atomic_load_n(&asked[number], __ATOMIC_RELAXED) == 0)
		return;
	from = __atomic_exchange_n(&asked[number], 0, __ATOMIC_ACQUIRE);
	for (; from != 0; from &= from - 1)
		answer((uint64_t)__builtin_ctzll(from), UINT64_C(1) << number);
}

/* Looks more than once before the caller relaxes: see spin_wait. */
static bool all_answered(const struct request *request)
{
	for (int i = 0; i < LOOKS; i++) {
		arch_smp_poll();
		if (__atomic_load_n(&request->pending, __ATOMIC_ACQUIRE) == 0)
			return true;
	}
	return false;
}

void shootdown(uint64_t cpus, uint64_t root, uint64_t address, uint64_t size)
{
	uint32_t self = percpu()->number;
	struct request *request = &requests[self];

	request->root = root;
	request->address = address;
	request->size = size;
	__atomic_store_n(&request->pending, cpus, __ATOMIC_RELEASE);
	for (uint64_t rest = cpus; rest != 0; rest &= rest - 1) {
		unsigned int number = (unsigned int)__builtin_ctzll(rest);

		__atomic_or_fetch(&asked[number], UINT64_C(1) << self, __ATOMIC_SEQ_CST);
		arch_cpu_kick(number);
	}
	percpu()->shootdowns++;
	if (!clock_wait_until(all_answered(request), ANSWER_TIMEOUT_NS))
		panic("CPUs %#llx do not forget what was unmapped",
		      (unsigned long long)__atomic_load_n(&request->pending, __ATOMIC_RELAXED));
}
