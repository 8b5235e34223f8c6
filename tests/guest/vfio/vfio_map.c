/* SPDX-License-Identifier: MIT */
/*
 * What a DMA mapping means, shown with edu: which bytes its transfers reach, and which not (S2).
 */
#include <cordon/errno.h>
#include <string.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>
#include <tests/guest/vfio/edu.h>

#define PAGE UINT64_C(4096)
#define IOVA UINT64_C(0x40000000)
#define RW   (CORDON_DMA_READ | CORDON_DMA_WRITE)
#define SIZE 512u /* of most transfers */

static struct edu edu;

/* Memory of the test: pages that are nowhere adjacent. */
static cordon_handle_t memory;
static uint8_t *bytes;

#define PAGES 8

static int64_t map(cordon_handle_t handle, uint64_t offset, uint64_t iova, uint64_t size,
                   uint32_t flags)
{
	const struct cordon_dma_map args = {handle, flags, offset, iova, size};

	return cordon_container_map(edu.container, &args);
}

static void unmap_all(void)
{
	if (cordon_container_unmap(edu.container, 0, UINT64_MAX, NULL))
		tap_bail("unmap of everything failed");
}

static void fill(uint8_t *at, uint32_t size, uint8_t seed)
{
	for (uint32_t i = 0; i < size; i++)
		at[i] = (uint8_t)(seed + i * 7);
}

static bool filled(const uint8_t *at, uint32_t size, uint8_t seed)
{
	for (uint32_t i = 0; i < size; i++)
		if (at[i] != (uint8_t)(seed + i * 7))
			return false;
	return true;
}

static bool only(const uint8_t *at, uint64_t size, uint8_t value)
{
	for (uint64_t i = 0; i < size; i++)
		if (at[i] != value)
			return false;
	return true;
}

/* Loads a pattern into the device through a mapping of its own, which is gone afterwards. */
static void load(uint8_t seed)
{
	const uint64_t at = IOVA + 0x10000000;

	fill(bytes + 7 * PAGE, SIZE, seed);
	if (map(memory, 7 * PAGE, at, PAGE, CORDON_DMA_READ))
		tap_bail("map failed");
	edu_fetch(&edu, at, SIZE);
	if (cordon_container_unmap(edu.container, at, PAGE, NULL))
		tap_bail("unmap failed");
	memset(bytes, 0x11, 7 * PAGE);
}

/*
 * The fault of one transfer; false when there is none, or something else beside it. A unit may
 * record each beat of the transfer, and lose some.
 */
static bool take_fault(struct cordon_fault *fault)
{
	struct cordon_fault more[32];
	int64_t count = cordon_container_faults(edu.container, more, 32, NULL);

	if (count > 0)
		*fault = more[0];
	for (int64_t i = 1; i < count; i++) {
		if (more[i].device == fault->device && more[i].write == fault->write &&
		    more[i].reason == fault->reason &&
		    more[i].address / PAGE == fault->address / PAGE)
			continue;
		tap_note("fault %lld of %lld is another one", (long long)i, (long long)count);
		return false;
	}
	return count > 0;
}

/* Whether a fault is at a page, and for this reason; a unit may be known to tell neither. */
static bool is_fault(const struct cordon_fault *fault, uint64_t page,
                     enum cordon_fault_reason reason)
{
	struct cordon_iommu_desc unit = {0};

	if (fault->address != CORDON_FAULT_NO_ADDRESS)
		return fault->address / PAGE == page / PAGE && fault->reason == reason;
	return cordon_system_info(test_authority(), CORDON_SYSTEM_IOMMU, 0, &unit, sizeof(unit)) ==
	               0 &&
	       !unit.reports_addresses;
}

/* A result about the one fault that was recorded. A unit may be known to block without recording:
 * then the bytes of memory, which are checked in any case, are all the proof there is. */
static void fault_ok(bool right, const char *name)
{
	struct cordon_iommu_desc unit = {0};

	if (cordon_system_info(test_authority(), CORDON_SYSTEM_IOMMU, 0, &unit, sizeof(unit)))
		tap_bail("no IOMMU described");
	if (unit.reports_faults)
		tap_ok(right, "%s", name);
	else
		tap_skip("this IOMMU reports no faults", "%s", name);
}

static void drop_faults(void)
{
	struct cordon_fault fault;

	while (cordon_container_faults(edu.container, &fault, 1, NULL) > 0)
		;
}

static void test_reach(void)
{
	load(1);
	map(memory, 2 * PAGE, IOVA, PAGE, RW);
	edu_store(&edu, IOVA + 100, SIZE);
	tap_ok(filled(bytes + 2 * PAGE + 100, SIZE, 1), "a write arrives at its offset");
	tap_ok(only(bytes, 2 * PAGE + 100, 0x11) &&
	               only(bytes + 2 * PAGE + 100 + SIZE, 5 * PAGE - 100 - SIZE, 0x11),
	       "and nowhere else");
	unmap_all();
}

static void test_scattered(void)
{
	load(2);
	tap_is(map(memory, 0, IOVA, 7 * PAGE, RW), 0, "scattered pages map as one");
	edu_store(&edu, IOVA + 3 * PAGE - SIZE / 2, SIZE);
	tap_ok(filled(bytes + 3 * PAGE - SIZE / 2, SIZE, 2), "a write crosses into the next frame");
	tap_ok(only(bytes, 3 * PAGE - SIZE / 2, 0x11), "the pages before are untouched");
	unmap_all();
}

/* What the task unmaps for itself stays mapped for the device. */
static void test_own_range(void)
{
	struct cordon_memory_map again = {.size = 2 * PAGE, .prot = CORDON_PROT_READ};
	cordon_handle_t handle;
	uint8_t *own = test_memory(2 * PAGE, 0, &handle);

	load(3);
	memset(own, 0x22, 2 * PAGE);
	tap_is(map(CORDON_HANDLE_NONE, (uintptr_t)own, IOVA, 2 * PAGE, RW), 0,
	       "a range of the own space maps");
	cordon_memory_unmap((uintptr_t)own, 2 * PAGE);
	edu_store(&edu, IOVA + PAGE, SIZE);
	again.offset = 0;
	cordon_memory_map(handle, &again);
	tap_ok(filled((uint8_t *)(uintptr_t)again.address + PAGE, SIZE, 3),
	       "the device reaches it after the task unmapped it");
	unmap_all();
	cordon_memory_unmap(again.address, again.size);
	cordon_handle_close(handle);
}

static void test_directions(void)
{
	struct cordon_fault fault = {0};

	load(4);
	drop_faults();
	map(memory, 0, IOVA, PAGE, CORDON_DMA_READ);
	edu_store(&edu, IOVA, SIZE);
	tap_ok(only(bytes, 7 * PAGE, 0x11), "S2: a write to a mapping for reading changes nothing");
	fault_ok(take_fault(&fault) && fault.write && fault.device == edu.bdf &&
	                 is_fault(&fault, IOVA, CORDON_FAULT_WRITE_DENIED),
	         "S2: it is a fault of this device: write denied");
	unmap_all();

	load(5);
	drop_faults();
	fill(bytes, SIZE, 99);
	map(memory, 0, IOVA, PAGE, CORDON_DMA_WRITE);
	edu_fetch(&edu, IOVA, SIZE);
	fault_ok(take_fault(&fault) && !fault.write &&
	                 is_fault(&fault, IOVA, CORDON_FAULT_READ_DENIED),
	         "S2: a read of a mapping for writing is a fault");
	memset(bytes, 0x11, PAGE);
	edu_store(&edu, IOVA, SIZE);
	tap_ok(!filled(bytes, SIZE, 99), "S2: and discloses nothing");
	unmap_all();
}

static void test_unmapped(void)
{
	struct cordon_fault fault = {0};

	load(6);
	drop_faults();
	map(memory, 0, IOVA, PAGE, RW);
	edu_store(&edu, IOVA, SIZE); /* so that the unit has the translation cached */
	tap_ok(filled(bytes, SIZE, 6), "control: it was mapped");
	memset(bytes, 0x11, PAGE);
	unmap_all();
	edu_store(&edu, IOVA, SIZE);
	tap_ok(only(bytes, 7 * PAGE, 0x11), "S2: after unmap returned a write reaches nothing");
	fault_ok(take_fault(&fault) && is_fault(&fault, IOVA, CORDON_FAULT_NOT_PRESENT),
	         "S2: it is a fault: not present");
	fault_ok(strcmp(fault.task_name, "vfio_map") == 0 && fault.task != 0,
	         "the fault names the task");
}

static void test_neighbours(void)
{
	struct cordon_fault fault = {0};

	load(7);
	drop_faults();
	map(memory, PAGE, IOVA, PAGE, RW);
	edu_store(&edu, IOVA + PAGE - SIZE / 2, SIZE);
	tap_ok(only(bytes + 2 * PAGE, 5 * PAGE, 0x11) && only(bytes, PAGE, 0x11),
	       "S2: a write across the end of a mapping stays inside");
	fault_ok(take_fault(&fault) && is_fault(&fault, IOVA + PAGE, CORDON_FAULT_NOT_PRESENT),
	         "S2: the rest is a fault");
	unmap_all();
}

/* One IOVA given from one frame to another in a single batch: the old frame is not reached after
 * it, although the unit had the old translation. */
static void test_batch(void)
{
	struct cordon_dma_op ops[] = {
	        {.op = CORDON_DMA_OP_UNMAP, .map = {.iova = IOVA, .size = PAGE}},
	        {.op = CORDON_DMA_OP_MAP, .map = {memory, RW, 5 * PAGE, IOVA, PAGE}},
	};

	load(8);
	map(memory, 0, IOVA, PAGE, RW);
	edu_store(&edu, IOVA, SIZE);
	memset(bytes, 0x11, PAGE);
	tap_is(cordon_container_batch(edu.container, ops, 2), 2, "a batch moves an IOVA");
	edu_store(&edu, IOVA, SIZE);
	tap_ok(filled(bytes + 5 * PAGE, SIZE, 8), "the new frame gets the write");
	tap_ok(only(bytes, 5 * PAGE, 0x11), "S3: the old one does not");
	unmap_all();
}

static void test_large(void)
{
	struct cordon_container_info info;
	cordon_handle_t huge;
	uint8_t *at;
	const uint64_t size = UINT64_C(2) << 20;

	if (cordon_memory_create(size, CORDON_MEMORY_HUGE, &huge)) {
		tap_ok(true, "large pages # SKIP no memory for one");
		return;
	}
	cordon_handle_close(huge);
	at = test_memory(size, CORDON_MEMORY_HUGE, &huge);
	cordon_container_info(edu.container, &info);
	tap_ok(info.page_sizes & size, "the unit has leaves of 2 MiB");
	load(9);
	tap_is(map(huge, 0, IOVA, size, RW), 0, "a large page maps");
	edu_store(&edu, IOVA + size - SIZE, SIZE);
	tap_ok(filled(at + size - SIZE, SIZE, 9), "its last bytes are reached");
	unmap_all();

	/* Where a large leaf was, small ones fit, and the other way. */
	tap_is(map(memory, 0, IOVA + PAGE, PAGE, RW), 0, "small pages map where the large one was");
	edu_store(&edu, IOVA + PAGE, SIZE);
	tap_ok(filled(bytes, SIZE, 9), "and are reached");
	unmap_all();
	memset(at, 0, size);
	tap_is(map(huge, 0, IOVA, size, RW), 0, "and the large one again");
	edu_store(&edu, IOVA + PAGE, SIZE);
	tap_ok(filled(at + PAGE, SIZE, 9) && only(bytes + SIZE, PAGE - SIZE, 0x11),
	       "the large one is reached, the small one is not");
	unmap_all();
	cordon_handle_close(huge);
}

static void test_top(void)
{
	struct cordon_container_info info;
	uint64_t last;

	cordon_container_info(edu.container, &info);
	last = info.ranges[info.range_count - 1].last;
	load(10);
	tap_is(map(memory, 0, last + 1 - PAGE, PAGE, RW), 0, "the last page of the IOVAs maps");
	edu_store(&edu, last + 1 - PAGE, SIZE);
	tap_ok(filled(bytes, SIZE, 10), "and is reached");
	tap_is(map(memory, PAGE, 0, PAGE, RW), 0, "IOVA 0 maps");
	edu_store(&edu, 0, SIZE);
	tap_ok(filled(bytes + PAGE, SIZE, 10), "and is reached");
	unmap_all();
}

/* Frames are given back, and budgets, whatever was mapped. */
static void test_no_leak(void)
{
	struct cordon_container_info info;
	cordon_handle_t handle;

	for (int round = 0; round < 50; round++) {
		if (cordon_memory_create(64 * PAGE, CORDON_MEMORY_SCATTER, &handle))
			tap_bail("memory runs out in round %d", round);
		if (map(handle, 0, IOVA, 64 * PAGE, RW))
			tap_bail("mappings run out in round %d", round);
		cordon_handle_close(handle);
		unmap_all();
	}
	cordon_container_info(edu.container, &info);
	tap_ok(info.mappings == 0 && info.mapped_bytes == 0, "50 rounds leave nothing");
}

int main(void)
{
	edu_start(&edu);
	bytes = test_memory(PAGES * PAGE, CORDON_MEMORY_SCATTER, &memory);
	test_reach();
	test_scattered();
	test_own_range();
	test_directions();
	test_unmapped();
	test_neighbours();
	test_batch();
	test_large();
	test_top();
	test_no_leak();
	edu_stop(&edu);
	return tap_done();
}
