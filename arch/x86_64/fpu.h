/* SPDX-License-Identifier: MIT */
/* What processors differ in when the x87 state is saved and loaded. */
#ifndef ARCH_X86_64_FPU_H
#define ARCH_X86_64_FPU_H

#include <kernel/types.h>

/* What CPUID says in leaf 0: the name of the vendor, four letters in each. */
struct cpu_vendor {
	uint32_t ebx, edx, ecx;
};

/* AuthenticAMD, HygonGenuine */
#define CPU_VENDOR_AMD   ((struct cpu_vendor){0x68747541, 0x69746e65, 0x444d4163})
#define CPU_VENDOR_HYGON ((struct cpu_vendor){0x6f677948, 0x6e65476e, 0x656e6975})

/* RstrFpErrPtrs of leaf 0x80000008 (AMD APM 3, E.4.7). */
#define CAPACITY_EBX_POINTERS (1u << 2)

static inline bool cpu_vendor_is(struct cpu_vendor vendor, struct cpu_vendor other)
{
	return vendor.ebx == other.ebx && vendor.edx == other.edx && vendor.ecx == other.ecx;
}

/*
 * Whether FXRSTOR leaves the addresses of the last x87 instruction and of its operand, and its
 * opcode, as they are: AMD's processors do while no exception is pending, unless they say otherwise
 * in capacity_ebx, EBX of leaf 0x80000008 (0 when there is none). Then they are the last thread's.
 */
static inline bool fpu_pointers_stay(struct cpu_vendor vendor, uint32_t capacity_ebx)
{
	if (!cpu_vendor_is(vendor, CPU_VENDOR_AMD) && !cpu_vendor_is(vendor, CPU_VENDOR_HYGON))
		return false;
	return !(capacity_ebx & CAPACITY_EBX_POINTERS);
}

#endif
