/* SPDX-License-Identifier: MIT */
/*
 * IOVAs of every width: what a container says of it is what a device can use, with as many levels
 * of page tables. Arguments: the width and the levels that must come out.
 */
#include <cordon/errno.h>
#include <stdlib.h>
#include <string.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>
#include <tests/guest/vfio/edu.h>

#define PAGE     UINT64_C(4096)
#define RW       (CORDON_DMA_READ | CORDON_DMA_WRITE)
#define SIZE     256u
#define BITS_MIN 13u
#define BITS_MAX 63u

static struct edu edu;
static struct cordon_container_info info;
static cordon_handle_t memory;
static uint8_t *bytes; /* a page for each address below, and one to load from */

static uint64_t addresses[BITS_MAX];
static uint32_t count;

static int64_t map(uint64_t offset, uint64_t iova, uint64_t size)
{
	const struct cordon_dma_map args = {memory, RW, offset, iova, size};

	return cordon_container_map(edu.container, &args);
}

static bool usable(uint64_t iova)
{
	for (uint32_t i = 0; i < info.range_count; i++)
		if (iova >= info.ranges[i].start && iova + PAGE - 1 <= info.ranges[i].last)
			return true;
	return false;
}

/* One page for each bit of an address, no two with the same last bits: tables of every level. */
static void addresses_choose(uint32_t bits)
{
	for (uint32_t bit = BITS_MIN; bit < bits; bit++) {
		uint64_t iova = (UINT64_C(1) << bit) + (bit == BITS_MIN ? 0 : bit * PAGE);

		if (usable(iova))
			addresses[count++] = iova;
	}
	addresses[count++] = (UINT64_C(1) << bits) - PAGE;
}

static void test_description(uint32_t bits, uint32_t levels)
{
	struct cordon_iommu_desc unit = {0};

	tap_is(cordon_system_info(test_authority(), CORDON_SYSTEM_IOMMU, 0, &unit, sizeof(unit)), 0,
	       "the IOMMU is described");
	tap_is(unit.levels, levels, "with so many levels");
	tap_is(unit.address_bits, bits, "and so many bits");
	tap_is(cordon_container_info(edu.container, &info), 0, "so is the container");
	tap_is(info.address_bits, bits, "with as many");
	tap_ok(info.ranges[info.range_count - 1].last == (UINT64_C(1) << bits) - 1,
	       "and a last range that ends there");
}

static void test_limits(uint32_t bits)
{
	const uint64_t end = UINT64_C(1) << bits;

	tap_is(map(0, end, PAGE), -EINVAL, "a page beyond the width is refused");
	tap_is(map(0, end - PAGE, 2 * PAGE), -EINVAL, "and one that crosses it");
	tap_is(map(0, UINT64_C(1) << 63, PAGE), -EINVAL, "and one far beyond");
}

/* Whether a page has what was stored by way of its address, and nothing else. */
static bool arrived(uint32_t page)
{
	for (uint32_t i = 0; i < PAGE; i++)
		if (bytes[page * PAGE + i] != (i < SIZE ? (uint8_t)(page + i) : 0x11))
			return false;
	return true;
}

static void store_by(uint32_t page)
{
	for (uint32_t i = 0; i < SIZE; i++)
		bytes[count * PAGE + i] = (uint8_t)(page + i);
	if (map(count * PAGE, 0, PAGE))
		tap_bail("no mapping at 0");
	edu_fetch(&edu, 0, SIZE);
	if (cordon_container_unmap(edu.container, 0, PAGE, NULL))
		tap_bail("no unmap at 0");
	edu_store(&edu, addresses[page], SIZE);
}

static void test_reach(void)
{
	bool good = true;

	memset(bytes, 0x11, count * PAGE);
	for (uint32_t i = 0; i < count; i++)
		good &= map(i * PAGE, addresses[i], PAGE) == 0;
	tap_ok(good, "a page is mapped for each bit of an address, and the last");
	good = true;
	for (uint32_t i = 0; i < count; i++) {
		store_by(i);
		good &= arrived(i);
	}
	tap_ok(good, "what is stored by way of each arrives there");
	good = true;
	for (uint32_t i = 0; i < count; i++)
		good &= arrived(i);
	tap_ok(good, "and nowhere else");
	good = true;
	for (uint32_t i = 0; i < count; i++)
		good &= cordon_container_unmap(edu.container, addresses[i], PAGE, NULL) == 0;
	tap_ok(good, "each is unmapped");
}

int main(int argc, char **argv)
{
	uint32_t bits = argc > 2 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;

	if (bits < BITS_MIN || bits > BITS_MAX)
		tap_bail("a width from %u to %u is needed, and levels", BITS_MIN, BITS_MAX);
	bytes = test_memory((BITS_MAX + 1) * PAGE, 0, &memory);
	edu_start(&edu);
	test_description(bits, (uint32_t)strtoul(argv[2], NULL, 10));
	addresses_choose(bits);
	test_limits(bits);
	test_reach();
	edu_stop(&edu);
	return tap_done();
}
