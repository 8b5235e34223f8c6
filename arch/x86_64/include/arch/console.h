/* SPDX-License-Identifier: MIT */
/* The serial console (16550 at 0x3f8). */
#ifndef ARCH_CONSOLE_H
#define ARCH_CONSOLE_H

#include <kernel/types.h>

/* Works from the first instruction of C on. A newline goes out as carriage return and newline.
 * Waits for room are bounded: a dead UART loses text. */
void console_put(const char *bytes, size_t size);

/* Takes a received byte, or returns -1. */
int console_get(void);

/* Receive interrupts on (COM1's ISA interrupt 4, routed by the caller). */
void console_enable_receive(void);

/* Writes bytes to the UART's scratch register, which does nothing with them: for whoever traces the
 * machine from outside (kernel/mark.h). */
void console_scratch(const uint8_t *bytes, size_t size);

#endif
