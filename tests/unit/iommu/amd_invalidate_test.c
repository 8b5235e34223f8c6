// SPDX-License-Identifier: MIT
/* Commands of an AMD-Vi unit: which, when, and what is done when they are not confirmed. */
#include <criterion/criterion.h>
#include <tests/random.h>
#include <tests/unit/iommu/amd_bed.h>

#include <arch/percpu.h>
#include <cordon/errno.h>
#include <drivers/iommu/amd/amd.h>
#include <kernel/account.h>
#include <kernel/heap.h>
#include <string.h>

#define BIT(n) (UINT64_C(1) << (n))

/* 2.4.3: with S the lowest clear bit from 12 on says half the size. */
static uint64_t operand(uint64_t first, uint64_t last)
{
	const struct iommu_block block = iommu_block_around(first, last);

	return amd_block_operand(&block);
}

Test(amd_encoding, size_of_a_block_is_in_its_address)
{
	cr_expect_eq(operand(0x5000, 0x5fff), 0x5000);
	cr_expect_eq(operand(0x4000, 0x5fff), 0x4001);
	cr_expect_eq(operand(0x4000, 0x7fff), 0x5001);
	cr_expect_eq(operand(0x5000, 0x6fff), 0x5001, "the block around both");
	cr_expect_eq(operand(0x0, 0xffff), 0x7001);
	cr_expect_eq(operand(0x7000, 0x8fff), 0x7001);
	cr_expect_eq(operand(0x200000, 0x3fffff), 0x2ff001);
	cr_expect_eq(operand(0, BIT(48) - 1), UINT64_C(0x7ffffffff001));
}

Test(amd_encoding, block_covers_the_range_whatever_it_is)
{
	struct random numbers = {9};

	for (unsigned int i = 0; i < 20000; i++) {
		uint64_t first = random_next(&numbers) >> 16 >> random_next(&numbers) % 36;
		uint64_t last = first + (random_next(&numbers) >> 30 >> random_next(&numbers) % 22);
		uint64_t address = operand(first & ~PAGE_MASK, last | PAGE_MASK);
		uint64_t size = PAGE_SIZE, start = address & ~PAGE_MASK;
		unsigned int bit = 12;

		if (address & 1) {
			while (address >> bit & 1)
				bit++;
			size = BIT(bit + 1);
			start &= ~(size - 1);
		}
		cr_assert(start <= first && start + size - 1 >= last, "%#llx-%#llx: %#llx",
		          (unsigned long long)first, (unsigned long long)last,
		          (unsigned long long)address);
		/* The half of it would not do. */
		cr_assert(size == PAGE_SIZE ||
		          (first < start + size / 2 && last >= start + size / 2));
	}
}

Test(amd_encoding, commands_of_an_unmap)
{
	bed_begin(BED_NO_ABSENT);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x5000, 0x300000, 0x1000, RW), 0);
	size_t before = bed_amdvi.command_count;
	cr_assert_eq(bed_unmap(domain, 0x5000, 0x1000), 0);
	cr_expect_eq(bed_amdvi.command_count, before + 2);
	cr_expect_eq(bed_command(1).low, UINT64_C(3) << 60 | (uint64_t)domain->id << 32);
	cr_expect_eq(bed_command(1).high, 0x5000, "one page, leaves only");
	cr_expect_eq(bed_command(0).low & ~UINT64_C(0x000ffffffffff000), UINT64_C(1) << 60 | 5,
	             "stores, and holds later commands back; no interrupt");
}

Test(amd_encoding, upper_entries_too_where_absence_is_cached)
{
	bed_begin(0);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x5000, 0x300000, 0x1000, RW), 0);
	cr_expect_eq(bed_command(1).high & 2, 2);
}

Test(amd_encoding, upper_entries_too_when_a_table_went)
{
	bed_begin(BED_NO_ABSENT);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x1000, 0x300000, 0x1000, RW), 0);
	cr_assert_eq(bed_unmap(domain, 0x1000, 0x1000), 0);
	cr_expect_eq(bed_command(1).high & 2, 0);
	cr_assert_eq(bed_map(domain, 0, 0x400000, 0x200000, RW), 0);
	cr_expect_eq(bed_command(1).high & 2, 2);
}

/* --- commands -------------------------------------------------------------------------------- */

/* How many bytes an unmap of a range invalidates. */
static uint64_t covered(struct iommu_domain *domain, uint64_t start, uint64_t size)
{
	uint64_t sum = 0;
	size_t before;

	cr_assert_eq(bed_map(domain, start, 0x10000000, size, RW), 0);
	before = bed_amdvi.command_count;
	cr_assert_eq(bed_unmap(domain, start, size), 0);
	for (size_t i = before; i < bed_amdvi.command_count - 1; i++) {
		uint64_t high = bed_amdvi.commands[i % AMDVI_LOG_SIZE].high;
		unsigned int bit = 12;

		while (bit < 63 && (high & 1) && (high >> bit & 1))
			bit++;
		sum += high & 1 ? BIT(bit + 1) : PAGE_SIZE;
	}
	return sum;
}

Test(amd_invalidate, pages_are_selected_and_not_much_more)
{
	bed_begin(BED_NO_ABSENT);
	struct iommu_domain *domain = bed_domain();
	cr_expect_eq(covered(domain, 0x1000, 0x1000), 0x1000);
	cr_expect_eq(covered(domain, 0x4000, 0x4000), 0x4000);
	cr_expect_eq(covered(domain, 0x7000, 0x2000), 0x2000, "across a large boundary");
	cr_expect_leq(covered(domain, 0x1ff000, 0x3000), 0x5000);
	for (uint64_t pages = 1; pages < 70; pages++)
		cr_expect_leq(covered(domain, 0x3f5000, pages * PAGE_SIZE), 4 * pages * PAGE_SIZE);
}

Test(amd_invalidate, whole_domain_when_there_are_too_many_ranges)
{
	struct iommu_gather gather;

	bed_begin(BED_NO_ABSENT);
	struct iommu_domain *domain = bed_domain();
	for (uint64_t i = 0; i < 20; i++)
		cr_assert_eq(bed_map(domain, i * 0x10000, 0x300000, 0x1000, RW), 0);
	size_t before = bed_amdvi.command_count;
	iommu_gather_init(&gather);
	for (uint64_t i = 0; i < 20; i++)
		iommu_unmap(domain, iova(i * 0x10000), 0x1000, &gather);
	cr_assert_eq(iommu_gather_flush(&gather), 0);
	cr_expect_eq(bed_amdvi.command_count, before + 2);
	cr_expect_eq(bed_command(1).high, UINT64_C(0x7ffffffffffff003));
}

Test(amd_invalidate, buffer_wraps)
{
	uint64_t target;

	bed_begin(0);
	struct iommu_domain *domain = bed_domain();
	for (unsigned int i = 0; i < 700; i++) {
		cr_assert_eq(bed_map(domain, 0x1000, 0x300000, 0x1000, RW), 0);
		cr_assert_eq(bed_reach(BED_SOURCE, 0x1000, true, &target), 0);
		cr_assert_eq(bed_unmap(domain, 0x1000, 0x1000), 0);
		cr_assert_eq(bed_reach(BED_SOURCE, 0x1000, true, &target), AMDVI_PAGE_FAULT);
		bed_forget_faults();
	}
	cr_expect_gt(bed_amdvi.command_count, 1000);
}

Test(amd_invalidate, slow_unit_is_waited_for)
{
	uint64_t target;

	bed_begin(0);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x1000, 0x300000, 0x1000, RW), 0);
	cr_assert_eq(bed_reach(BED_SOURCE, 0x1000, true, &target), 0);
	bed_amdvi.stalled = true;
	bed_amdvi.delay = 50;
	cr_assert_eq(bed_unmap(domain, 0x1000, 0x1000), 0);
	cr_expect_eq(bed_amdvi.delay, 0);
	cr_expect_eq(bed_reach(BED_SOURCE, 0x1000, true, &target), AMDVI_PAGE_FAULT);
}

Test(amd_invalidate, ids_come_again_only_after_a_flush_under_the_old_id)
{
	uint64_t target;

	bed_begin(0);
	for (unsigned int i = 0; i < IOMMU_DOMAINS_MAX + 10; i++) {
		struct iommu_domain *domain = bed_domain();

		bed.domain_count = 0;
		cr_assert_neq(domain->id, 0);
		cr_assert_eq(bed_map(domain, 0x1000, 0x300000 + i * PAGE_SIZE, 0x1000, RW), 0);
		cr_assert_eq(bed_reach(BED_SOURCE, 0x1000, true, &target), 0);
		cr_assert_eq(target, 0x300000 + i * PAGE_SIZE);
		cr_assert_eq(bed_unmap(domain, 0x1000, 0x1000), 0);
		cr_assert_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
		iommu_domain_destroy(domain);
	}
}

Test(amd_invalidate, ids_run_out_with_an_error)
{
	static struct iommu_domain *domains[IOMMU_DOMAINS_MAX];
	struct iommu_domain *none;

	bed_begin(BED_COHERENT);
	for (unsigned int i = 1; i < IOMMU_DOMAINS_MAX; i++)
		cr_assert_eq(iommu_domain_create(bed.unit, bed.account, &domains[i]), 0);
	uint64_t frames = fake_pages_used();
	cr_expect_eq(iommu_domain_create(bed.unit, bed.account, &none), -ENOSPC);
	cr_expect_eq(fake_pages_used(), frames);
	iommu_domain_destroy(domains[7]);
	cr_expect_eq(iommu_domain_create(bed.unit, bed.account, &domains[7]), 0);
}

Test(amd_invalidate, wait_stores_a_number_and_raises_no_interrupt)
{
	bed_begin(0);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0, 0x300000, 0x1000, RW), 0);
	struct amdvi_command first = bed_command(0);
	cr_expect_eq(first.low >> 60, 1);
	cr_expect_eq(first.low & 7, 5, "store, and later commands wait; no interrupt");
	cr_assert_eq(bed_unmap(domain, 0, 0x1000), 0);
	cr_expect_neq(bed_command(0).high, first.high, "each wait has a number of its own");
	cr_expect_eq(bed_amdvi.control & BIT(4), 0);
}

Test(amd_invalidate, entries_of_a_device_before_its_translations)
{
	bed_begin(0);
	struct iommu_domain *domain = bed_domain();
	size_t before = bed_amdvi.command_count;
	cr_assert_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_assert_eq(bed_amdvi.command_count, before + 4);
	cr_expect_eq(bed_command(3).low, UINT64_C(2) << 60 | BED_SOURCE);
	cr_expect_eq(bed_command(2).low >> 60, 1, "a wait between the two");
	cr_expect_eq(bed_command(1).low, UINT64_C(3) << 60 | (uint64_t)domain->id << 32);
	cr_expect_eq(bed_command(1).high, UINT64_C(0x7ffffffffffff003));
	cr_expect_eq(bed_command(0).low >> 60, 1);
}

Test(amd_invalidate, interrupt_tables_each_time_an_entry_changes)
{
	uint32_t index;

	bed_begin(0);
	cr_assert_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE}, (vector_t){0x51}, false, &index),
	        0);
	cr_expect_eq(bed_command(1).low, UINT64_C(5) << 60 | BED_SOURCE);
	cr_expect_eq(bed_command(3).low, UINT64_C(2) << 60 | BED_SOURCE, "the table is new");
	cr_assert_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE}, (vector_t){0x52}, false, &index),
	        0);
	cr_expect_eq(bed_command(3).low >> 60, 5, "the table is the same");
	cr_assert_eq(iommu_remap_free(bed.unit, index), 0);
	cr_expect_eq(bed_command(1).low, UINT64_C(5) << 60 | BED_SOURCE);
}

/* --- the end of a unit ----------------------------------------------------------------------- */

static void assert_dead(struct iommu_domain *domain)
{
	struct iommu_domain *other;
	uint32_t index;

	cr_expect_not(iommu_unit_alive(bed.unit));
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
	size_t writes = bed_amdvi.write_count;
	uint64_t frames = fake_pages_used(), target;
	cr_expect_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), -EIO);
	cr_expect_eq(amdvi_walk(&bed_amdvi, BED_SOURCE, 0, false, &target), AMDVI_PAGE_FAULT);
	iommu_domain_destroy(domain);
	cr_expect_eq(bed_amdvi.write_count, writes);
	cr_expect_eq(fake_pages_used(), frames, "frames it may still use were freed");
	cr_expect_eq(bed.account->used[CHARGE_KERNEL], ACCOUNT_OWN_MEMORY);
	cr_expect_eq(percpu()->obligations, 0);
	cr_expect(bed_amdvi.control & 1, "translation stays on");
}

Test(amd_dead, unit_that_does_not_confirm)
{
	bed_begin(BED_NO_ABSENT);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0, 0x300000, 0x1000, RW), 0);
	bed_amdvi.stalled = true;
	cr_expect_eq(bed_unmap(domain, 0, 0x1000), -EIO);
	assert_dead(domain);
}

Test(amd_dead, unit_that_refuses_a_command)
{
	bed_begin(BED_NO_ABSENT);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0, 0x300000, 0x1000, RW), 0);
	bed_amdvi.refuse = 1;
	bed_amdvi.relaxed = 0;
	cr_expect_eq(bed_unmap(domain, 0, 0x1000), -EIO);
	cr_expect_lt(bed_amdvi.relaxed, 10, "an error that is reported was waited for");
	assert_dead(domain);
}

Test(amd_dead, unit_that_refuses_the_wait)
{
	bed_begin(BED_NO_ABSENT);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0, 0x300000, 0x1000, RW), 0);
	bed_amdvi.refuse = 2;
	cr_expect_eq(bed_unmap(domain, 0, 0x1000), -EIO);
	assert_dead(domain);
}

Test(amd_dead, while_a_new_mapping_is_flushed)
{
	bed_begin(0);
	struct iommu_domain *domain = bed_domain();
	bed_amdvi.stalled = true;
	cr_expect_eq(bed_map(domain, 0, 0x300000, 0x1000, RW), -EIO);
	cr_expect_eq(bed_unmap(domain, 0, 0x1000), -EIO);
	assert_dead(domain);
}

Test(amd_dead, while_a_requester_is_blocked)
{
	uint64_t target;

	bed_begin(0);
	struct iommu_domain *domain = bed_domain();
	bed_amdvi.stalled = true;
	cr_expect_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), -EIO);
	cr_expect_not(iommu_unit_alive(bed.unit));
	/* The entry itself is blocked, whatever the unit remembers. */
	cr_expect_eq(amdvi_walk(&bed_amdvi, BED_SOURCE, 0, false, &target), AMDVI_PAGE_FAULT);
	iommu_domain_destroy(domain);
}

Test(amd_dead, entry_that_was_not_confirmed_absent_is_not_used_again)
{
	uint32_t index, other;

	bed_begin(0);
	cr_assert_eq(iommu_remap_alloc(bed.unit, (rid_t){1}, (vector_t){0x50}, false, &index), 0);
	bed_amdvi.stalled = true;
	cr_expect_eq(iommu_remap_free(bed.unit, index), -EIO);
	cr_expect_eq(iommu_remap_alloc(bed.unit, (rid_t){1}, (vector_t){0x50}, false, &other),
	             -ENODEV);
}

Test(amd_dead, while_a_requester_is_attached)
{
	struct iommu_domain *domain;
	uint64_t target;

	bed_begin(0);
	domain = bed_new_domain();
	bed_amdvi.stalled = true;
	size_t heap = heap_in_use();
	cr_expect_eq(iommu_attach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), -EIO);
	cr_expect_eq(heap_in_use(), heap);
	cr_expect_eq(amdvi_walk(&bed_amdvi, BED_SOURCE, 0, false, &target), AMDVI_PAGE_FAULT);
	iommu_domain_destroy(domain);
}
