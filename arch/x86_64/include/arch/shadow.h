/* SPDX-License-Identifier: MIT */
/* Where the shadow bytes of the address sanitizer lie. Only in kernels built with it. */
#ifndef ARCH_SHADOW_H
#define ARCH_SHADOW_H

#include <kernel/types.h>

/*
 * The shadow byte of an address, or NULL where none is kept. Within one mapping of RAM, the image
 * or one stack, the bytes of neighbours are neighbours. An address of the direct map where there is
 * no RAM has none that is mapped: whoever asks for it would have faulted next.
 */
uint8_t *arch_shadow(uint64_t address);

/* Lowest address of the stack that an address lies in. */
uint64_t arch_stack_low(uint64_t address);

#endif
