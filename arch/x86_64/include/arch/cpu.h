/* SPDX-License-Identifier: MIT */
/* Small CPU operations that portable kernel code needs. */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include <kernel/types.h>

/*
 * For the rare half of a function that is inlined everywhere: one that changes no register, and a
 * call of it with two arguments for which the compiler need not save any. Compilers know the
 * attribute, but use it on one side only.
 */
#define ARCH_KEEPS_REGISTERS __attribute__((no_caller_saved_registers))
#define ARCH_CALL_KEEPING_REGISTERS(function, a, b) \
	__asm__ volatile("call %P2" ::"D"(a), "S"(b), "i"(function) : "memory", "cc")

/* Adds one to what no other CPU writes meanwhile. Who sees the new value sees all that was stored
 * before: stores are seen in order here (SDM 3, 8.2.2). */
static inline void arch_increment_release(uint32_t *value)
{
	__asm__ volatile("addl $1, %0" : "+m"(*value)::"memory", "cc");
}

/* Whether this CPU can store two words at once (arch_store_pair). */
bool arch_can_store_pair(void);

/*
 * Stores two words at once, at an address that is aligned to both, after all that was stored
 * before: who reads both in one access, as a device does, never finds one old and one new (SDM 3,
 * 8.1.2.2: a locked operation). Only where arch_can_store_pair.
 */
static inline void arch_store_pair(uint64_t *pair, uint64_t first, uint64_t second)
{
	uint64_t old_first = pair[0], old_second = pair[1];
	bool stored;

	do {
		__asm__ volatile("lock cmpxchg16b %1"
		                 : "=@ccz"(stored), "+m"(*(uint64_t(*)[2])pair), "+a"(old_first),
		                   "+d"(old_second)
		                 : "b"(first), "c"(second)
		                 : "memory");
	} while (!stored);
}

/* A hint in spin loops. */
static inline void arch_cpu_relax(void)
{
	__asm__ volatile("pause" ::: "memory");
}

/* All earlier stores are visible to devices and CPUs before any later access. */
static inline void arch_fence(void)
{
	__asm__ volatile("mfence" ::: "memory");
}

/* Writes back and drops the cache lines of [start, start + size) (tables that an IOMMU reads
 * without snooping; Intel VT-d 6.2.1, AMD-Vi 2.2.7), followed by a fence. */
void arch_cache_flush(const void *start, size_t size);

/* Number of the CPU this runs on, from 0. */
unsigned int arch_cpu_number(void);

static inline uint64_t arch_timestamp(void)
{
	uint32_t low, high;
	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
	return (uint64_t)high << 32 | low;
}

#endif
