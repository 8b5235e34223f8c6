/* SPDX-License-Identifier: MIT */
/* Control registers, model-specific registers and CPUID, by name (Intel SDM 3, 2.5 and 4; SDM 4).
 */
#ifndef ARCH_X86_64_REGS_H
#define ARCH_X86_64_REGS_H

#include <kernel/types.h>

#include "asm.h"

#define CR0_MP (UINT64_C(1) << 1)  /* WAIT follows TS */
#define CR0_EM (UINT64_C(1) << 2)  /* no FPU */
#define CR0_TS (UINT64_C(1) << 3)  /* FPU use faults */
#define CR0_NE (UINT64_C(1) << 5)  /* FPU errors are exceptions */
#define CR0_WP (UINT64_C(1) << 16) /* read-only binds the kernel too */
#define CR0_AM (UINT64_C(1) << 18) /* alignment checks in ring 3 */
#define CR0_NW (UINT64_C(1) << 29)
#define CR0_CD (UINT64_C(1) << 30)

#define CR4_TSD        (UINT64_C(1) << 2) /* no RDTSC in ring 3 */
#define CR4_MCE        (UINT64_C(1) << 6) /* machine checks are exceptions */
#define CR4_PGE        (UINT64_C(1) << 7)
#define CR4_PCE        (UINT64_C(1) << 8) /* RDPMC in ring 3 */
#define CR4_OSFXSR     (UINT64_C(1) << 9)
#define CR4_OSXMMEXCPT (UINT64_C(1) << 10)
#define CR4_UMIP       (UINT64_C(1) << 11)
#define CR4_FSGSBASE   (UINT64_C(1) << 16)
#define CR4_OSXSAVE    (UINT64_C(1) << 18)
#define CR4_SMEP       (UINT64_C(1) << 20)
#define CR4_SMAP       (UINT64_C(1) << 21)

#define RFLAGS_TF   (UINT64_C(1) << 8)
#define RFLAGS_IF   (UINT64_C(1) << 9)
#define RFLAGS_DF   (UINT64_C(1) << 10)
#define RFLAGS_IOPL (UINT64_C(3) << 12)
#define RFLAGS_NT   (UINT64_C(1) << 14)
#define RFLAGS_AC   (UINT64_C(1) << 18)

#define MSR_APIC_BASE      0x1bu
#define MSR_PAT            0x277u
#define MSR_EFER           0xc0000080u
#define MSR_STAR           0xc0000081u
#define MSR_LSTAR          0xc0000082u
#define MSR_CSTAR          0xc0000083u
#define MSR_SFMASK         0xc0000084u
#define MSR_FS_BASE        0xc0000100u
#define MSR_KERNEL_GS_BASE 0xc0000102u

#define EFER_SCE (UINT64_C(1) << 0)
#define EFER_NXE (UINT64_C(1) << 11)

#define APIC_BASE_X2APIC  (UINT64_C(1) << 10)
#define APIC_BASE_ENABLE  (UINT64_C(1) << 11)
#define APIC_BASE_ADDRESS UINT64_C(0x000ffffffffff000)

/* The reset value: index 0 write-back, 3 (PCD and PWT) uncached whatever the MTRRs say. */
#define PAT_RESET UINT64_C(0x0007040600070406)

struct cpuid_result {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_result cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_result r;
	__asm__ volatile("cpuid"
	                 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
	                 : "a"(leaf), "c"(subleaf));
	return r;
}

static inline uint64_t msr_read(uint32_t msr)
{
	uint32_t low, high;
	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
	return (uint64_t)high << 32 | low;
}

static inline void msr_write(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
	                 : "memory");
}

#define CONTROL_REGISTER(n)                                                   \
	static inline uint64_t cr##n##_read(void)                             \
	{                                                                     \
		uint64_t value;                                               \
		__asm__ volatile("movq %%cr" #n ", %0" : "=r"(value));        \
		return value;                                                 \
	}                                                                     \
	static inline void cr##n##_write(uint64_t value)                      \
	{                                                                     \
		__asm__ volatile("movq %0, %%cr" #n ::"r"(value) : "memory"); \
	}

CONTROL_REGISTER(0)
CONTROL_REGISTER(2)
CONTROL_REGISTER(3)
CONTROL_REGISTER(4)

#undef CONTROL_REGISTER

static inline void interrupts_disable(void)
{
	__asm__ volatile("cli" ::: "memory");
}

#endif
