/* SPDX-License-Identifier: MIT */
/* What arch itself keeps for each CPU, around the part that everyone sees (arch/percpu.h). */
#ifndef ARCH_X86_64_LOCAL_H
#define ARCH_X86_64_LOCAL_H

#include <arch/percpu.h>
#include <kernel/types.h>

/* 64-bit task state segment (Intel SDM 3, figure 8-11). */
struct tss {
	uint32_t reserved0;
	uint64_t rsp[3]; /* rsp[0]: stack for traps from ring 3 */
	uint64_t reserved1;
	uint64_t ist[7]; /* ist[n - 1]: stack n of the interrupt stack table */
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_map; /* beyond the limit: no port is allowed in ring 3 */
} __attribute__((packed));
_Static_assert(sizeof(struct tss) == 104, "task state segment");
_Static_assert(offsetof(struct tss, ist) == 36, "task state segment");

#define GDT_ENTRIES 7

struct arch_paging;

struct local {
	struct percpu percpu;
	uint64_t gdt[GDT_ENTRIES];
	struct tss tss;
	uint64_t timer_deadline;    /* nanoseconds: what was asked for; UINT64_MAX: nothing */
	struct arch_paging *paging; /* the tables loaded; NULL: the kernel's own */
	uint64_t stack_low;         /* of the idle thread; not of the boot CPU */
	bool begun;                 /* it runs C code */
	bool goes_on;               /* everyone knows it: it may begin to work */
	uint64_t timer_armed;       /* for when the timer counts: never later than that */
};

/* The boot CPU's data, and makes it reachable through %gs. */
struct percpu *local_boot(void);
void local_init_boot(void);

/* The same for another CPU: what is known before it runs, and what it does itself. */
void local_init(struct local *cpu, uint32_t number);
void local_load(struct local *cpu);

static inline struct local *local(void)
{
	return container_of(percpu(), struct local, percpu);
}

#endif
