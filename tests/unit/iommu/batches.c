// SPDX-License-Identifier: MIT
#include <tests/unit/iommu/batches.h>

#include <criterion/criterion.h>
#include <string.h>
#include <tests/random.h>
#include <tests/unit/iommu/machine.h>

#define PAGES   4096
#define MAPS    32
#define ROUNDS  80
#define LOOKED  300 /* pages looked at after each batch */
#define LARGE   512 /* pages of a large leaf */
#define OFFSET  0x123
#define TARGETS 0xfffff /* pages that mappings lead to; the models never read them */

struct mapping {
	uint64_t first, pages;
};

static uint64_t expected[PAGES]; /* target and rights; 0: nothing */

/* What the device reaches is exactly what the array says: no more, and no less. */
static void check_pages(const struct batches_device *device, uint64_t origin, uint64_t first,
                        uint64_t count)
{
	for (uint64_t i = 2 * first; i < 2 * (first + count); i++) {
		uint64_t page = i / 2, address = origin + page * PAGE_SIZE + OFFSET, target;
		bool write = i % 2;
		unsigned int code = device->access(address, write, &target);

		if (page % 16 == 0)
			device->forget();
		if (!(expected[page] & (write ? CORDON_DMA_WRITE : CORDON_DMA_READ))) {
			cr_assert_neq(code, 0, "%#llx is reached", (unsigned long long)address);
			continue;
		}
		cr_assert_eq(code, 0, "%#llx is not reached: %u", (unsigned long long)address,
		             code);
		cr_assert_eq(target, (expected[page] & ~PAGE_MASK) + OFFSET);
	}
	device->forget();
}

static bool is_free(const struct mapping *mapping)
{
	for (uint64_t i = 0; i < mapping->pages; i++) {
		if (expected[mapping->first + i])
			return false;
	}
	return true;
}

static void unmap(const struct batches_device *device, uint64_t origin, struct mapping *mapping,
                  struct iommu_gather *gather)
{
	iommu_unmap(device->domain, iova(origin + mapping->first * PAGE_SIZE),
	            mapping->pages * PAGE_SIZE, gather);
	memset(&expected[mapping->first], 0, mapping->pages * sizeof(*expected));
	mapping->pages = 0;
}

/* Takes a mapping away, or makes one where none is. */
static void step(const struct batches_device *device, uint64_t origin, struct random *numbers,
                 struct mapping *mapping, struct iommu_gather *gather)
{
	uint32_t flags = 1 + (uint32_t)(random_next(numbers) % 3);
	uint64_t base = random_next(numbers) % TARGETS / LARGE * LARGE * PAGE_SIZE;

	if (mapping->pages) {
		unmap(device, origin, mapping, gather);
		return;
	}
	mapping->pages = random_next(numbers) % 3 ? 1 + random_next(numbers) % 20 : LARGE;
	mapping->first = random_next(numbers) % (PAGES - mapping->pages);
	if (mapping->pages == LARGE)
		mapping->first -= mapping->first % LARGE;
	if (!is_free(mapping)) {
		mapping->pages = 0;
		return;
	}
	cr_assert_eq(iommu_map(device->domain, iova(origin + mapping->first * PAGE_SIZE),
	                       paddr(base), mapping->pages * PAGE_SIZE, flags, gather),
	             0);
	for (uint64_t i = 0; i < mapping->pages; i++)
		expected[mapping->first + i] = (base + i * PAGE_SIZE) | flags;
}

void batches_run(const struct batches_device *device, uint64_t seed)
{
	struct mapping maps[MAPS] = {{0, 0}};
	struct random numbers = random_of(seed);
	uint64_t end = UINT64_C(1) << iommu_domain_address_bits(device->domain);
	uint64_t origin = end - PAGES * PAGE_SIZE;
	struct iommu_gather gather;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		device->forget();
		iommu_gather_init(&gather);
		for (uint64_t op = random_next(&numbers) % 12; op < 12; op++)
			step(device, origin, &numbers, &maps[random_next(&numbers) % MAPS],
			     &gather);
		cr_assert_eq(iommu_gather_flush(&gather), 0);
		check_pages(device, origin, random_next(&numbers) % (PAGES - LOOKED), LOOKED);
	}
	check_pages(device, origin, 0, PAGES);
	iommu_gather_init(&gather);
	for (size_t i = 0; i < MAPS; i++) {
		if (maps[i].pages)
			unmap(device, origin, &maps[i], &gather);
	}
	cr_assert_eq(iommu_gather_flush(&gather), 0);
	check_pages(device, origin, 0, PAGES);
}
