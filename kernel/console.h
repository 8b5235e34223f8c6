/* SPDX-License-Identifier: MIT */
/* The console as an object: what tasks write, and what a person typed. */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include <kernel/object.h>

/* The one console, with a reference for the caller. */
struct object *console_object(void);

void console_init(void);

/* Takes what the serial line received; called by its interrupt. */
void console_receive(void);

#endif
