/* SPDX-License-Identifier: MIT */
/* What the kernel counted itself. Needs a handle to the authority with INSPECT. */
#include <stdio.h>
#include <string.h>

#include "bench.h"

void bench_boot(cordon_handle_t inspect)
{
	struct cordon_counter counter;

	for (uint32_t i = 0;; i++) {
		int64_t error = cordon_system_info(inspect, CORDON_SYSTEM_COUNTERS, i, &counter,
		                                   sizeof(counter));
		bench_must("system_info", error);
		if (strcmp(counter.name, "boot.ticks_to_init") == 0)
			break;
	}
	printf("bench: boot.insn_to_init %llu insn\n", (unsigned long long)counter.value);
}
