/* SPDX-License-Identifier: MIT */
/*
 * Starting the other processors (Intel SDM 3, 8.4): INIT, then twice the vector that names the
 * page with the first instructions (trampoline.S), one processor after the other.
 */
#define LOG_TAG "smp"
#include "smp.h"

#include <arch/boot.h>
#include <arch/context.h>
#include <arch/mmio.h>
#include <cordon/errno.h>
#include <kernel/clock.h>
#include <kernel/heap.h>
#include <kernel/log.h>
#include <kernel/panic.h>
#include <kernel/string.h>

#include "apic.h"
#include "cpu.h"
#include "descriptors.h"
#include "asm.h"
#include "local.h"
#include "paging.h"

#define LOW_MEMORY_END UINT64_C(0xa0000) /* a start vector names a page below 1 MiB */

/* SDM 3, 8.4.4.1. */
#define INIT_WAIT_NS    UINT64_C(10000000)
#define STARTUP_WAIT_NS UINT64_C(200000)

/* After that a processor that was started is taken to be dead. It is not tried again. */
#define ANSWER_TIMEOUT_NS UINT64_C(2000000000)

/* trampoline.S */
extern const char trampoline_start[], trampoline_end[];
extern uint64_t secondary_root, secondary_stack;
extern struct local *secondary_local;
_Noreturn void smp_secondary(struct local *cpu);

static struct local *locals[CPUS_MAX];
static uint32_t count = 1;
static uint64_t running = 1;

unsigned int arch_cpu_count(void)
{
	return __atomic_load_n(&count, __ATOMIC_RELAXED);
}

uint64_t smp_running(void)
{
	return __atomic_load_n(&running, __ATOMIC_RELAXED);
}

struct percpu *arch_cpu(unsigned int number)
{
	ASSERT(number < arch_cpu_count());
	return number == 0 ? local_boot() : &locals[number]->percpu;
}

void arch_cpu_kick(unsigned int number)
{
	apic_send(arch_cpu(number)->apic_id, APIC_FIXED(VECTOR_KICK));
}

paddr_t arch_smp_page(const struct boot_info *boot)
{
	uint64_t page = 0;

	for (size_t i = 0; i < boot->range_count; i++) {
		const struct memory_range *range = &boot->ranges[i];
		uint64_t end = min_u64(range->start.raw + range->size, LOW_MEMORY_END);

		if (range->usable && end >= range->start.raw + PAGE_SIZE)
			page = max_u64(page, align_down(end - PAGE_SIZE, PAGE_SIZE));
	}
	return paddr(page);
}

/* --- on the new processor -------------------------------------------------------------------- */

/* First C code: nothing is set up but the kernel's page tables and a stack. */
_Noreturn void smp_secondary(struct local *cpu)
{
	local_load(cpu);
	descriptors_load(cpu);
	cpu_init_secondary();
	apic_init_secondary();
	__atomic_store_n(&cpu->begun, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&cpu->goes_on, __ATOMIC_ACQUIRE))
		arch_cpu_relax();
	trap_cpu_begin();
}

/* --- on the boot processor ------------------------------------------------------------------- */

static void wait_ns(uint64_t ns)
{
	uint64_t end = clock_now() + ns;

	while (clock_now() < end)
		arch_cpu_relax();
}

/* Everything a CPU needs before its first instruction. Returns 0 or -ENOMEM. */
static int prepare(uint32_t number, uint32_t apic_id, struct local **out)
{
	struct local *cpu = heap_alloc(sizeof(*cpu));
	int error;

	if (!cpu)
		return -ENOMEM;
	error = arch_stack_alloc(&cpu->stack_low);
	if (error)
		goto free;
	local_init(cpu, number);
	cpu->percpu.apic_id = apic_id;
	error = descriptors_prepare(cpu, cpu->stack_low + STACK_SIZE);
	if (!error)
		error = trap_cpu_prepare(&cpu->percpu, cpu->stack_low);
	if (error)
		goto stack;
	*out = cpu;
	return 0;
stack:
	arch_stack_free(cpu->stack_low);
free:
	heap_free(cpu);
	return error;
}

static bool start(struct local *cpu, paddr_t page)
{
	uint32_t id = cpu->percpu.apic_id;

	secondary_root = paging_root();
	secondary_stack = cpu->stack_low + STACK_SIZE;
	secondary_local = cpu;
	apic_send(id, APIC_INIT);
	wait_ns(INIT_WAIT_NS);
	for (int i = 0; i < 2 && !__atomic_load_n(&cpu->begun, __ATOMIC_ACQUIRE); i++) {
		apic_send(id, APIC_STARTUP(page.raw >> PAGE_SHIFT));
		wait_ns(STARTUP_WAIT_NS);
	}
	return clock_wait_until(__atomic_load_n(&cpu->begun, __ATOMIC_ACQUIRE), ANSWER_TIMEOUT_NS);
}

/* False when none is to be started after it: a processor that may still wake up owns its memory,
 * and the words that tell it where that is, for ever. */
static bool start_one(paddr_t page, uint32_t apic_id)
{
	struct local *cpu;

	if (count == CPUS_MAX || apic_id > apic_id_max()) {
		log_warn("the processor with APIC id %u is not used: %s", apic_id,
		         count == CPUS_MAX ? "there are too many" : "its id needs x2APIC mode");
		return true;
	}
	if (prepare(count, apic_id, &cpu)) {
		log_warn("no memory for the processor with APIC id %u", apic_id);
		return true;
	}
	if (!start(cpu, page)) {
		log_warn("the processor with APIC id %u does not start: no further one is tried",
		         apic_id);
		return false;
	}
	locals[count] = cpu;
	__atomic_or_fetch(&running, UINT64_C(1) << count, __ATOMIC_SEQ_CST);
	__atomic_store_n(&count, count + 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&cpu->goes_on, true, __ATOMIC_RELEASE);
	return true;
}

void arch_smp_start(paddr_t page, const uint32_t *apic_ids, size_t id_count)
{
	if (id_count <= 1)
		return;
	if (page.raw == 0) {
		log_warn("no RAM below 1 MiB to start processors from: one CPU runs");
		return;
	}
	memcpy(phys_to_virt(page), trampoline_start, (size_t)(trampoline_end - trampoline_start));
	for (size_t i = 0; i < id_count; i++)
		if (apic_ids[i] != percpu()->apic_id && !start_one(page, apic_ids[i]))
			break;
	log_info("%u of %zu processors run", arch_cpu_count(), id_count);
}

void smp_stop_others(void)
{
	if (arch_cpu_count() > 1)
		apic_send_others_nmi();
}
