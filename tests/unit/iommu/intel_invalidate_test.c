// SPDX-License-Identifier: MIT
/* Descriptors of a VT-d unit: which, when, and what is done when they are not confirmed. */
#include <criterion/criterion.h>
#include <tests/random.h>
#include <tests/unit/iommu/intel_bed.h>

#include <arch/percpu.h>
#include <cordon/errno.h>
#include <drivers/iommu/intel/intel.h>
#include <kernel/account.h>
#include <kernel/heap.h>
#include <string.h>

#define BIT(n) (UINT64_C(1) << (n))

Test(invalidate, block_is_aligned_and_covers_the_range)
{
	struct random numbers = {7};

	for (unsigned int i = 0; i < 100000; i++) {
		uint64_t first = random_next(&numbers) >> (16 + random_next(&numbers) % 36);
		uint64_t last = first +
		                (random_next(&numbers) >> (20 + random_next(&numbers) % 40));
		first &= ~PAGE_MASK;
		last |= PAGE_MASK;
		struct iommu_block block = iommu_block_around(first, last), blocks[2];
		uint64_t size = PAGE_SIZE << block.order;
		cr_assert_eq(block.address % size, 0);
		cr_assert(block.address <= first && last - block.address < size);
		/* No smaller aligned block would do. */
		cr_assert(block.order == 0 || (first ^ last) & (size / 2));
		/* Nor do two leave a hole. */
		unsigned int count = iommu_blocks_of(first, last, blocks);
		cr_assert_leq(blocks[0].address, first);
		cr_assert(count == 1 ||
		          blocks[0].address + (PAGE_SIZE << blocks[0].order) >= blocks[1].address);
		cr_assert_lt(last - blocks[count - 1].address,
		             PAGE_SIZE << blocks[count - 1].order);
	}
}

/* Unmaps a range and returns how many pages the descriptors covered, which must include it. */
static uint64_t covered(struct iommu_domain *domain, uint64_t start, uint64_t size)
{
	uint64_t pages = 0, found = 0;

	cr_assert_eq(bed_map(domain, start, start, size, RW), 0);
	size_t before = bed_vtd.descriptor_count;
	cr_assert_eq(bed_unmap(domain, start, size), 0);
	for (size_t i = before; i < bed_vtd.descriptor_count; i++) {
		uint64_t low = bed_vtd.descriptors[i].low, high = bed_vtd.descriptors[i].high;

		if ((low & 0xf) != 2)
			continue;
		cr_assert_eq(low >> 16 & 0xffff, domain->id);
		cr_assert_eq(low & 0xc0, 0xc0, "no drain");
		if ((low & 0x30) == 0x20)
			return UINT64_MAX;
		uint64_t block = UINT64_C(4096) << (high & 0x3f);
		uint64_t first = high & ~UINT64_C(0xfff), last = first + block - 1;
		pages += block / 4096;
		if (first < start)
			first = start;
		if (last > start + size - 1)
			last = start + size - 1;
		found += last - first + 1;
	}
	cr_assert_eq(found, size, "%#llx+%#llx is not covered once", (unsigned long long)start,
	             (unsigned long long)size);
	return pages;
}

Test(invalidate, pages_are_selected_and_not_much_more)
{
	struct random numbers = {1};

	bed_begin(VTD_CAP_39, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	cr_expect_eq(covered(domain, 0x5000, 0x1000), 1);
	cr_expect_eq(covered(domain, SIZE_2M, SIZE_2M), 512);
	cr_expect_eq(covered(domain, SIZE_1G, SIZE_1G), 512 * 512);
	/* Two pages across a gigabyte boundary are not a whole address space. */
	cr_expect_eq(covered(domain, SIZE_1G - 0x1000, 0x2000), 2);
	for (unsigned int i = 0; i < 200; i++) {
		uint64_t pages = 1 + random_next(&numbers) % 3000;
		uint64_t start = random_next(&numbers) % 500000 * PAGE_SIZE;
		cr_assert_leq(covered(domain, start, pages * PAGE_SIZE), 4 * pages);
		bed_vtd.descriptor_count = bed_vtd.write_count = 0;
	}
}

Test(invalidate, whole_domain_when_the_unit_has_no_mask_for_it)
{
	bed_begin(VTD_CAP_39, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	/* MAMV 18 is 1 GiB. */
	cr_expect_eq(covered(domain, 4 * SIZE_1G, 4 * SIZE_1G), UINT64_MAX);
}

Test(invalidate, whole_domain_takes_the_place_of_what_was_said_before)
{
	struct iommu_gather gather;

	bed_begin(VTD_CAP_39, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x1000, 0x1000, 0x1000, RW), 0);
	cr_assert_eq(bed_map(domain, 4 * SIZE_1G, 0, 4 * SIZE_1G, RW), 0);
	iommu_gather_init(&gather);
	iommu_unmap(domain, iova(0x1000), 0x1000, &gather);
	iommu_unmap(domain, iova(4 * SIZE_1G), 4 * SIZE_1G, &gather);
	size_t before = bed_vtd.descriptor_count;
	cr_assert_eq(iommu_gather_flush(&gather), 0);
	cr_expect_eq(bed_vtd.descriptor_count, before + 2);
	cr_expect_eq(bed_last_descriptor().low & 0x3f, 0x22);
}

Test(invalidate, whole_domain_without_page_selection)
{
	bed_begin(VTD_CAP_39 & ~BIT(39), VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	cr_expect_eq(covered(domain, 0x1000, 0x1000), UINT64_MAX);
}

Test(invalidate, leaf_only_hint_unless_a_table_went)
{
	bed_begin(VTD_CAP_39, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0, 0x1000, 0x1000, RW), 0);
	cr_assert_eq(bed_unmap(domain, 0, 0x1000), 0);
	cr_expect_eq(bed_last_descriptor().high & 0x40, 0x40);
	cr_assert_eq(bed_map(domain, 0, 0, SIZE_2M, RW), 0);
	cr_expect_eq(bed_last_descriptor().low & 0x3f, 0x32);
	cr_expect_eq(bed_last_descriptor().high & 0x40, 0);
}

Test(invalidate, queue_wraps)
{
	uint64_t target;

	bed_begin(VTD_CAP_39, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	/* Two or three slots a round: the end of the ring falls between them in both ways. */
	for (unsigned int i = 0; i < 1000; i++) {
		uint64_t start = SIZE_1G - 0x1000 * (1 + i % 2), size = i % 3 ? 0x1000 : 0x3000;

		bed_vtd.descriptor_count = bed_vtd.write_count = 0;
		cr_assert_eq(bed_map(domain, start, 0x100000 + i * 0x3000, size, RW), 0);
		cr_assert_eq(bed_reach(BED_SOURCE, start, true, &target), 0);
		cr_assert_eq(target, 0x100000 + i * 0x3000);
		cr_assert_eq(bed_unmap(domain, start, size), 0);
		cr_assert_eq(bed_reach(BED_SOURCE, start, true, &target), 5);
		bed_forget_faults();
	}
}

Test(invalidate, slow_unit_is_waited_for)
{
	bed_begin(VTD_CAP_39, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0, 0x1000, 0x1000, RW), 0);
	bed_vtd.relaxed = 0;
	bed_vtd.delay = 500; /* microseconds */
	cr_expect_eq(bed_unmap(domain, 0, 0x1000), 0);
	cr_expect_geq(bed_vtd.relaxed, 500);
	cr_expect(iommu_unit_alive(bed.unit));
}

Test(invalidate, interrupt_entries_each_time_one_changes)
{
	uint32_t index;

	bed_begin(VTD_CAP_39, VTD_ECAP);
	cr_assert_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE}, (vector_t){0x51}, false, &index),
	        0);
	cr_expect_eq(bed_last_descriptor().low, UINT64_C(0x14) | (uint64_t)index << 32);
	cr_assert_eq(iommu_remap_free(bed.unit, index), 0);
	cr_expect_eq(bed_last_descriptor().low, UINT64_C(0x14) | (uint64_t)index << 32);
}

Test(invalidate, wait_stores_a_status_and_raises_no_interrupt)
{
	bed_begin(VTD_CAP_39, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0, 0x1000, 0x1000, RW), 0);
	cr_assert_eq(bed_unmap(domain, 0, 0x1000), 0);
	struct vtd_descriptor wait = bed_vtd.descriptors[bed_vtd.descriptor_count - 1];
	cr_expect_eq(wait.low & 0xffffffff, 0x25, "status write and nothing else");
}

/* --- the end of a unit ----------------------------------------------------------------------- */

static void assert_dead(struct iommu_domain *domain)
{
	struct iommu_domain *other;
	uint32_t index;
	const char *why;

	cr_expect_not(iommu_unit_alive(bed.unit));
	cr_expect_not(iommu_usable(&why));
	cr_expect(strstr(why, "stopped answering"), "%s", why);
	cr_expect_eq(machine_master_calls(bed.function, false), 1);
	cr_expect_eq(machine_master_calls(bed.neighbour, false), 1);
	cr_expect_eq(machine_master_off_when_refused(bed.function), 1,
	             "who asks for it meanwhile would get it");
	cr_expect_not_null(bed.function->refused);
	cr_expect_eq(iommu_domain_create(bed.unit, bed.account, &other), -ENODEV);
	cr_expect_eq(iommu_attach(domain, bed.unit, 0, (rid_t){BED_NEIGHBOUR}), -ENODEV);
	cr_expect_eq(iommu_remap_alloc(bed.unit, (rid_t){1}, (vector_t){0x50}, false, &index),
	             -ENODEV);
	/* Nothing more is asked of it, and what is left can be taken apart without it. */
	size_t writes = bed_vtd.write_count;
	uint64_t frames = fake_pages_used();
	cr_expect_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), -EIO);
	iommu_domain_destroy(domain);
	cr_expect_eq(bed_vtd.write_count, writes);
	cr_expect_eq(fake_pages_used(), frames, "frames it may still use were freed");
	cr_expect_eq(bed.account->used[CHARGE_KERNEL], ACCOUNT_OWN_MEMORY);
	cr_expect_eq(percpu()->obligations, 0);
	/* Translation stays on. */
	cr_expect(bed_vtd.gsts & 0x80000000u);
}

Test(dead, unit_that_does_not_confirm)
{
	bed_begin(VTD_CAP_39, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0, 0x1000, 0x1000, RW), 0);
	bed_vtd.queue_stalled = true;
	uint64_t before = fake_fences;
	cr_expect_eq(bed_unmap(domain, 0, 0x1000), -EIO);
	cr_expect_gt(fake_fences, before);
	assert_dead(domain);
}

Test(dead, unit_that_refuses_a_descriptor)
{
	bed_begin(VTD_CAP_39, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0, 0x1000, 0x1000, RW), 0);
	bed_vtd.refuse = 1;
	bed_vtd.relaxed = 0;
	cr_expect_eq(bed_unmap(domain, 0, 0x1000), -EIO);
	cr_expect_lt(bed_vtd.relaxed, 10, "an error that is reported was waited for");
	assert_dead(domain);
}

Test(dead, unit_that_refuses_the_wait)
{
	bed_begin(VTD_CAP_39, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0, 0x1000, 0x1000, RW), 0);
	bed_vtd.refuse = 2;
	cr_expect_eq(bed_unmap(domain, 0, 0x1000), -EIO);
	assert_dead(domain);
}

Test(dead, while_a_requester_is_blocked)
{
	bed_begin(VTD_CAP_39, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	bed_vtd.queue_stalled = true;
	cr_expect_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), -EIO);
	cr_expect_not(iommu_unit_alive(bed.unit));
	/* The entry itself is gone, whatever the unit remembers. */
	uint64_t target;
	cr_expect_eq(vtd_walk(&bed_vtd, BED_SOURCE, 0, false, &target), 2);
	iommu_domain_destroy(domain);
}

Test(dead, while_a_requester_is_attached)
{
	struct iommu_domain *domain;

	bed_begin(VTD_CAP_39, VTD_ECAP);
	domain = bed_new_domain();
	bed_vtd.queue_stalled = true;
	size_t heap = heap_in_use();
	cr_expect_eq(iommu_attach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), -EIO);
	cr_expect_eq(heap_in_use(), heap);
	uint64_t target;
	cr_expect_eq(vtd_walk(&bed_vtd, BED_SOURCE, 0, false, &target), 2);
	iommu_domain_destroy(domain);
}

Test(dead, entry_that_was_not_confirmed_absent_is_not_used_again)
{
	uint32_t index, other;

	bed_begin(VTD_CAP_39, VTD_ECAP);
	cr_assert_eq(iommu_remap_alloc(bed.unit, (rid_t){1}, (vector_t){0x50}, false, &index), 0);
	bed_vtd.queue_stalled = true;
	cr_expect_eq(iommu_remap_free(bed.unit, index), -EIO);
	cr_expect_eq(iommu_remap_alloc(bed.unit, (rid_t){1}, (vector_t){0x50}, false, &other),
	             -ENODEV);
}
