/* SPDX-License-Identifier: MIT */
#include "pic.h"

#include <arch/mmio.h>

#include "apic.h"

#define PIC_COMMAND(base) (base)
#define PIC_DATA(base)    ((uint16_t)((base) + 1))
#define PIC_PRIMARY       0x20
#define PIC_SECONDARY     0xa0

/* Initialisation command words (Intel 8259A data sheet). */
#define ICW1_INIT_WITH_ICW4 0x11
#define ICW3_SECONDARY_AT_2 0x04
#define ICW3_IDENTITY_2     0x02
#define ICW4_8086           0x01
#define MASK_ALL            0xff

void pic_disable(void)
{
	port_write8(PIC_COMMAND(PIC_PRIMARY), ICW1_INIT_WITH_ICW4);
	port_write8(PIC_COMMAND(PIC_SECONDARY), ICW1_INIT_WITH_ICW4);
	port_write8(PIC_DATA(PIC_PRIMARY), VECTOR_PIC);
	port_write8(PIC_DATA(PIC_SECONDARY), VECTOR_PIC + 8);
	port_write8(PIC_DATA(PIC_PRIMARY), ICW3_SECONDARY_AT_2);
	port_write8(PIC_DATA(PIC_SECONDARY), ICW3_IDENTITY_2);
	port_write8(PIC_DATA(PIC_PRIMARY), ICW4_8086);
	port_write8(PIC_DATA(PIC_SECONDARY), ICW4_8086);
	port_write8(PIC_DATA(PIC_PRIMARY), MASK_ALL);
	port_write8(PIC_DATA(PIC_SECONDARY), MASK_ALL);
}
