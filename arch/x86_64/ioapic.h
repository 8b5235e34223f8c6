/* SPDX-License-Identifier: MIT */
/* Layout of an I/O APIC's redirection entries (82093AA data sheet, 3.2.4; VT-d 5.1.5.1). */
#ifndef ARCH_X86_64_IOAPIC_H
#define ARCH_X86_64_IOAPIC_H

#include <arch/irq.h>

#define IOAPIC_ENTRY_ACTIVE_LOW (UINT64_C(1) << 13)
#define IOAPIC_ENTRY_LEVEL      (UINT64_C(1) << 15)
#define IOAPIC_ENTRY_MASKED     (UINT64_C(1) << 16)
#define IOAPIC_ENTRY_ID_SHIFT   56 /* compatibility format: destination APIC id */
/* Remappable format: index bits 14:0 from bit 49 on, index bit 15 in bit 11. */
#define IOAPIC_ENTRY_REMAPPABLE     (UINT64_C(1) << 48)
#define IOAPIC_ENTRY_INDEX_SHIFT    49
#define IOAPIC_ENTRY_INDEX_15_SHIFT 11

/* A masked entry; arguments as ioapic_route. apic_id: target in compatibility format. */
uint64_t ioapic_entry(vector_t vector, int32_t remapped_index, bool level, bool active_low,
                      uint8_t apic_id);

#endif
