/* SPDX-License-Identifier: MIT */
/* CPU operations on the host: time passes only when the code waits. */
#ifndef FAKE_ARCH_CPU_H
#define FAKE_ARCH_CPU_H

#include <kernel/types.h>

#define ARCH_KEEPS_REGISTERS
#define ARCH_CALL_KEEPING_REGISTERS(function, a, b) function(a, b)

static inline void arch_increment_release(uint32_t *value)
{
	__atomic_fetch_add(value, 1, __ATOMIC_RELEASE);
}

/* Answers fake_can_store_pair. */
bool arch_can_store_pair(void);

/* Counted, see fake_pair_stores. */
void arch_store_pair(uint64_t *pair, uint64_t first, uint64_t second);

/* Advances the fake clock by FAKE_RELAX_NS and runs the hook of fake_on_relax, in which a device
 * model can make progress. */
void arch_cpu_relax(void);

/* Counted, see fake_fences. */
void arch_fence(void);

/* Reported to the hook of fake_on_cache_flush. */
void arch_cache_flush(const void *start, size_t size);

unsigned int arch_cpu_number(void);
uint64_t arch_timestamp(void);

#endif
