// SPDX-License-Identifier: MIT
/* An AMD-Vi unit at work: what devices reach, what is flushed when, what happens when it stops. */
#include <criterion/criterion.h>
#include <tests/unit/iommu/amd_bed.h>
#include <tests/unit/iommu/random.h>

#include <arch/percpu.h>
#include <cordon/errno.h>
#include <drivers/iommu/amd/amd.h>
#include <kernel/account.h>
#include <kernel/heap.h>
#include <string.h>

#define BIT(n) (UINT64_C(1) << (n))
#define RW     (CORDON_DMA_READ | CORDON_DMA_WRITE)

static void begin(unsigned int kind)
{
	bed_prepare(AMDVI_FEATURES, kind);
	bed_start();
	cr_assert(iommu_usable(NULL));
}

static unsigned int reach(uint16_t source, uint64_t address, bool write, uint64_t *target)
{
	return amdvi_access(&bed_amdvi, source, address, write, target);
}

/* Faults are not what these tests are about. */
static void forget_faults(void)
{
	bed_amdvi.event_head = bed_amdvi.event_tail;
}

/* --- reach ----------------------------------------------------------------------------------- */

Test(amd_reach, device_reaches_what_is_mapped_with_its_rights)
{
	uint64_t target;

	begin(0);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x1000, 0x300000, 0x1000, CORDON_DMA_READ), 0);
	cr_assert_eq(bed_map(domain, 0x2000, 0x301000, 0x1000, CORDON_DMA_WRITE), 0);
	cr_assert_eq(bed_map(domain, 0x200000, 0x400000, 0x200000, RW), 0);
	cr_expect_eq(reach(BED_SOURCE, 0x1234, false, &target), 0);
	cr_expect_eq(target, 0x300234);
	cr_expect_eq(reach(BED_SOURCE, 0x1234, true, &target), AMDVI_PAGE_FAULT);
	cr_expect_eq(reach(BED_SOURCE, 0x2234, true, &target), 0);
	cr_expect_eq(target, 0x301234);
	cr_expect_eq(reach(BED_SOURCE, 0x2234, false, &target), AMDVI_PAGE_FAULT);
	cr_expect_eq(reach(BED_SOURCE, 0x3000, false, &target), AMDVI_PAGE_FAULT);
	cr_expect_eq(reach(BED_SOURCE, 0x212345, true, &target), 0);
	cr_expect_eq(target, 0x412345);
	cr_expect_eq(reach(BED_NEIGHBOUR, 0x1234, false, &target), AMDVI_PAGE_FAULT);
	cr_expect_eq(reach(BED_SOURCE, BIT(48) | 0x1000, false, &target), AMDVI_PAGE_FAULT);
}

Test(amd_reach, detached_requester_reaches_nothing)
{
	uint64_t target;

	begin(0);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x1000, 0x300000, 0x1000, RW), 0);
	cr_expect_eq(reach(BED_SOURCE, 0x1000, true, &target), 0);
	cr_assert_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_expect_eq(reach(BED_SOURCE, 0x1000, true, &target), AMDVI_PAGE_FAULT);
	cr_assert_eq(bed_unmap(domain, 0x1000, 0x1000), 0);
	iommu_domain_destroy(domain);
}

/* Else the unit would go on caching under the id, when another domain has it. */
Test(amd_reach, detached_requester_does_not_keep_the_domain_id)
{
	const uint64_t *entry;

	begin(0);
	struct iommu_domain *domain = bed_domain();
	entry = phys_to_virt(paddr((bed_amdvi.device_table & ~UINT64_C(0xfff)) + BED_SOURCE * 32));
	cr_expect_eq(entry[1] & 0xffff, domain->id);
	cr_assert_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_expect_eq(entry[1], 0);
}

Test(amd_reach, functions_that_share_an_id_leave_one_by_one)
{
	uint64_t target;

	begin(0);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(iommu_attach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_assert_eq(bed_map(domain, 0, 0x300000, 0x1000, RW), 0);
	cr_assert_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_expect_eq(reach(BED_SOURCE, 0, true, &target), 0);
	cr_assert_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_expect_eq(reach(BED_SOURCE, 0, true, &target), AMDVI_PAGE_FAULT);
}

Test(amd_reach, requester_is_in_one_domain_only)
{
	struct iommu_domain *other;

	begin(0);
	bed_domain();
	other = bed_new_domain();
	cr_expect_eq(iommu_attach(other, bed.unit, 0, (rid_t){BED_SOURCE}), -EBUSY);
}

/* A blocked requester asked before: the unit remembers its entry. */
Test(amd_reach, attaching_is_seen_where_the_blocked_entry_is_cached)
{
	uint64_t target;

	begin(0);
	cr_expect_eq(reach(BED_SOURCE, 0x1000, true, &target), AMDVI_PAGE_FAULT);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x1000, 0x300000, 0x1000, RW), 0);
	cr_expect_eq(reach(BED_SOURCE, 0x1000, true, &target), 0);
}

Test(amd_reach, domains_see_their_own_mappings_only)
{
	uint64_t target;

	begin(0);
	struct iommu_domain *one = bed_domain(), *two = bed_new_domain();
	cr_assert_eq(iommu_attach(two, bed.unit, 0, (rid_t){BED_NEIGHBOUR}), 0);
	cr_assert_eq(bed_map(one, 0x1000, 0x300000, 0x1000, RW), 0);
	cr_assert_eq(bed_map(two, 0x1000, 0x400000, 0x1000, RW), 0);
	cr_expect_eq(reach(BED_SOURCE, 0x1000, true, &target), 0);
	cr_expect_eq(target, 0x300000);
	cr_expect_eq(reach(BED_NEIGHBOUR, 0x1000, true, &target), 0);
	cr_expect_eq(target, 0x400000);
	cr_assert_eq(bed_unmap(one, 0x1000, 0x1000), 0);
	cr_expect_eq(reach(BED_SOURCE, 0x1000, true, &target), AMDVI_PAGE_FAULT);
	cr_expect_eq(reach(BED_NEIGHBOUR, 0x1000, true, &target), 0);
}

/* --- encodings, against literal values -------------------------------------------------------- */

Test(amd_encoding, device_table_entry_of_a_domain)
{
	const uint64_t *entry;

	begin(BED_COHERENT);
	struct iommu_domain *domain = bed_domain();
	entry = phys_to_virt(paddr((bed_amdvi.device_table & ~UINT64_C(0xfff)) + BED_SOURCE * 32));
	/* V, TV, mode 4, IR, IW. */
	cr_expect_eq(entry[0], UINT64_C(0x6000000000000803) | domain->table.root.raw);
	cr_expect_eq(entry[1], domain->id);
	cr_expect_eq(entry[2], 1);
	cr_expect_eq(entry[3], 0);
}

Test(amd_encoding, page_table_entries_of_every_level)
{
	const uint64_t *table;

	begin(BED_COHERENT);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0, UINT64_C(0x40000000), UINT64_C(0x40000000), RW), 0);
	cr_assert_eq(bed_map(domain, UINT64_C(0x40000000), 0x600000, 0x200000, CORDON_DMA_READ), 0);
	cr_assert_eq(bed_map(domain, UINT64_C(0x40200000), 0x345000, 0x1000, CORDON_DMA_WRITE), 0);
	table = phys_to_virt(domain->table.root);
	/* PR, IR, IW, next level 3. */
	cr_expect_eq(table[0] & ~UINT64_C(0x000ffffffffff000), UINT64_C(0x6000000000000601));
	table = phys_to_virt(paddr(table[0] & UINT64_C(0x000ffffffffff000)));
	/* A leaf of 1 GiB: PR, FC, IR, IW, next level 0. */
	cr_expect_eq(table[0], UINT64_C(0x7000000040000001));
	cr_expect_eq(table[1] & ~UINT64_C(0x000ffffffffff000), UINT64_C(0x6000000000000401));
	table = phys_to_virt(paddr(table[1] & UINT64_C(0x000ffffffffff000)));
	cr_expect_eq(table[0], UINT64_C(0x3000000000600001), "2 MiB to read");
	cr_expect_eq(table[1] & ~UINT64_C(0x000ffffffffff000), UINT64_C(0x6000000000000201));
	table = phys_to_virt(paddr(table[1] & UINT64_C(0x000ffffffffff000)));
	cr_expect_eq(table[0], UINT64_C(0x5000000000345001), "4 KiB to write");
	cr_assert_eq(bed_unmap(domain, UINT64_C(0x40200000), 0x1000), 0);
	cr_expect_eq(table[0], 0, "the whole entry goes");
}

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
	uint64_t state = 9;

	for (unsigned int i = 0; i < 20000; i++) {
		uint64_t first = machine_random(&state) >> 16 >> machine_random(&state) % 36;
		uint64_t last = first +
		                (machine_random(&state) >> 30 >> machine_random(&state) % 22);
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
	begin(BED_NO_ABSENT);
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
	begin(0);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x5000, 0x300000, 0x1000, RW), 0);
	cr_expect_eq(bed_command(1).high & 2, 2);
}

Test(amd_encoding, upper_entries_too_when_a_table_went)
{
	begin(BED_NO_ABSENT);
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
	begin(BED_NO_ABSENT);
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

	begin(BED_NO_ABSENT);
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

	begin(0);
	struct iommu_domain *domain = bed_domain();
	for (unsigned int i = 0; i < 700; i++) {
		cr_assert_eq(bed_map(domain, 0x1000, 0x300000, 0x1000, RW), 0);
		cr_assert_eq(reach(BED_SOURCE, 0x1000, true, &target), 0);
		cr_assert_eq(bed_unmap(domain, 0x1000, 0x1000), 0);
		cr_assert_eq(reach(BED_SOURCE, 0x1000, true, &target), AMDVI_PAGE_FAULT);
		forget_faults();
	}
	cr_expect_gt(bed_amdvi.command_count, 1000);
}

Test(amd_invalidate, slow_unit_is_waited_for)
{
	uint64_t target;

	begin(0);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x1000, 0x300000, 0x1000, RW), 0);
	cr_assert_eq(reach(BED_SOURCE, 0x1000, true, &target), 0);
	bed_amdvi.stalled = true;
	bed_amdvi.delay = 50;
	cr_assert_eq(bed_unmap(domain, 0x1000, 0x1000), 0);
	cr_expect_eq(bed_amdvi.delay, 0);
	cr_expect_eq(reach(BED_SOURCE, 0x1000, true, &target), AMDVI_PAGE_FAULT);
}

Test(amd_invalidate, ids_come_again_only_after_a_flush_under_the_old_id)
{
	uint64_t target;

	begin(0);
	for (unsigned int i = 0; i < IOMMU_DOMAINS_MAX + 10; i++) {
		struct iommu_domain *domain = bed_domain();

		bed.domain_count = 0;
		cr_assert_neq(domain->id, 0);
		cr_assert_eq(bed_map(domain, 0x1000, 0x300000 + i * PAGE_SIZE, 0x1000, RW), 0);
		cr_assert_eq(reach(BED_SOURCE, 0x1000, true, &target), 0);
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

	begin(BED_COHERENT);
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
	begin(0);
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
	begin(0);
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

	begin(0);
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
	cr_expect_eq(bed.account->used[CHARGE_FRAMES], 0);
	cr_expect_eq(percpu()->obligations, 0);
	cr_expect(bed_amdvi.control & 1, "translation stays on");
}

Test(amd_dead, unit_that_does_not_confirm)
{
	begin(BED_NO_ABSENT);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0, 0x300000, 0x1000, RW), 0);
	bed_amdvi.stalled = true;
	cr_expect_eq(bed_unmap(domain, 0, 0x1000), -EIO);
	assert_dead(domain);
}

Test(amd_dead, unit_that_refuses_a_command)
{
	begin(BED_NO_ABSENT);
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
	begin(BED_NO_ABSENT);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0, 0x300000, 0x1000, RW), 0);
	bed_amdvi.refuse = 2;
	cr_expect_eq(bed_unmap(domain, 0, 0x1000), -EIO);
	assert_dead(domain);
}

Test(amd_dead, while_a_new_mapping_is_flushed)
{
	begin(0);
	struct iommu_domain *domain = bed_domain();
	bed_amdvi.stalled = true;
	cr_expect_eq(bed_map(domain, 0, 0x300000, 0x1000, RW), -EIO);
	cr_expect_eq(bed_unmap(domain, 0, 0x1000), -EIO);
	assert_dead(domain);
}

Test(amd_dead, while_a_requester_is_blocked)
{
	uint64_t target;

	begin(0);
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

	begin(0);
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

	begin(0);
	domain = bed_new_domain();
	bed_amdvi.stalled = true;
	size_t heap = heap_in_use();
	cr_expect_eq(iommu_attach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), -EIO);
	cr_expect_eq(heap_in_use(), heap);
	cr_expect_eq(amdvi_walk(&bed_amdvi, BED_SOURCE, 0, false, &target), AMDVI_PAGE_FAULT);
	iommu_domain_destroy(domain);
}

/* --- interrupt remapping (S6) ---------------------------------------------------------------- */

static void check_remap(uint64_t features, bool level)
{
	uint32_t index, apic = 0, other;
	uint8_t vector;

	bed_prepare(features, 0);
	bed_start();
	cr_expect_eq(amdvi_interrupt(&bed_amdvi, BED_IOAPIC, 0x51, &vector, &apic),
	             AMDVI_PAGE_FAULT, "and the unit remembers that");
	cr_assert_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_IOAPIC}, (vector_t){0x51}, level, &index),
	        0);
	cr_expect_eq(index, 0x51);
	cr_assert_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE}, (vector_t){0x52}, false, &other),
	        0);
	cr_expect_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE}, (vector_t){0x51}, false, &other),
	        -ENOSPC, "a vector has one source");
	cr_expect_eq(amdvi_interrupt(&bed_amdvi, BED_IOAPIC, 0x51, &vector, &apic), AMDVI_OK);
	cr_expect_eq(vector, 0x51);
	cr_expect_eq(apic, MACHINE_APIC_ID);
	/* Every other index of this source, and every other source. */
	for (uint16_t data = 0; data < 0x800; data++) {
		if (data != 0x51)
			cr_assert_eq(amdvi_interrupt(&bed_amdvi, BED_IOAPIC, data, &vector, &apic),
			             AMDVI_PAGE_FAULT);
		if (data != 0x52)
			cr_assert_eq(amdvi_interrupt(&bed_amdvi, BED_SOURCE, data, &vector, &apic),
			             AMDVI_PAGE_FAULT);
		cr_assert_eq(amdvi_interrupt(&bed_amdvi, BED_NEIGHBOUR, data, &vector, &apic),
		             AMDVI_PAGE_FAULT);
	}
	/* What the unit has just looked up it remembers, absent or present. */
	cr_assert_eq(amdvi_interrupt(&bed_amdvi, BED_SOURCE, 0x53, &vector, &apic),
	             AMDVI_PAGE_FAULT);
	cr_assert_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE}, (vector_t){0x53}, false, &other),
	        0);
	cr_expect_eq(amdvi_interrupt(&bed_amdvi, BED_SOURCE, 0x53, &vector, &apic), AMDVI_OK);
	cr_expect_eq(amdvi_interrupt(&bed_amdvi, BED_IOAPIC, 0x51, &vector, &apic), AMDVI_OK);
	cr_assert_eq(iommu_remap_free(bed.unit, index), 0);
	cr_expect_eq(amdvi_interrupt(&bed_amdvi, BED_IOAPIC, 0x51, &vector, &apic),
	             AMDVI_PAGE_FAULT);
	cr_assert_eq(iommu_remap_alloc(bed.unit, (rid_t){BED_NEIGHBOUR}, (vector_t){0x51}, false,
	                               &index),
	             0);
	cr_expect_eq(amdvi_interrupt(&bed_amdvi, BED_IOAPIC, 0x51, &vector, &apic),
	             AMDVI_PAGE_FAULT);
	cr_expect_eq(amdvi_interrupt(&bed_amdvi, BED_NEIGHBOUR, 0x51, &vector, &apic), AMDVI_OK);
}

Test(amd_remap, wide_entries_are_for_one_source_one_vector_one_cpu)
{
	check_remap(AMDVI_FEATURES, false);
}

Test(amd_remap, narrow_entries_are_for_one_source_one_vector_one_cpu)
{
	check_remap(AMDVI_FEATURES & ~AMDVI_FEATURE_WIDE, false);
}

/* With a unit that can, and CPUs that could: 32 bits of the id count. */
static void check_extended(uint64_t features, bool possible, bool extended)
{
	uint32_t index, apic;
	uint8_t vector;

	machine_x2apic = possible;
	bed_prepare(features, 0);
	bed_start();
	cr_assert_eq(iommu_interrupts_extended(), extended);
	if (possible && !extended)
		return; /* the id fits in no entry, and the CPUs stay in the other mode */
	cr_assert_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE}, (vector_t){0x51}, false, &index),
	        0);
	cr_assert_eq(amdvi_interrupt(&bed_amdvi, BED_SOURCE, 0x51, &vector, &apic), AMDVI_OK);
	cr_expect_eq(apic, extended ? MACHINE_X2APIC_ID : MACHINE_APIC_ID);
	cr_expect_eq(vector, 0x51);
}

Test(amd_remap, S6_extended_entries_name_a_cpu_by_32_bits)
{
	check_extended(AMDVI_FEATURES | BIT(2), true, true);
}

Test(amd_remap, cpus_that_cannot_get_short_ids)
{
	check_extended(AMDVI_FEATURES | BIT(2), false, false);
}

Test(amd_remap, unit_that_cannot_is_not_extended)
{
	check_extended(AMDVI_FEATURES, true, false);
}

Test(amd_remap, narrow_entries_are_not_extended)
{
	check_extended((AMDVI_FEATURES | BIT(2)) & ~AMDVI_FEATURE_WIDE, true, false);
}

Test(amd_remap, level_interrupts_say_so_themselves)
{
	check_remap(AMDVI_FEATURES, true);
}

Test(amd_remap, attached_requester_keeps_its_table_and_its_entries)
{
	uint64_t target;
	uint32_t index, apic;
	uint8_t vector;

	begin(0);
	cr_assert_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE}, (vector_t){0x60}, false, &index),
	        0);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x1000, 0x300000, 0x1000, RW), 0);
	cr_expect_eq(amdvi_interrupt(&bed_amdvi, BED_SOURCE, 0x60, &vector, &apic), AMDVI_OK);
	cr_expect_eq(reach(BED_SOURCE, 0x1000, true, &target), 0);
}

/* Each entry of the table, in both formats: what is written is in no other entry's place. */
static void check_every_vector(uint64_t features)
{
	uint32_t index, apic;
	uint8_t vector;

	bed_prepare(features, BED_COHERENT);
	bed_start();
	for (uint16_t i = 0x20; i < 0x100; i++) {
		cr_assert_eq(iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE},
		                               (vector_t){(uint8_t)i}, false, &index),
		             0);
		bed_amdvi.write_count = bed_amdvi.command_count = 0;
	}
	for (uint16_t i = 0; i < 0x100; i++) {
		unsigned int code = amdvi_interrupt(&bed_amdvi, BED_SOURCE, i, &vector, &apic);

		forget_faults();
		cr_assert_eq(code, i < 0x20 ? AMDVI_PAGE_FAULT : AMDVI_OK, "%u", i);
		cr_assert(i < 0x20 || (vector == i && apic == MACHINE_APIC_ID));
	}
}

Test(amd_remap, every_wide_entry)
{
	check_every_vector(AMDVI_FEATURES);
}

Test(amd_remap, every_narrow_entry)
{
	check_every_vector(AMDVI_FEATURES & ~AMDVI_FEATURE_WIDE);
}

Test(amd_remap, without_a_unit_is_an_error)
{
	uint32_t index;

	cr_expect_eq(iommu_remap_alloc(NULL, (rid_t){1}, (vector_t){0x40}, false, &index), -ENODEV);
}

Test(amd_remap, no_memory_for_a_table_changes_nothing)
{
	uint32_t index;

	begin(0);
	fake_page_fail(1);
	cr_expect_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE}, (vector_t){0x60}, false, &index),
	        -ENOMEM);
	fake_page_fail(0);
	cr_expect_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE}, (vector_t){0x60}, false, &index),
	        0);
}

/* --- everything at random, on units of all kinds --------------------------------------------- */

static unsigned int random_access(uint64_t address, bool write, uint64_t *target)
{
	return reach(BED_SOURCE, address, write, target);
}

static void random_forget(void)
{
	forget_faults();
	bed_amdvi.command_count = bed_amdvi.write_count = 0;
}

static void run(unsigned int kind, uint64_t seed)
{
	begin(kind);
	const struct random_device device = {bed_domain(), random_access, random_forget};
	random_run(&device, seed);
	cr_assert_eq(iommu_detach(device.domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	iommu_domain_destroy(device.domain);
	cr_expect_eq(bed.account->used[CHARGE_FRAMES], 0);
	cr_expect_eq(percpu()->obligations, 0);
}

Test(amd_random, caches_absence_and_does_not_snoop)
{
	run(0, 1);
}

Test(amd_random, does_not_snoop)
{
	run(BED_NO_ABSENT, 2);
}

Test(amd_random, snoops)
{
	run(BED_COHERENT | BED_NO_ABSENT, 3);
}

Test(amd_random, snoops_and_caches_absence)
{
	run(BED_COHERENT, 4);
}
