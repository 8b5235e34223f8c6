/* SPDX-License-Identifier: MIT */
#define LOG_TAG "cpu"
#include "cpu.h"

#include <arch/cpu.h>
#include <kernel/log.h>
#include <kernel/panic.h>
#include <kernel/string.h>

#include "fpu.h"
#include "regs.h"
#include "syscall.h"

/* CPUID bits (Intel SDM 2, CPUID). */
#define LEAF_FEATURES          1u
#define FEATURES_ECX_CX16      (1u << 13)
#define FEATURES_ECX_X2APIC    (1u << 21)
#define FEATURES_EDX_MCE       (1u << 7)
#define FEATURES_EDX_APIC      (1u << 9)
#define FEATURES_EDX_PGE       (1u << 13)
#define FEATURES_EDX_CLFLUSH   (1u << 19)
#define FEATURES_EDX_FXSR      (1u << 24)
#define FEATURES_EDX_SSE2      (1u << 26)
#define FEATURES_EBX_LINE(ebx) (((ebx) >> 8 & 0xff) * 8)
#define LEAF_STRUCTURED        7u
#define STRUCTURED_EBX_FSGS    (1u << 0)
#define STRUCTURED_EBX_SMEP    (1u << 7)
#define STRUCTURED_EBX_SMAP    (1u << 20)
#define STRUCTURED_EBX_FLUSH   (1u << 23)
#define STRUCTURED_ECX_UMIP    (1u << 2)
#define LEAF_EXTENDED          0x80000001u
#define EXTENDED_EDX_SYSCALL   (1u << 11)
#define EXTENDED_EDX_NX        (1u << 20)
#define EXTENDED_EDX_1G        (1u << 26)
#define LEAF_EXTENDED_MAX      0x80000000u
#define LEAF_CAPACITY          0x80000008u

struct cpu_features cpu_features;

/* A place in the code where CLAC or STAC belongs (assembler.h, smap_place). */
struct smap_site {
	uint8_t *address;
	uint64_t code;
};
extern const struct smap_site smap_sites_start[], smap_sites_end[];

bool cpu_has_1g_leaves(void)
{
	return cpuid(LEAF_EXTENDED, 0).edx & EXTENDED_EDX_1G;
}

bool cpu_has_x2apic(void)
{
	return cpuid(LEAF_FEATURES, 0).ecx & FEATURES_ECX_X2APIC;
}

static bool pointers_stay(void)
{
	struct cpuid_result first = cpuid(0, 0);
	bool known = cpuid(LEAF_EXTENDED_MAX, 0).eax >= LEAF_CAPACITY;

	return fpu_pointers_stay((struct cpu_vendor){first.ebx, first.edx, first.ecx},
	                         known ? cpuid(LEAF_CAPACITY, 0).ebx : 0);
}

bool arch_can_store_pair(void)
{
	return cpuid(LEAF_FEATURES, 0).ecx & FEATURES_ECX_CX16;
}

static struct cpu_features detect(void)
{
	struct cpu_features found = {0};
	struct cpuid_result features = cpuid(LEAF_FEATURES, 0);
	struct cpuid_result extended = cpuid(LEAF_EXTENDED, 0);
	struct cpuid_result structured = {0};

	if (!(extended.edx & EXTENDED_EDX_NX))
		panic("the processor has no NX: data could not be kept from being executed");
	if (!(extended.edx & EXTENDED_EDX_SYSCALL))
		panic("the processor has no SYSCALL");
	if (!(features.edx & FEATURES_EDX_PGE) || !(features.edx & FEATURES_EDX_CLFLUSH) ||
	    !(features.edx & FEATURES_EDX_FXSR) || !(features.edx & FEATURES_EDX_SSE2))
		panic("the processor lacks global pages, CLFLUSH, FXSAVE or SSE2");
	/* Without one, IA32_APIC_BASE reads as anything, and its address may be RAM. */
	if (!(features.edx & FEATURES_EDX_APIC))
		panic("the processor has no local APIC");
	if (cpuid(0, 0).eax >= LEAF_STRUCTURED)
		structured = cpuid(LEAF_STRUCTURED, 0);

	found.mce = features.edx & FEATURES_EDX_MCE;
	found.smep = structured.ebx & STRUCTURED_EBX_SMEP;
	found.smap = structured.ebx & STRUCTURED_EBX_SMAP;
	found.umip = structured.ecx & STRUCTURED_ECX_UMIP;
	found.fsgsbase = structured.ebx & STRUCTURED_EBX_FSGS;
	found.clflushopt = structured.ebx & STRUCTURED_EBX_FLUSH;
	found.clflush_line = FEATURES_EBX_LINE(features.ebx);
	found.leaves_1g = extended.edx & EXTENDED_EDX_1G;
	found.fpu_pointers_stay = pointers_stay();
	if (found.clflush_line == 0)
		panic("the processor reports no CLFLUSH line size");
	return found;
}

static void report(void)
{
	const struct {
		bool present;
		const char *text;
	} wanted[] = {
	        {cpu_features.smep, "SMEP: the kernel could be made to execute task memory"},
	        {cpu_features.smap, "SMAP: the kernel could be made to read task memory unawares"},
	        {cpu_features.umip, "UMIP: tasks can read descriptor table addresses"},
	        {cpu_features.fsgsbase, "FSGSBASE: thread pointers are set by system call"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		if (!wanted[i].present)
			log_warn("the processor has no %s", wanted[i].text);
	}
}

/* Writes STAC and CLAC into their places; only while the text is writable. */
static void patch_smap_sites(void)
{
	for (const struct smap_site *site = smap_sites_start; site < smap_sites_end; site++) {
		const uint8_t instruction[] = {0x0f, 0x01, (uint8_t)site->code};

		memcpy(site->address, instruction, sizeof(instruction));
	}
	/* A serialising instruction between writing code and running it (SDM 3, 9.1.3). */
	(void)cpuid(0, 0);
}

static void set_registers(void)
{
	uint64_t cr0 = cr0_read();
	uint64_t cr4 = cr4_read();

	msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_NXE);
	msr_write(MSR_PAT, PAT_RESET);

	cr0 &= ~(CR0_EM | CR0_TS | CR0_AM | CR0_NW | CR0_CD);
	cr0 |= CR0_MP | CR0_NE | CR0_WP;
	cr0_write(cr0);

	/* XSAVE stays off: with it the AVX state does not exist for tasks, and FXSAVE is all
	 * there is to switch. */
	cr4 &= ~(CR4_TSD | CR4_PCE | CR4_OSXSAVE | CR4_UMIP | CR4_FSGSBASE | CR4_SMEP | CR4_SMAP);
	cr4 |= CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	if (cpu_features.mce)
		cr4 |= CR4_MCE;
	if (cpu_features.umip)
		cr4 |= CR4_UMIP;
	if (cpu_features.fsgsbase)
		cr4 |= CR4_FSGSBASE;
	if (cpu_features.smep)
		cr4 |= CR4_SMEP;
	if (cpu_features.smap)
		cr4 |= CR4_SMAP;
	cr4_write(cr4);
	syscall_init();
}

void cpu_init(void)
{
	cpu_features = detect();
	if (cpu_features.smap)
		patch_smap_sites();
	set_registers();
	report();
}

/* Member by member: what lies between them is not defined. */
static bool features_equal(const struct cpu_features *a, const struct cpu_features *b)
{
	return a->mce == b->mce && a->smep == b->smep && a->smap == b->smap && a->umip == b->umip &&
	       a->fsgsbase == b->fsgsbase && a->clflushopt == b->clflushopt &&
	       a->clflush_line == b->clflush_line && a->leaves_1g == b->leaves_1g &&
	       a->fpu_pointers_stay == b->fpu_pointers_stay;
}

/* Code is patched and tables are built for what the first one has. */
void cpu_init_secondary(void)
{
	struct cpu_features found = detect();

	if (!features_equal(&found, &cpu_features))
		panic("CPU %u has other features than the first", arch_cpu_number());
	set_registers();
}

void arch_cache_flush(const void *start, size_t size)
{
	uint64_t line = cpu_features.clflush_line;
	uint64_t at = align_down((uint64_t)(uintptr_t)start, line);
	uint64_t end = (uint64_t)(uintptr_t)start + size;

	for (; at < end; at += line) {
		volatile char *p = (volatile char *)(uintptr_t)at;

		if (cpu_features.clflushopt)
			__asm__ volatile("clflushopt %0" : "+m"(*p));
		else
			__asm__ volatile("clflush %0" : "+m"(*p));
	}
	arch_fence();
}
