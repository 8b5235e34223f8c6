/* SPDX-License-Identifier: MIT */
/* CPU interrupt vectors, the local APIC as a target of messages, and the I/O APIC. */
#ifndef ARCH_IRQ_H
#define ARCH_IRQ_H

#include <kernel/types.h>

/* Runs with interrupts off, on whichever CPU took the interrupt; may take locks. */
typedef void (*irq_handler_t)(void *context);

/* Reserves a free vector for a kernel handler. Returns 0 or -ENOSPC. */
int irq_vector_alloc(irq_handler_t handler, void *context, vector_t *out);
void irq_vector_free(vector_t vector);

/* Address and data of a compatibility-format MSI that raises the vector on the boot CPU (Intel
 * SDM 3, 11.11); only for senders that interrupt remapping does not cover, as the IOMMU's
 * own events. */
void irq_message(vector_t vector, uint32_t *address, uint32_t *data);

/* Whether the CPUs could be switched to x2APIC mode: what remaps their interrupts may be set up for
 * the ids of that mode, 32 bits wide. */
bool irq_x2apic_possible(void);

/* Switches to it, this CPU now and others when they start: whatever remaps interrupts knows of it.
 * Called at most once, by the boot CPU, before others are started. */
void irq_x2apic_enable(void);

/* APIC id of the boot CPU, the target of kernel interrupts. */
uint32_t irq_boot_apic_id(void);

/* --- the I/O APIC ------------------------------------------------------------------------ */

/* One I/O APIC as the MADT describes it. */
struct ioapic_info {
	uint8_t id;
	uint32_t gsi_base;
	paddr_t base;
};

/* All entries masked. Called once, before interrupts are enabled. */
int ioapic_init(const struct ioapic_info *ioapics, size_t count);

/*
 * Routes a global system interrupt. remapped_index >= 0: the entry is written in remappable format
 * with that interrupt-remapping index (VT-d 5.1.5.1); -1: in compatibility format. The vector is
 * that of the handler in both cases (end-of-interrupt broadcasts need it). Left masked.
 */
int ioapic_route(uint32_t gsi, vector_t vector, int32_t remapped_index, bool level,
                 bool active_low);
int ioapic_mask(uint32_t gsi, bool masked);

/* Number of interrupts that came with a vector nobody handles. */
uint64_t irq_spurious_count(void);

#endif
