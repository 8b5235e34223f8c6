/* SPDX-License-Identifier: MIT */
#include "descriptors.h"

#include <arch/context.h>
#include <kernel/panic.h>

#include "layout.h"
#include "local.h"
#include "regs.h"
#include "trap.h"

/* Segment descriptors of long mode: base and limit are ignored (Intel SDM 3, 3.4.5, 5.2.1). The
 * accessed bits are set, so that loading a selector writes nothing. */
#define SEGMENT_ACCESSED  (UINT64_C(1) << 40)
#define SEGMENT_WRITABLE  (UINT64_C(1) << 41) /* data: writable, code: readable */
#define SEGMENT_CODE      (UINT64_C(1) << 43)
#define SEGMENT_USER_TYPE (UINT64_C(1) << 44) /* code or data, not a system segment */
#define SEGMENT_RING3     (UINT64_C(3) << 45)
#define SEGMENT_PRESENT   (UINT64_C(1) << 47)
#define SEGMENT_64BIT     (UINT64_C(1) << 53)
#define SEGMENT_TYPE_TSS  (UINT64_C(9) << 40)

#define SEGMENT_DATA (SEGMENT_ACCESSED | SEGMENT_WRITABLE | SEGMENT_USER_TYPE | SEGMENT_PRESENT)
#define SEGMENT_TEXT (SEGMENT_DATA | SEGMENT_CODE | SEGMENT_64BIT)

/* Gate of the interrupt descriptor table (SDM 3, 6.14.1). */
struct gate {
	uint16_t offset_low;
	uint16_t selector;
	uint8_t ist;
	uint8_t attributes;
	uint16_t offset_middle;
	uint32_t offset_high;
	uint32_t reserved;
};
_Static_assert(sizeof(struct gate) == 16, "IDT gate");

#define GATE_INTERRUPT 0x8e /* present, interrupts go off */
#define GATE_RING3     0x60

struct table_register {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

/* Slots of the interrupt stack table. */
enum ist {
	IST_DEBUG = 1,
	IST_NMI = 2,
	IST_DOUBLE_FAULT = 3,
	IST_MACHINE_CHECK = 4,
	IST_COUNT = 4,
};

extern const uint64_t trap_stubs[256];

static struct gate idt[256] __attribute__((section(".ro_after_boot"), aligned(16)));

static char early_stack[STACK_SIZE] __attribute__((aligned(STACK_SIZE)));

static uint8_t ist_of(unsigned int vector)
{
	switch (vector) {
	case TRAP_DEBUG:
		return IST_DEBUG;
	case TRAP_NMI:
		return IST_NMI;
	case TRAP_DOUBLE_FAULT:
		return IST_DOUBLE_FAULT;
	case TRAP_MACHINE_CHECK:
		return IST_MACHINE_CHECK;
	default:
		return 0;
	}
}

static void fill_idt(void)
{
	for (unsigned int vector = 0; vector < ARRAY_SIZE(idt); vector++) {
		uint64_t offset = trap_stubs[vector];

		idt[vector] = (struct gate){
		        .offset_low = (uint16_t)offset,
		        .offset_middle = (uint16_t)(offset >> 16),
		        .offset_high = (uint32_t)(offset >> 32),
		        .selector = SELECTOR_KERNEL_CODE,
		        .ist = ist_of(vector),
		        .attributes = GATE_INTERRUPT,
		};
	}
	/* Only the breakpoint instruction may be used in ring 3. */
	idt[TRAP_BREAKPOINT].attributes |= GATE_RING3;
}

static void fill_gdt(struct local *cpu)
{
	uint64_t base = (uint64_t)(uintptr_t)&cpu->tss;
	uint64_t limit = sizeof(cpu->tss) - 1;

	cpu->gdt[SELECTOR_KERNEL_CODE / 8] = SEGMENT_TEXT;
	cpu->gdt[SELECTOR_KERNEL_DATA / 8] = SEGMENT_DATA;
	cpu->gdt[SELECTOR_USER_DATA / 8] = SEGMENT_DATA | SEGMENT_RING3;
	cpu->gdt[SELECTOR_USER_CODE / 8] = SEGMENT_TEXT | SEGMENT_RING3;
	cpu->gdt[SELECTOR_TSS / 8] = limit | (base & 0xffffff) << 16 | SEGMENT_TYPE_TSS |
	                             SEGMENT_PRESENT | (base >> 24 & 0xff) << 56;
	cpu->gdt[SELECTOR_TSS / 8 + 1] = base >> 32;
}

static void load_segments(void)
{
	__asm__ volatile("pushq %0\n\t"
	                 "leaq 1f(%%rip), %%rax\n\t"
	                 "pushq %%rax\n\t"
	                 "lretq\n"
	                 "1:\tmovl %1, %%eax\n\t"
	                 "movl %%eax, %%ss\n\t"
	                 "xorl %%eax, %%eax\n\t"
	                 "movl %%eax, %%ds\n\t"
	                 "movl %%eax, %%es\n\t"
	                 "lldt %%ax\n\t"
	                 "movl %2, %%eax\n\t"
	                 "ltr %%ax"
	                 :
	                 : "i"((uint64_t)SELECTOR_KERNEL_CODE), "i"(SELECTOR_KERNEL_DATA),
	                   "i"(SELECTOR_TSS)
	                 : "rax", "memory");
}

/* The top of a stack holds the percpu pointer (entry.S, trap_common_ist). */
static void set_ist(struct local *cpu, enum ist number, uint64_t stack_low)
{
	uint64_t top = stack_low + STACK_SIZE - IST_TOP_RESERVE;

	ASSERT(is_aligned(stack_low, STACK_SIZE));
	*(struct percpu **)(uintptr_t)top = &cpu->percpu;
	cpu->tss.ist[number - 1] = top;
}

void descriptors_load(struct local *cpu)
{
	struct table_register gdtr = {sizeof(cpu->gdt) - 1, (uint64_t)(uintptr_t)cpu->gdt};
	struct table_register idtr = {sizeof(idt) - 1, (uint64_t)(uintptr_t)idt};

	__asm__ volatile("lgdt %0" ::"m"(gdtr));
	load_segments();
	__asm__ volatile("lidt %0" ::"m"(idtr));
	/* Breakpoints that firmware or a debugger left. */
	__asm__ volatile("movq %0, %%dr7" ::"r"(UINT64_C(0x400)));
}

static void fill(struct local *cpu, uint64_t stack_top)
{
	cpu->tss.io_map = sizeof(cpu->tss);
	cpu->tss.rsp[0] = stack_top;
	cpu->percpu.kernel_sp = stack_top;
	fill_gdt(cpu);
}

void descriptors_init(void)
{
	struct local *cpu = local();

	fill(cpu, (uint64_t)(uintptr_t)boot_stack_top);
	for (int i = 1; i <= IST_COUNT; i++)
		set_ist(cpu, (enum ist)i, (uint64_t)(uintptr_t)early_stack);
	fill_idt();
	descriptors_load(cpu);
}

/* Stacks of their own for the exceptions that need one. Those got before a failure stay: there is
 * no CPU then, or no kernel. */
static int give_stacks(struct local *cpu)
{
	for (int i = 1; i <= IST_COUNT; i++) {
		uint64_t low;
		int error = arch_stack_alloc(&low);

		if (error)
			return error;
		set_ist(cpu, (enum ist)i, low);
	}
	return 0;
}

int descriptors_prepare(struct local *cpu, uint64_t stack_top)
{
	fill(cpu, stack_top);
	return give_stacks(cpu);
}

void descriptors_init_stacks(void)
{
	if (give_stacks(local()) != 0)
		panic("no memory for the exception stacks");
}
