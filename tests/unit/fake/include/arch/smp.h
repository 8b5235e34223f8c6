/* SPDX-License-Identifier: MIT */
/* The real header: it only declares. What it declares is in tests/unit/fake/, or in the test. */
#include <arch/x86_64/include/arch/smp.h>
