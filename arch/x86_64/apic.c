/* SPDX-License-Identifier: MIT */
#define LOG_TAG "apic"
#include "apic.h"

#include <arch/irq.h>
#include <arch/mmio.h>
#include <arch/percpu.h>
#include <arch/smp.h>
#include <cordon/errno.h>
#include <kernel/log.h>

#include "cpu.h"
#include "regs.h"

/* Register offsets (SDM 3, table 11-1). */
enum {
	APIC_ID = 0x020,
	APIC_VERSION = 0x030,
	APIC_TASK_PRIORITY = 0x080,
	APIC_EOI = 0x0b0,
	APIC_SPURIOUS = 0x0f0,
	APIC_IN_SERVICE = 0x100, /* 8 registers of 32 bits, 16 bytes apart */
	APIC_ERROR_STATUS = 0x280,
	APIC_LVT_CMCI = 0x2f0,
	APIC_COMMAND_LOW = 0x300, /* writing it sends */
	APIC_COMMAND_HIGH = 0x310,
	APIC_LVT_TIMER = 0x320,
	APIC_LVT_THERMAL = 0x330,
	APIC_LVT_PERFORMANCE = 0x340,
	APIC_LVT_LINT0 = 0x350,
	APIC_LVT_LINT1 = 0x360,
	APIC_LVT_ERROR = 0x370,
	APIC_TIMER_INITIAL = 0x380,
	APIC_TIMER_CURRENT = 0x390,
	APIC_TIMER_DIVIDE = 0x3e0,
	APIC_SIZE = 0x1000,
};

#define APIC_ID_SHIFT        24
#define APIC_VERSION_LVTS(v) (((v) >> 16 & 0xff) + 1)
#define APIC_SPURIOUS_ENABLE (1u << 8)
#define APIC_COMMAND_PENDING (1u << 12)
#define APIC_LVT_MASKED      (1u << 16)
#define APIC_DIVIDE_BY_1     0xbu

#define COMMAND_READS_MAX 100000 /* then the message is sent all the same, and may be lost */

/* Vectors of this class and below are held back (SDM 3, 11.8.3.1): all 32 that exceptions
 * have. A forged message with such a vector never arrives where this is implemented. */
#define APIC_PRIORITY_EXCEPTIONS 0x10u

/* Messages to the local APIC (SDM 3, 11.11.1): fixed delivery, edge, to one APIC id. */
#define MESSAGE_ADDRESS  0xfee00000u
#define MESSAGE_ID_SHIFT 12

/* In x2APIC mode each register is an MSR (SDM 3, table 11-6), and a command is one of 64 bits. */
#define X2APIC_MSR(offset) (0x800u + (offset) / 16)

/* Ids that a message in compatibility format, such as an IOMMU's own, can name; the next is all
 * CPUs. */
#define MESSAGE_ID_MAX 0xfeu

/* The ids that each mode knows (SDM 3, 11.6.1, 11.12.9); the next is everybody. */
#define XAPIC_ID_MAX  0xfeu
#define X2APIC_ID_MAX 0xfffffffeu

static volatile uint8_t *registers;
static bool x2apic;

static uint32_t apic_read(uint32_t offset)
{
	if (x2apic)
		return (uint32_t)msr_read(X2APIC_MSR(offset));
	return mmio_read32(registers + offset);
}

static void apic_write(uint32_t offset, uint32_t value)
{
	if (x2apic)
		msr_write(X2APIC_MSR(offset), value);
	else
		mmio_write32(registers + offset, value);
}

static uint32_t own_id(void)
{
	return x2apic ? apic_read(APIC_ID) : apic_read(APIC_ID) >> APIC_ID_SHIFT;
}

static void mask_sources(void)
{
	static const uint16_t sources[] = {
	        /* CMCI exists from the seventh entry on, and is masked after reset. */
	        APIC_LVT_TIMER, APIC_LVT_LINT0,       APIC_LVT_LINT1,
	        APIC_LVT_ERROR, APIC_LVT_PERFORMANCE, APIC_LVT_THERMAL,
	};
	uint32_t count = APIC_VERSION_LVTS(apic_read(APIC_VERSION));

	for (uint32_t i = 0; i < ARRAY_SIZE(sources) && i < count; i++)
		apic_write(sources[i], APIC_LVT_MASKED);
	if (count > ARRAY_SIZE(sources))
		apic_write(APIC_LVT_CMCI, APIC_LVT_MASKED);
}

/* Memory-mapped mode. Firmware that switched to x2APIC mode is asked to step back through
 * "disabled", the only way there is (SDM 3, 11.12.5). */
static paddr_t enable(paddr_t wanted)
{
	uint64_t base = msr_read(MSR_APIC_BASE);

	if (base & APIC_BASE_X2APIC) {
		log_info("x2APIC mode left by firmware: back to memory-mapped mode");
		msr_write(MSR_APIC_BASE, base & ~(APIC_BASE_X2APIC | APIC_BASE_ENABLE));
		base = msr_read(MSR_APIC_BASE) & ~APIC_BASE_X2APIC;
	}
	msr_write(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
	if ((base & APIC_BASE_ADDRESS) != wanted.raw)
		log_warn("ACPI places the local APIC at %#llx, the processor at %#llx",
		         (unsigned long long)wanted.raw,
		         (unsigned long long)(base & APIC_BASE_ADDRESS));
	return paddr(base & APIC_BASE_ADDRESS);
}

/* What every CPU does with its own. */
static void set_up(void)
{
	mask_sources();
	apic_write(APIC_TASK_PRIORITY, APIC_PRIORITY_EXCEPTIONS);
	apic_write(APIC_TIMER_INITIAL, 0);
	apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
	apic_write(APIC_SPURIOUS, APIC_SPURIOUS_ENABLE | VECTOR_SPURIOUS);
	/* Firmware may have left interrupts unended; nothing of equal or lower priority would
	 * come. One write ends one of at most 256. */
	for (int i = 0; i < 256; i++)
		apic_end_of_interrupt();
	apic_write(APIC_LVT_TIMER, VECTOR_TIMER);
	percpu()->apic_id = own_id();
}

int apic_init(paddr_t base)
{
	registers = mmio_map(enable(base), APIC_SIZE);
	if (registers == NULL) {
		log_error("no memory to map the local APIC");
		return -ENOMEM;
	}
	if (apic_read(APIC_VERSION) == UINT32_MAX) {
		log_error("the local APIC does not answer");
		return -ENODEV;
	}
	set_up();
	return 0;
}

bool irq_x2apic_possible(void)
{
	return cpu_has_x2apic() && irq_boot_apic_id() <= MESSAGE_ID_MAX;
}

/* By way of memory-mapped mode: there is no other from "disabled" (SDM 3, 11.12.5). */
static void enter_x2apic(void)
{
	uint64_t base = msr_read(MSR_APIC_BASE);

	if (base & APIC_BASE_X2APIC)
		return;
	msr_write(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
	msr_write(MSR_APIC_BASE, base | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
}

void irq_x2apic_enable(void)
{
	enter_x2apic();
	x2apic = true;
	percpu()->apic_id = own_id();
	log_info("x2APIC mode");
}

void apic_init_secondary(void)
{
	if (x2apic)
		enter_x2apic();
	else
		enable(paddr(msr_read(MSR_APIC_BASE) & APIC_BASE_ADDRESS));
	set_up();
}

uint32_t apic_id_max(void)
{
	return x2apic ? X2APIC_ID_MAX : XAPIC_ID_MAX;
}

static void send(uint32_t apic_id, uint32_t message)
{
	if (x2apic) {
		/* Unlike a store to a register in memory, this does not wait for the stores before
		 * it, which the receiver is to see (SDM 3, 11.12.3). */
		__asm__ volatile("mfence" ::: "memory");
		msr_write(X2APIC_MSR(APIC_COMMAND_LOW), (uint64_t)apic_id << 32 | message);
		return;
	}
	/* The one before has left: a few cycles, unless the bus is broken. */
	for (int i = 0; i < COMMAND_READS_MAX; i++)
		if (!(apic_read(APIC_COMMAND_LOW) & APIC_COMMAND_PENDING))
			break;
	apic_write(APIC_COMMAND_HIGH, apic_id << APIC_ID_SHIFT);
	apic_write(APIC_COMMAND_LOW, message);
}

void apic_send(uint32_t apic_id, uint32_t message)
{
	send(apic_id, message);
}

void apic_send_others_nmi(void)
{
	send(0, APIC_NMI_TO_OTHERS);
}

bool apic_in_service(uint8_t vector)
{
	if (registers == NULL)
		return false;
	return apic_read(APIC_IN_SERVICE + vector / 32 * 0x10) & 1u << vector % 32;
}

void apic_end_of_interrupt(void)
{
	apic_write(APIC_EOI, 0);
}

void apic_timer_start(uint32_t count)
{
	apic_write(APIC_TIMER_INITIAL, count);
}

uint32_t apic_timer_count(void)
{
	return apic_read(APIC_TIMER_CURRENT);
}

uint32_t irq_boot_apic_id(void)
{
	return arch_cpu(0)->apic_id;
}

void irq_message(vector_t vector, uint32_t *address, uint32_t *data)
{
	*address = MESSAGE_ADDRESS | irq_boot_apic_id() << MESSAGE_ID_SHIFT;
	*data = vector.raw;
}
