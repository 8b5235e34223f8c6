// SPDX-License-Identifier: MIT
/* Domains, invalidation, faults and interrupt remapping on the model of an AMD-Vi unit. */
#include <criterion/criterion.h>
#include <tests/unit/iommu/amd_bed.h>

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
	return amdvi_access(&bed.amdvi, source, address, write, target);
}

/* Faults are not what these tests are about. */
static void forget_faults(void)
{
	bed.amdvi.event_head = bed.amdvi.event_tail;
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
	entry = phys_to_virt(paddr((bed.amdvi.device_table & ~UINT64_C(0xfff)) + BED_SOURCE * 32));
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
Test(amd_encoding, size_of_a_block_is_in_its_address)
{
	cr_expect_eq(amd_block_around(0x5000, 0x5fff), 0x5000);
	cr_expect_eq(amd_block_around(0x4000, 0x5fff), 0x4001);
	cr_expect_eq(amd_block_around(0x4000, 0x7fff), 0x5001);
	cr_expect_eq(amd_block_around(0x5000, 0x6fff), 0x5001, "the block around both");
	cr_expect_eq(amd_block_around(0x0, 0xffff), 0x7001);
	cr_expect_eq(amd_block_around(0x7000, 0x8fff), 0x7001);
	cr_expect_eq(amd_block_around(0x200000, 0x3fffff), 0x2ff001);
	cr_expect_eq(amd_block_around(0, BIT(48) - 1), UINT64_C(0x7ffffffff001));
}

Test(amd_encoding, block_covers_the_range_whatever_it_is)
{
	uint64_t state = 9;

	for (unsigned int i = 0; i < 20000; i++) {
		uint64_t first = machine_random(&state) >> 16 >> machine_random(&state) % 36;
		uint64_t last = first +
		                (machine_random(&state) >> 30 >> machine_random(&state) % 22);
		uint64_t address = amd_block_around(first & ~PAGE_MASK, last | PAGE_MASK);
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
	size_t before = bed.amdvi.command_count;
	cr_assert_eq(bed_unmap(domain, 0x5000, 0x1000), 0);
	cr_expect_eq(bed.amdvi.command_count, before + 2);
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
	before = bed.amdvi.command_count;
	cr_assert_eq(bed_unmap(domain, start, size), 0);
	for (size_t i = before; i < bed.amdvi.command_count - 1; i++) {
		uint64_t high = bed.amdvi.commands[i % AMDVI_LOG_SIZE].high;
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
	size_t before = bed.amdvi.command_count;
	iommu_gather_init(&gather);
	for (uint64_t i = 0; i < 20; i++)
		iommu_unmap(domain, iova(i * 0x10000), 0x1000, &gather);
	cr_assert_eq(iommu_gather_flush(&gather), 0);
	cr_expect_eq(bed.amdvi.command_count, before + 2);
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
	cr_expect_gt(bed.amdvi.command_count, 1000);
}

Test(amd_invalidate, slow_unit_is_waited_for)
{
	uint64_t target;

	begin(0);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x1000, 0x300000, 0x1000, RW), 0);
	cr_assert_eq(reach(BED_SOURCE, 0x1000, true, &target), 0);
	bed.amdvi.stalled = true;
	bed.amdvi.delay = 50;
	cr_assert_eq(bed_unmap(domain, 0x1000, 0x1000), 0);
	cr_expect_eq(bed.amdvi.delay, 0);
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
	size_t writes = bed.amdvi.write_count;
	uint64_t frames = fake_pages_used(), target;
	cr_expect_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), -EIO);
	cr_expect_eq(amdvi_walk(&bed.amdvi, BED_SOURCE, 0, false, &target), AMDVI_PAGE_FAULT);
	iommu_domain_destroy(domain);
	cr_expect_eq(bed.amdvi.write_count, writes);
	cr_expect_eq(fake_pages_used(), frames, "frames it may still use were freed");
	cr_expect_eq(bed.account->used[CHARGE_FRAMES], 0);
	cr_expect_eq(percpu()->obligations, 0);
	cr_expect(bed.amdvi.control & 1, "translation stays on");
}

Test(amd_dead, unit_that_does_not_confirm)
{
	begin(BED_NO_ABSENT);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0, 0x300000, 0x1000, RW), 0);
	bed.amdvi.stalled = true;
	cr_expect_eq(bed_unmap(domain, 0, 0x1000), -EIO);
	assert_dead(domain);
}

Test(amd_dead, unit_that_refuses_a_command)
{
	begin(BED_NO_ABSENT);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0, 0x300000, 0x1000, RW), 0);
	bed.amdvi.refuse = 1;
	bed.amdvi.relaxed = 0;
	cr_expect_eq(bed_unmap(domain, 0, 0x1000), -EIO);
	cr_expect_lt(bed.amdvi.relaxed, 10, "an error that is reported was waited for");
	assert_dead(domain);
}

Test(amd_dead, while_a_requester_is_attached)
{
	struct iommu_domain *domain;
	uint64_t target;

	begin(0);
	domain = bed_new_domain();
	bed.amdvi.stalled = true;
	size_t heap = heap_in_use();
	cr_expect_eq(iommu_attach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), -EIO);
	cr_expect_eq(heap_in_use(), heap);
	cr_expect_eq(amdvi_walk(&bed.amdvi, BED_SOURCE, 0, false, &target), AMDVI_PAGE_FAULT);
	iommu_domain_destroy(domain);
}

/* --- interrupt remapping (S6) ---------------------------------------------------------------- */

static void check_remap(uint64_t features, bool level)
{
	uint32_t index, apic = 0, other;
	uint8_t vector;

	bed_prepare(features, 0);
	bed_start();
	cr_expect_eq(amdvi_interrupt(&bed.amdvi, BED_IOAPIC, 0x51, &vector, &apic),
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
	cr_expect_eq(amdvi_interrupt(&bed.amdvi, BED_IOAPIC, 0x51, &vector, &apic), AMDVI_OK);
	cr_expect_eq(vector, 0x51);
	cr_expect_eq(apic, MACHINE_APIC_ID);
	/* Every other index of this source, and every other source. */
	for (uint16_t data = 0; data < 0x800; data++) {
		if (data != 0x51)
			cr_assert_eq(amdvi_interrupt(&bed.amdvi, BED_IOAPIC, data, &vector, &apic),
			             AMDVI_PAGE_FAULT);
		if (data != 0x52)
			cr_assert_eq(amdvi_interrupt(&bed.amdvi, BED_SOURCE, data, &vector, &apic),
			             AMDVI_PAGE_FAULT);
		cr_assert_eq(amdvi_interrupt(&bed.amdvi, BED_NEIGHBOUR, data, &vector, &apic),
		             AMDVI_PAGE_FAULT);
	}
	/* What the unit has just looked up it remembers, absent or present. */
	cr_assert_eq(amdvi_interrupt(&bed.amdvi, BED_SOURCE, 0x53, &vector, &apic),
	             AMDVI_PAGE_FAULT);
	cr_assert_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE}, (vector_t){0x53}, false, &other),
	        0);
	cr_expect_eq(amdvi_interrupt(&bed.amdvi, BED_SOURCE, 0x53, &vector, &apic), AMDVI_OK);
	cr_expect_eq(amdvi_interrupt(&bed.amdvi, BED_IOAPIC, 0x51, &vector, &apic), AMDVI_OK);
	cr_assert_eq(iommu_remap_free(bed.unit, index), 0);
	cr_expect_eq(amdvi_interrupt(&bed.amdvi, BED_IOAPIC, 0x51, &vector, &apic),
	             AMDVI_PAGE_FAULT);
	cr_assert_eq(iommu_remap_alloc(bed.unit, (rid_t){BED_NEIGHBOUR}, (vector_t){0x51}, false,
	                               &index),
	             0);
	cr_expect_eq(amdvi_interrupt(&bed.amdvi, BED_IOAPIC, 0x51, &vector, &apic),
	             AMDVI_PAGE_FAULT);
	cr_expect_eq(amdvi_interrupt(&bed.amdvi, BED_NEIGHBOUR, 0x51, &vector, &apic), AMDVI_OK);
}

Test(amd_remap, wide_entries_are_for_one_source_one_vector_one_cpu)
{
	check_remap(AMDVI_FEATURES, false);
}

Test(amd_remap, narrow_entries_are_for_one_source_one_vector_one_cpu)
{
	check_remap(AMDVI_FEATURES & ~AMDVI_FEATURE_WIDE, false);
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
	cr_expect_eq(amdvi_interrupt(&bed.amdvi, BED_SOURCE, 0x60, &vector, &apic), AMDVI_OK);
	cr_expect_eq(reach(BED_SOURCE, 0x1000, true, &target), 0);
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

/* --- faults ---------------------------------------------------------------------------------- */

static struct iommu_fault told[512];
static uint64_t told_count, told_lost;

static void sink(const struct iommu_fault *fault, uint64_t lost)
{
	told[told_count++ % ARRAY_SIZE(told)] = *fault;
	told_lost += lost;
}

static void begin_faults(unsigned int kind)
{
	begin(kind);
	iommu_set_fault_sink(sink);
}

Test(amd_fault, reasons_and_requesters)
{
	uint64_t target;

	begin_faults(0);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x1000, 0x300000, 0x1000, CORDON_DMA_READ), 0);
	cr_assert_eq(bed_map(domain, 0x2000, 0x300000, 0x1000, CORDON_DMA_WRITE), 0);
	reach(BED_SOURCE, 0x1234, true, &target);
	reach(BED_SOURCE, 0x2234, false, &target);
	reach(BED_SOURCE, 0x7000, true, &target);
	reach(BED_NEIGHBOUR, 0x1000, false, &target);
	cr_expect_eq(bed.amdvi.interrupts, 4);
	machine_irq_handler(machine_irq_context);
	cr_assert_eq(told_count, 4);
	cr_expect(told[0].reason == CORDON_FAULT_WRITE_DENIED && told[0].write &&
	          told[0].requester.raw == BED_SOURCE && told[0].address == 0x1234);
	cr_expect(told[1].reason == CORDON_FAULT_READ_DENIED && !told[1].write);
	cr_expect(told[2].reason == CORDON_FAULT_NOT_PRESENT && told[2].address == 0x7000);
	cr_expect(told[3].reason == CORDON_FAULT_BLOCKED && told[3].requester.raw == BED_NEIGHBOUR);
	cr_expect_eq(told[0].hardware_code, 2);
	cr_expect_eq(bed.amdvi.status & 2, 0, "the interrupt was acknowledged");
	cr_expect_eq(bed.amdvi.event_head, bed.amdvi.event_tail);
}

Test(amd_fault, refused_interrupt)
{
	uint32_t apic;
	uint8_t vector;

	begin_faults(0);
	amdvi_interrupt(&bed.amdvi, BED_SOURCE, 0x44, &vector, &apic);
	iommu_poll_faults();
	cr_assert_eq(told_count, 1);
	cr_expect_eq(told[0].reason, CORDON_FAULT_INTERRUPT);
	cr_expect_eq(told[0].requester.raw, BED_SOURCE);
}

Test(amd_fault, decoding_of_every_kind)
{
	static const struct {
		uint64_t low;
		bool attached;
		uint16_t reason;
	} cases[] = {
	        {UINT64_C(0x1080000000000018), true, CORDON_FAULT_TABLE},
	        {UINT64_C(0x1008000000000018), true, CORDON_FAULT_INTERRUPT},
	        {UINT64_C(0x2000000100000018), true, CORDON_FAULT_NOT_PRESENT},
	        {UINT64_C(0x2050000100000018), true, CORDON_FAULT_READ_DENIED},
	        {UINT64_C(0x2070000100000018), true, CORDON_FAULT_WRITE_DENIED},
	        {UINT64_C(0x2090000100000018), true, CORDON_FAULT_TABLE},
	        {UINT64_C(0x2070000000000018), false, CORDON_FAULT_BLOCKED},
	        {UINT64_C(0x2028000000000018), false, CORDON_FAULT_INTERRUPT},
	        {UINT64_C(0x3000000000000018), true, CORDON_FAULT_OTHER},
	        {UINT64_C(0x8000000000000018), true, CORDON_FAULT_ADDRESS},
	        {UINT64_C(0x8400000000000018), true, CORDON_FAULT_OTHER},
	        {UINT64_C(0xf000000000000018), true, CORDON_FAULT_OTHER},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct amd_event event = {cases[i].low, 0x123456789abc};
		struct iommu_fault fault;

		amd_fault_decode(&event, cases[i].attached, &fault);
		cr_expect_eq(fault.reason, cases[i].reason, "%#llx: %u",
		             (unsigned long long)cases[i].low, fault.reason);
		cr_expect_eq(fault.requester.raw, 0x18);
		cr_expect_eq(fault.address, 0x123456789abc);
		cr_expect_eq(fault.hardware_code, cases[i].low >> 60);
		cr_expect_eq(fault.write, (cases[i].low >> 53 & 1) != 0);
	}
}

Test(amd_fault, decoding_of_what_an_emulated_unit_writes)
{
	static const struct {
		uint64_t low, high;
		bool write;
		uint16_t reason;
		uint64_t address;
	} cases[] = {
	        /* As QEMU 11 does. */
	        {UINT64_C(0x2009000000000018), 0, false, CORDON_FAULT_OTHER, UINT64_MAX},
	        {UINT64_C(0x200a000000000018), 0, true, CORDON_FAULT_OTHER, UINT64_MAX},
	        /* As it would with an address, and as the specification has it. */
	        {UINT64_C(0x200a000000000018), 0x5000, true, CORDON_FAULT_NOT_PRESENT, 0x5000},
	        {UINT64_C(0x2070000100000018), 0x5000, true, CORDON_FAULT_WRITE_DENIED, 0x5000},
	        {UINT64_C(0x1008000000000018), 0x5000, false, CORDON_FAULT_INTERRUPT, 0x5000},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct amd_event event = {cases[i].low, cases[i].high};
		struct iommu_fault fault;

		amd_fault_decode_emulated(&event, true, &fault);
		cr_expect_eq(fault.reason, cases[i].reason, "%zu: %u", i, fault.reason);
		cr_expect_eq(fault.write, cases[i].write, "%zu", i);
		cr_expect_eq(fault.address, cases[i].address, "%zu", i);
		cr_expect_eq(fault.requester.raw, 0x18);
	}
}

/* The beats of one transfer are one fault; a transfer after the log was empty is another. */
Test(amd_fault, beats_of_an_emulated_unit_are_told_once)
{
	bed_prepare(AMDVI_FEATURES, 0);
	bed.unit_function->subsystem_vendor = 0x1af4;
	bed_start();
	iommu_set_fault_sink(sink);
	for (unsigned int i = 0; i < 16; i++)
		amdvi_event(&bed.amdvi, UINT64_C(0x200a000000000018), 0);
	amdvi_event(&bed.amdvi, UINT64_C(0x2009000000000018), 0);
	iommu_poll_faults();
	cr_expect_eq(told_count, 2);
	amdvi_event(&bed.amdvi, UINT64_C(0x2009000000000018), 0);
	iommu_poll_faults();
	cr_expect_eq(told_count, 3);
}

Test(amd_fault, equal_events_of_a_unit_by_the_specification_are_all_told)
{
	begin_faults(0);
	for (unsigned int i = 0; i < 3; i++)
		amdvi_event(&bed.amdvi, UINT64_C(0x2020000000000018), 0x5000);
	iommu_poll_faults();
	cr_expect_eq(told_count, 3);
}

Test(amd_fault, full_log_goes_on_after_it_was_read)
{
	uint64_t target;

	begin_faults(0);
	/* Of many requesters, so that none is silenced: 255 fit. */
	for (unsigned int i = 0; i < 300; i++)
		reach((uint16_t)(0x100 + i * 8), 0x1000, true, &target);
	cr_expect_eq(bed.amdvi.status & 9, 1, "it overflowed and stopped");
	for (unsigned int i = 0; i < 40; i++)
		iommu_poll_faults();
	cr_expect_eq(bed.amdvi.status & 9, 8, "it runs again");
	cr_expect_gt(told_lost + bed.unit->faults_lost, 0);
	uint64_t before = told_count;
	fake_clock_advance(10 * IOMMU_FAULT_WINDOW);
	reach(BED_SOURCE, 0x5000, true, &target);
	iommu_poll_faults();
	cr_expect_eq(told_count, before + 1);
	cr_expect_eq(told[before % ARRAY_SIZE(told)].requester.raw, BED_SOURCE);
}

Test(amd_fault, event_that_comes_after_its_tail_is_waited_for)
{
	uint64_t target;

	begin_faults(0);
	bed.amdvi.late_events = true;
	for (unsigned int i = 0; i < 600; i++) {
		reach(BED_SOURCE, (uint64_t)i << 12, true, &target);
		fake_clock_advance(IOMMU_FAULT_WINDOW);
		iommu_poll_faults();
		cr_assert_eq(told_count, i + 1);
		cr_assert_eq(told[i % ARRAY_SIZE(told)].address, (uint64_t)i << 12);
	}
}

Test(amd_fault, event_that_never_comes_is_lost)
{
	uint64_t target;

	begin_faults(0);
	bed.amdvi.late_events = true;
	reach(BED_SOURCE, 0x1000, true, &target);
	bed.amdvi.late_at = 0;
	iommu_poll_faults();
	cr_expect_eq(told_count, 0);
	cr_expect_eq(bed.unit->faults_lost, 1);
	bed.amdvi.late_events = false;
	reach(BED_SOURCE, 0x2000, true, &target);
	iommu_poll_faults();
	cr_assert_eq(told_count, 1);
	cr_expect_eq(told[0].address, 0x2000);
}

Test(amd_fault, storm_is_silenced_in_the_device_table)
{
	uint64_t target;

	begin_faults(0);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x1000, 0x300000, 0x1000, RW), 0);
	for (unsigned int i = 0; i < 200; i++)
		reach(BED_SOURCE, 0x9000, true, &target);
	for (unsigned int i = 0; i < 20; i++)
		machine_irq_handler(machine_irq_context);
	uint64_t events = bed.amdvi.event_tail;
	reach(BED_SOURCE, 0x9000, true, &target);
	cr_expect_eq(bed.amdvi.event_tail, events, "silenced");
	cr_expect_eq(reach(BED_SOURCE, 0x1000, true, &target), 0, "and still at work");
	reach(BED_NEIGHBOUR, 0x9000, true, &target);
	cr_expect_neq(bed.amdvi.event_tail, events, "others are heard");
	fake_clock_advance(2 * IOMMU_FAULT_WINDOW);
	iommu_poll_faults();
	events = bed.amdvi.event_tail;
	reach(BED_SOURCE, 0x9000, true, &target);
	cr_expect_neq(bed.amdvi.event_tail, events, "heard again");
}

Test(amd_fault, interrupt_is_masked_and_unmasked)
{
	begin(0);
	amd_fault_interrupt_mask(bed.unit, true);
	cr_expect_eq(bed.amdvi.control & BIT(3), 0);
	amd_fault_interrupt_mask(bed.unit, false);
	cr_expect_eq(bed.amdvi.control & BIT(3), BIT(3));
}

/* --- random batches against a plain array ------------------------------------------------------
 */

#define RANDOM_PAGES 4096
#define RANDOM_MAPS  32

struct random_map {
	uint64_t first, pages;
};

static uint64_t expected[RANDOM_PAGES];

/* What the device reaches is exactly what the array says: no more, and no less. */
static void check_pages(uint64_t origin, uint64_t first, uint64_t count)
{
	for (uint64_t page = first; page < first + count; page++) {
		for (int write = 0; write < 2; write++) {
			uint64_t target, address = origin + page * PAGE_SIZE + 0x123;
			uint32_t needed = write ? CORDON_DMA_WRITE : CORDON_DMA_READ;
			unsigned int code = reach(BED_SOURCE, address, write, &target);

			forget_faults();
			if (!(expected[page] & needed)) {
				cr_assert_neq(code, 0, "%#llx is reached",
				              (unsigned long long)address);
				continue;
			}
			cr_assert_eq(code, 0, "%#llx is not reached", (unsigned long long)address);
			cr_assert_eq(target, (expected[page] & ~PAGE_MASK) + 0x123);
		}
	}
}

/* One operation: takes a mapping away, or makes one where none is. */
static void random_step(struct iommu_domain *domain, uint64_t origin, uint64_t *state,
                        struct random_map *map, struct iommu_gather *gather)
{
	uint32_t flags = 1 + (uint32_t)(machine_random(state) % 3);
	uint64_t base = (machine_random(state) % 0xfffff & ~UINT64_C(0x1ff)) * PAGE_SIZE;

	if (map->pages) {
		iommu_unmap(domain, iova(origin + map->first * PAGE_SIZE), map->pages * PAGE_SIZE,
		            gather);
		memset(&expected[map->first], 0, map->pages * 8);
		map->pages = 0;
		return;
	}
	map->pages = machine_random(state) % 3 ? 1 + machine_random(state) % 20 : 512;
	map->first = machine_random(state) % (RANDOM_PAGES - map->pages);
	if (map->pages == 512)
		map->first &= ~UINT64_C(0x1ff);
	for (uint64_t i = 0; i < map->pages; i++) {
		if (expected[map->first + i]) {
			map->pages = 0;
			return;
		}
	}
	cr_assert_eq(iommu_map(domain, iova(origin + map->first * PAGE_SIZE), paddr(base),
	                       map->pages * PAGE_SIZE, flags, gather),
	             0);
	for (uint64_t i = 0; i < map->pages; i++)
		expected[map->first + i] = (base + i * PAGE_SIZE) | flags;
}

static void random_run(unsigned int kind, uint64_t seed)
{
	struct random_map maps[RANDOM_MAPS] = {{0, 0}};
	uint64_t state = seed, origin;

	begin(kind);
	struct iommu_domain *domain = bed_domain();
	origin = (UINT64_C(1) << iommu_domain_address_bits(domain)) - RANDOM_PAGES * PAGE_SIZE;
	for (unsigned int round = 0; round < 80; round++) {
		struct iommu_gather gather;

		iommu_gather_init(&gather);
		for (uint64_t op = machine_random(&state) % 12; op < 12; op++)
			random_step(domain, origin, &state,
			            &maps[machine_random(&state) % RANDOM_MAPS], &gather);
		cr_assert_eq(iommu_gather_flush(&gather), 0);
		check_pages(origin, machine_random(&state) % (RANDOM_PAGES - 300), 300);
	}
	check_pages(origin, 0, RANDOM_PAGES);
	for (size_t i = 0; i < RANDOM_MAPS; i++) {
		if (maps[i].pages)
			cr_assert_eq(bed_unmap(domain, origin + maps[i].first * PAGE_SIZE,
			                       maps[i].pages * PAGE_SIZE),
			             0);
	}
	cr_assert_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	iommu_domain_destroy(domain);
	cr_expect_eq(bed.account->used[CHARGE_FRAMES], 0);
	cr_expect_eq(percpu()->obligations, 0);
}

Test(amd_random, caches_absence_and_does_not_snoop)
{
	random_run(0, 1);
}

Test(amd_random, does_not_snoop)
{
	random_run(BED_NO_ABSENT, 2);
}

Test(amd_random, snoops)
{
	random_run(BED_COHERENT | BED_NO_ABSENT, 3);
}

Test(amd_random, snoops_and_caches_absence)
{
	random_run(BED_COHERENT, 4);
}
