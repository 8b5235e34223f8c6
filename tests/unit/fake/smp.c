// SPDX-License-Identifier: MIT
/* One CPU, with nobody to ask it for anything. */
#include <arch/smp.h>

void arch_smp_poll(void)
{
}

unsigned int arch_cpu_count(void)
{
	return 1;
}
