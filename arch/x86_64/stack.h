/* SPDX-License-Identifier: MIT */
/* What a report wants to know of an address: see arch/context.h for the stacks themselves. */
#ifndef ARCH_X86_64_STACK_H
#define ARCH_X86_64_STACK_H

#include <kernel/types.h>

#include "asm.h"

/* The place of a stack in its area; the stack is the upper half of it. */
#define STACK_SLOT_SIZE ((uint64_t)2 * STACK_SIZE)

/* Whether an access there means that a kernel stack overflowed. */
bool stack_is_guard(uint64_t address);

/* Whether an address lies in a kernel stack in use. Takes no lock. */
bool stack_is_mapped(uint64_t address);

#endif
