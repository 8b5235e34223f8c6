/* SPDX-License-Identifier: MIT */
/* Making the shadow of the address sanitizer (kernel/asan.h). */
#ifndef ARCH_X86_64_SHADOW_H
#define ARCH_X86_64_SHADOW_H

#include <arch/boot.h>

#include "mmu.h"

#if defined(CORDON_ASAN) && CORDON_ASAN

/* Maps zeroed shadow for all RAM and for the image into the tables that are being built, and
 * reserves the place for that of stacks. Out of memory is a panic. */
void shadow_init(struct arch_paging *tables, const struct boot_info *boot);

/* Shadow for a stack. Returns 0 or -ENOMEM. */
#define SHADOW_STACK_FRAMES 1u
int shadow_stack_alloc(uint64_t stack_low);
void shadow_stack_free(uint64_t stack_low);

#else

#define SHADOW_STACK_FRAMES 0u

static inline void shadow_init(struct arch_paging *tables, const struct boot_info *boot)
{
	(void)tables;
	(void)boot;
}

static inline int shadow_stack_alloc(uint64_t stack_low)
{
	(void)stack_low;
	return 0;
}

static inline void shadow_stack_free(uint64_t stack_low)
{
	(void)stack_low;
}

#endif

#endif
