/* SPDX-License-Identifier: MIT */
/* The pair of 8259 interrupt controllers. */
#ifndef ARCH_X86_64_PIC_H
#define ARCH_X86_64_PIC_H

/* Moves their vectors out of the exceptions' (they cannot be kept from raising a spurious one) and
 * masks every input. Firmware leaves some unmasked. */
void pic_disable(void);

#endif
