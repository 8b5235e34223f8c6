// SPDX-License-Identifier: MIT
#include <tests/unit/iommu/shadow.h>

#include <arch/mmio.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <tests/unit/fake/fake.h>

#define SHADOW_SIZE (UINT64_C(16) << 20)
#define LINE        64

static uint8_t *shadow;
static void (*line_flushed)(const void *line);

static void on_cache_flush(void *context, const void *start, size_t size)
{
	uintptr_t first = (uintptr_t)start & ~(uintptr_t)(LINE - 1);
	uintptr_t end = ((uintptr_t)start + size + LINE - 1) & ~(uintptr_t)(LINE - 1);

	(void)context;
	for (; first < end; first += LINE) {
		uint64_t physical = virt_to_phys((const void *)first).raw;

		if (physical < SHADOW_SIZE)
			memcpy(shadow + physical, (const void *)first, LINE);
		if (line_flushed)
			line_flushed((const void *)first);
	}
}

void shadow_start(void (*flushed)(const void *line))
{
	shadow = mmap(NULL, SHADOW_SIZE, PROT_READ | PROT_WRITE,
	              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	cr_assert_neq(shadow, MAP_FAILED);
	memset(shadow, 0xa5, SHADOW_SIZE);
	line_flushed = flushed;
	fake_on_cache_flush(on_cache_flush, NULL);
}

uint64_t shadow_read(uint64_t physical, bool coherent)
{
	uint64_t value;

	/* An address from rubbish: abort the bus transaction, not the test's address space. */
	if (!fake_is_ram(paddr(physical), 8)) {
		cr_assert_fail("the unit went to %#llx", (unsigned long long)physical);
		abort();
	}
	if (coherent)
		return *(const uint64_t *)phys_to_virt(paddr(physical));
	cr_assert(physical < SHADOW_SIZE);
	memcpy(&value, shadow + physical, sizeof(value));
	return value;
}

void shadow_write(uint64_t physical, uint64_t value)
{
	memcpy(phys_to_virt(paddr(physical)), &value, sizeof(value));
	if (physical < SHADOW_SIZE)
		memcpy(shadow + physical, &value, sizeof(value));
}
