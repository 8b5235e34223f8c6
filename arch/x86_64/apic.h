/* SPDX-License-Identifier: MIT */
/* The local APIC of the running CPU, through its registers in memory (Intel SDM 3, 11.4), or, in
 * x2APIC mode, through MSRs (11.12). */
#ifndef ARCH_X86_64_APIC_H
#define ARCH_X86_64_APIC_H

#include <kernel/types.h>

/* Vectors that arch itself uses; handlers get those from VECTOR_FIRST to VECTOR_LAST. */
#define VECTOR_PIC      0x20 /* the 8259s' 16, all masked */
#define VECTOR_FIRST    0x30
#define VECTOR_LAST     0xef
#define VECTOR_TIMER    0xf0
#define VECTOR_KICK     0xf1 /* from another CPU */
#define VECTOR_SPURIOUS 0xff

/* Messages between CPUs: the low half of the command register (SDM 3, 11.6.1). */
#define APIC_FIXED(vector) ((uint32_t)(vector) | 0x4000u)
#define APIC_INIT          0x4500u
#define APIC_STARTUP(page) ((uint32_t)(page) | 0x4600u)
#define APIC_NMI_TO_OTHERS 0xc4400u

/* Turns it on, with every local source but the timer masked. Returns 0, -ENOMEM or -ENODEV. */
int apic_init(paddr_t base);

/* The same on every further CPU. */
void apic_init_secondary(void);

/* The largest id that a CPU can be sent messages under, in the mode that is on. */
uint32_t apic_id_max(void);

/* Sends a message of above to one CPU, or an NMI to all others. */
void apic_send(uint32_t apic_id, uint32_t message);
void apic_send_others_nmi(void);

/* Whether an interrupt with this vector was delivered and not ended. False before apic_init. */
bool apic_in_service(uint8_t vector);

void apic_end_of_interrupt(void);

/* The timer counts down once, at the rate of apic_timer_count's register; 0 stops it. */
void apic_timer_start(uint32_t count);
uint32_t apic_timer_count(void);

#endif
