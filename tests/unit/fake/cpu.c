// SPDX-License-Identifier: MIT
#include <arch/context.h>
#include <arch/cpu.h>
#include <arch/percpu.h>
#include <arch/smp.h>
#include <kernel/panic.h>
#include <kernel/thread.h>
#include <tests/unit/fake/fake.h>

/* Who runs in tests that do not ask for more. */
static struct thread fake_thread;

struct percpu fake_percpu = {.self = &fake_percpu, .current = &fake_thread};
struct percpu *fake_percpu_here = &fake_percpu;
uint64_t fake_fences;
uint64_t fake_pair_stores;
bool fake_can_store_pair = true;

static void (*relax_hook)(void *context);
static void *relax_context;
static void (*flush_hook)(void *context, const void *start, size_t size);
static void *flush_context;

void fake_on_relax(void (*hook)(void *context), void *context)
{
	relax_hook = hook;
	relax_context = context;
}

void fake_on_cache_flush(void (*hook)(void *context, const void *start, size_t size), void *context)
{
	flush_hook = hook;
	flush_context = context;
}

void arch_cpu_relax(void)
{
	fake_clock_advance(FAKE_RELAX_NS);
	if (relax_hook)
		relax_hook(relax_context);
}

bool arch_can_store_pair(void)
{
	return fake_can_store_pair;
}

void arch_store_pair(uint64_t *pair, uint64_t first, uint64_t second)
{
	ASSERT((uintptr_t)pair % 16 == 0);
	ASSERT(fake_can_store_pair);
	fake_pair_stores++;
	pair[0] = first;
	pair[1] = second;
}

void arch_fence(void)
{
	fake_fences++;
}

void arch_cache_flush(const void *start, size_t size)
{
	fake_fences++;
	if (flush_hook)
		flush_hook(flush_context, start, size);
}

unsigned int arch_cpu_number(void)
{
	return percpu_number();
}
