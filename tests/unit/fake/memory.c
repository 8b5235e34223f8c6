// SPDX-License-Identifier: MIT
#include <arch/mmio.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <tests/unit/fake/fake.h>

/* Host addresses for physical 0 .. FAKE_HIGH_END. */
static uint8_t *arena(void)
{
	static uint8_t *start;

	if (!start) {
		start = mmap(NULL, FAKE_HIGH_END, PROT_READ | PROT_WRITE,
		             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (start == MAP_FAILED) {
			perror("fake: mmap");
			abort();
		}
	}
	return start;
}

static bool inside(paddr_t base, uint64_t size, uint64_t start, uint64_t end)
{
	return base.raw >= start && base.raw <= end && size <= end - base.raw;
}

bool fake_is_ram(paddr_t base, uint64_t size)
{
	return inside(base, size, FAKE_RAM_BASE, FAKE_RAM_END) ||
	       inside(base, size, FAKE_HIGH_BASE, FAKE_HIGH_END);
}

void *phys_to_virt(paddr_t address)
{
	if (!fake_is_ram(address, 1)) {
		fprintf(stderr, "fake: %#llx is not RAM\n", (unsigned long long)address.raw);
		abort();
	}
	return arena() + address.raw;
}

paddr_t virt_to_phys(const void *address)
{
	uint64_t offset = (uint64_t)(uintptr_t)address - (uint64_t)(uintptr_t)arena();

	if (!fake_is_ram(paddr(offset), 1)) {
		fprintf(stderr, "fake: %p is not in RAM\n", address);
		abort();
	}
	return paddr(offset);
}
