/* SPDX-License-Identifier: MIT */
/* The real header: it only declares, but for arch_switch, which changes stacks. What it declares is
 * in tests/unit/fake/, or in the test. */
#ifndef FAKE_ARCH_CONTEXT_H
#define FAKE_ARCH_CONTEXT_H

#define arch_switch(...) arch_switch_of_stacks(__VA_ARGS__)
#include <arch/x86_64/include/arch/context.h>
#undef arch_switch

void arch_switch(struct arch_thread *from, struct arch_thread *to);

#endif
