/* SPDX-License-Identifier: MIT */
/* Segments, the interrupt descriptor table, and the stacks of exceptions that need their own. */
#ifndef ARCH_X86_64_DESCRIPTORS_H
#define ARCH_X86_64_DESCRIPTORS_H

/* Loads all tables. The exceptions with a stack of their own share one without a guard page
 * until descriptors_init_stacks gives each its own. */
void descriptors_init(void);
void descriptors_init_stacks(void);

#endif
