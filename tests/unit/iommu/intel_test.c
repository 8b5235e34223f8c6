// SPDX-License-Identifier: MIT
/* A VT-d unit at work: what devices reach, what is flushed when, what happens when it stops. */
#include <criterion/criterion.h>
#include <tests/unit/iommu/intel_bed.h>
#include <tests/unit/iommu/random.h>

#include <arch/percpu.h>
#include <cordon/errno.h>
#include <drivers/iommu/intel/intel.h>
#include <kernel/account.h>
#include <kernel/heap.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BIT(n) (UINT64_C(1) << (n))
#define RW     (CORDON_DMA_READ | CORDON_DMA_WRITE)

static void begin(uint64_t cap, uint64_t ecap)
{
	bed_prepare(cap, ecap);
	bed_start();
	cr_assert(iommu_usable(NULL));
}

static unsigned int reach(uint16_t source, uint64_t address, bool write, uint64_t *target)
{
	return vtd_access(&bed_vtd, source, address, write, target);
}

/* The faults that a test provokes on purpose must not fill up the record. */
static void forget_faults(void)
{
	struct iommu_fault fault;
	uint64_t lost;

	spin_lock(&bed.unit->lock);
	while (bed.unit->ops->fault_read(bed.unit, &fault, &lost))
		;
	spin_unlock(&bed.unit->lock);
}

/* --- reach (S1, S2) -------------------------------------------------------------------------- */

Test(reach, S2_device_reaches_what_is_mapped_with_its_rights)
{
	uint64_t target;

	begin(VTD_CAP_39, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	cr_expect_eq(reach(BED_SOURCE, 0x5000, false, &target), 6);
	cr_assert_eq(bed_map(domain, 0x5000, 0x9000, 0x1000, CORDON_DMA_READ), 0);
	cr_expect_eq(reach(BED_SOURCE, 0x5123, false, &target), 0);
	cr_expect_eq(target, 0x9123);
	cr_expect_eq(reach(BED_SOURCE, 0x5123, true, &target), 5);
	cr_expect_eq(reach(BED_SOURCE, 0x6000, false, &target), 6);
	cr_expect_eq(reach(BED_NEIGHBOUR, 0x5000, false, &target), 2, "another requester");
	cr_expect_eq(reach(0x0118, 0x5000, false, &target), 1, "another bus");
	cr_assert_eq(bed_unmap(domain, 0x5000, 0x1000), 0);
	cr_expect_eq(reach(BED_SOURCE, 0x5123, false, &target), 6);
}

Test(reach, S1_detached_requester_reaches_nothing)
{
	uint64_t target;

	begin(VTD_CAP_48, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x5000, 0x9000, 0x1000, RW), 0);
	cr_assert_eq(reach(BED_SOURCE, 0x5000, true, &target), 0);
	unsigned int drained = bed_vtd.drained;
	cr_assert_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_expect_eq(reach(BED_SOURCE, 0x5000, true, &target), 2);
	cr_expect_gt(bed_vtd.drained, drained, "accesses in flight were not drained");
}

Test(reach, attaching_is_seen_where_absence_is_cached)
{
	uint64_t target;

	begin(VTD_CAP_39 | VTD_CAP_CM, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x1000, 0x9000, 0x1000, RW), 0);
	cr_assert_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_expect_eq(reach(BED_SOURCE, 0x1000, true, &target), 2);
	cr_assert_eq(iommu_attach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_expect_eq(reach(BED_SOURCE, 0x1000, true, &target), 0);
	forget_faults();
}

Test(reach, functions_that_share_an_id_leave_one_by_one)
{
	uint64_t target;

	begin(VTD_CAP_39, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(iommu_attach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_assert_eq(bed_map(domain, 0, 0x9000, 0x1000, RW), 0);
	cr_assert_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_expect_eq(reach(BED_SOURCE, 0, true, &target), 0);
	cr_assert_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	cr_expect_eq(reach(BED_SOURCE, 0, true, &target), 2);
}

Test(reach, requester_is_in_one_domain_only)
{
	struct iommu_domain *other;

	begin(VTD_CAP_39, VTD_ECAP);
	bed_domain();
	other = bed_new_domain();
	cr_expect_eq(iommu_attach(other, bed.unit, 0, (rid_t){BED_SOURCE}), -EBUSY);
}

Test(reach, domains_see_their_own_mappings_only)
{
	struct iommu_domain *other;
	uint64_t target;

	begin(VTD_CAP_39, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	other = bed_new_domain();
	cr_assert_eq(iommu_attach(other, bed.unit, 0, (rid_t){BED_NEIGHBOUR}), 0);
	cr_assert_eq(bed_map(domain, 0x1000, 0x5000, 0x1000, RW), 0);
	cr_assert_eq(bed_map(other, 0x1000, 0x6000, 0x1000, RW), 0);
	cr_expect_eq(reach(BED_SOURCE, 0x1000, true, &target), 0);
	cr_expect_eq(target, 0x5000);
	cr_expect_eq(reach(BED_NEIGHBOUR, 0x1000, true, &target), 0);
	cr_expect_eq(target, 0x6000);
	/* An unmap in one does not disturb the other. */
	cr_assert_eq(bed_unmap(domain, 0x1000, 0x1000), 0);
	cr_expect_eq(reach(BED_SOURCE, 0x1000, true, &target), 5);
	cr_expect_eq(reach(BED_NEIGHBOUR, 0x1000, true, &target), 0);
}

Test(reach, forced_snooping_only_where_the_unit_has_it)
{
	begin(VTD_CAP_39, VTD_ECAP | BIT(7));
	struct iommu_domain *domain = bed_domain();
	uint64_t target;
	/* The model takes bit 11 for reserved unless ECAP.SC. */
	cr_assert_eq(bed_map(domain, 0x1000, 0x5000, 0x1000, RW), 0);
	cr_expect_eq(reach(BED_SOURCE, 0x1000, true, &target), 0);
	cr_expect(iommu_domain_coherent(domain));
	const uint64_t *entries = phys_to_virt(domain->table.root);
	entries = phys_to_virt(paddr(entries[0] & ~UINT64_C(0xfff)));
	entries = phys_to_virt(paddr(entries[0] & ~UINT64_C(0xfff)));
	cr_expect_eq(entries[1], 0x5000 | BIT(11) | 3);
}

Test(reach, context_entry_is_as_the_specification_says)
{
	begin(VTD_CAP_48, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	const struct intel_unit *unit = intel_unit_of(bed.unit);
	const uint64_t *root = (const uint64_t *)unit->root;
	const uint64_t *entry = phys_to_virt(paddr(root[0] & ~UINT64_C(0xfff)));

	cr_expect_eq(root[0] & 0xfff, 1);
	cr_expect_eq(root[1], 0);
	entry += 2 * BED_SOURCE;
	cr_expect_eq(entry[0], domain->table.root.raw | 1);
	cr_expect_eq(entry[1], (uint64_t)domain->id << 8 | 2);
	cr_expect_neq(domain->id, 0, "id 0 is what absence is cached under");
}

/* --- ids (S3) -------------------------------------------------------------------------------- */

Test(ids, S3_come_again_only_after_a_flush_under_the_old_id)
{
	struct iommu_domain *domain;
	uint64_t target;

	/* Sixteen ids (ND 0), of which 0 is not used. */
	begin(VTD_CAP_39 & ~UINT64_C(7), VTD_ECAP);
	for (unsigned int round = 0; round < 100; round++) {
		domain = bed_domain();
		cr_assert_lt(domain->id, 16);
		uint64_t base = 0x10000 + round * PAGE_SIZE;
		cr_assert_eq(bed_map(domain, 0x1000, base, 0x1000, RW), 0);
		cr_assert_eq(reach(BED_SOURCE, 0x1000, true, &target), 0);
		cr_assert_eq(target, base, "an older domain's translation came alive");
		cr_assert_eq(bed_unmap(domain, 0x1000, 0x1000), 0);
		cr_assert_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
		unsigned int flushes = bed_vtd.drained;
		uint32_t id = domain->id;
		iommu_domain_destroy(domain);
		cr_assert_eq(bed_vtd.drained, flushes + 1, "none since the last requester left");
		struct vtd_descriptor last = bed_last_descriptor();
		cr_assert_eq(last.low & 0x3f, 0x22, "no domain-selective invalidation");
		cr_assert_eq(last.low >> 16, id, "of another id");
	}
}

Test(ids, run_out_with_an_error)
{
	struct iommu_domain *domains[16];

	begin(VTD_CAP_39 & ~UINT64_C(7), VTD_ECAP);
	for (unsigned int i = 0; i < 15; i++)
		domains[i] = bed_new_domain();
	uint64_t frames = fake_pages_used();
	cr_expect_eq(iommu_domain_create(bed.unit, bed.account, &domains[15]), -ENOSPC);
	cr_expect_eq(fake_pages_used(), frames);
	iommu_domain_destroy(domains[3]);
	bed_new_domain();
}

/* --- invalidation ---------------------------------------------------------------------------- */

Test(invalidate, block_is_aligned_and_covers_the_range)
{
	uint64_t state = 7;

	for (unsigned int i = 0; i < 100000; i++) {
		uint64_t first = machine_random(&state) >> (16 + machine_random(&state) % 36);
		uint64_t last = first +
		                (machine_random(&state) >> (20 + machine_random(&state) % 40));
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
	uint64_t state = 1;

	begin(VTD_CAP_39, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	cr_expect_eq(covered(domain, 0x5000, 0x1000), 1);
	cr_expect_eq(covered(domain, SIZE_2M, SIZE_2M), 512);
	cr_expect_eq(covered(domain, SIZE_1G, SIZE_1G), 512 * 512);
	/* Two pages across a gigabyte boundary are not a whole address space. */
	cr_expect_eq(covered(domain, SIZE_1G - 0x1000, 0x2000), 2);
	for (unsigned int i = 0; i < 200; i++) {
		uint64_t pages = 1 + machine_random(&state) % 3000;
		uint64_t start = machine_random(&state) % 500000 * PAGE_SIZE;
		cr_assert_leq(covered(domain, start, pages * PAGE_SIZE), 4 * pages);
		bed_vtd.descriptor_count = bed_vtd.write_count = 0;
	}
}

Test(invalidate, whole_domain_when_the_unit_has_no_mask_for_it)
{
	begin(VTD_CAP_39, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	/* MAMV 18 is 1 GiB. */
	cr_expect_eq(covered(domain, 4 * SIZE_1G, 4 * SIZE_1G), UINT64_MAX);
}

Test(invalidate, whole_domain_takes_the_place_of_what_was_said_before)
{
	struct iommu_gather gather;

	begin(VTD_CAP_39, VTD_ECAP);
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
	begin(VTD_CAP_39 & ~BIT(39), VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	cr_expect_eq(covered(domain, 0x1000, 0x1000), UINT64_MAX);
}

Test(invalidate, leaf_only_hint_unless_a_table_went)
{
	begin(VTD_CAP_39, VTD_ECAP);
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

	begin(VTD_CAP_39, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	/* Two or three slots a round: the end of the ring falls between them in both ways. */
	for (unsigned int i = 0; i < 1000; i++) {
		uint64_t start = SIZE_1G - 0x1000 * (1 + i % 2), size = i % 3 ? 0x1000 : 0x3000;

		bed_vtd.descriptor_count = bed_vtd.write_count = 0;
		cr_assert_eq(bed_map(domain, start, 0x100000 + i * 0x3000, size, RW), 0);
		cr_assert_eq(reach(BED_SOURCE, start, true, &target), 0);
		cr_assert_eq(target, 0x100000 + i * 0x3000);
		cr_assert_eq(bed_unmap(domain, start, size), 0);
		cr_assert_eq(reach(BED_SOURCE, start, true, &target), 5);
		forget_faults();
	}
}

Test(invalidate, slow_unit_is_waited_for)
{
	begin(VTD_CAP_39, VTD_ECAP);
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

	begin(VTD_CAP_39, VTD_ECAP);
	cr_assert_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE}, (vector_t){0x51}, false, &index),
	        0);
	cr_expect_eq(bed_last_descriptor().low, UINT64_C(0x14) | (uint64_t)index << 32);
	cr_assert_eq(iommu_remap_free(bed.unit, index), 0);
	cr_expect_eq(bed_last_descriptor().low, UINT64_C(0x14) | (uint64_t)index << 32);
}

Test(invalidate, wait_stores_a_status_and_raises_no_interrupt)
{
	begin(VTD_CAP_39, VTD_ECAP);
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
	cr_expect_eq(bed.account->used[CHARGE_FRAMES], 0);
	cr_expect_eq(percpu()->obligations, 0);
	/* Translation stays on. */
	cr_expect(bed_vtd.gsts & 0x80000000u);
}

Test(dead, unit_that_does_not_confirm)
{
	begin(VTD_CAP_39, VTD_ECAP);
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
	begin(VTD_CAP_39, VTD_ECAP);
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
	begin(VTD_CAP_39, VTD_ECAP);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0, 0x1000, 0x1000, RW), 0);
	bed_vtd.refuse = 2;
	cr_expect_eq(bed_unmap(domain, 0, 0x1000), -EIO);
	assert_dead(domain);
}

Test(dead, while_a_requester_is_blocked)
{
	begin(VTD_CAP_39, VTD_ECAP);
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

	begin(VTD_CAP_39, VTD_ECAP);
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

	begin(VTD_CAP_39, VTD_ECAP);
	cr_assert_eq(iommu_remap_alloc(bed.unit, (rid_t){1}, (vector_t){0x50}, false, &index), 0);
	bed_vtd.queue_stalled = true;
	cr_expect_eq(iommu_remap_free(bed.unit, index), -EIO);
	cr_expect_eq(iommu_remap_alloc(bed.unit, (rid_t){1}, (vector_t){0x50}, false, &other),
	             -ENODEV);
}

/* --- interrupt remapping (S6) ---------------------------------------------------------------- */

Test(remap, S6_extended_entry_names_a_cpu_by_32_bits)
{
	uint32_t index, apic;
	uint8_t vector;
	bool level;

	machine_x2apic = true;
	begin(VTD_CAP_39, VTD_ECAP | BIT(4));
	cr_assert(iommu_interrupts_extended());
	cr_assert_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE}, (vector_t){0x51}, false, &index),
	        0);
	cr_assert_eq(vtd_interrupt(&bed_vtd, BED_SOURCE, (uint16_t)index, &vector, &apic, &level),
	             0);
	cr_expect_eq(vector, 0x51);
	cr_expect_eq(apic, MACHINE_X2APIC_ID);
}

Test(remap, entries_stay_short_where_the_unit_the_cpus_or_firmware_do_not_want_long_ones)
{
	for (int i = 0; i < 3; i++) {
		pid_t child = machine_fork();

		if (child == 0) {
			machine_x2apic = i != 0;
			bed_prepare(VTD_CAP_39, i != 1 ? VTD_ECAP | BIT(4) : VTD_ECAP);
			machine_dmar.x2apic_opt_out = i == 2;
			bed_start();
			_exit(iommu_interrupts_extended() || (bed_vtd.irta & BIT(11)));
		}
		int status;
		waitpid(child, &status, 0);
		cr_expect_eq(status, 0, "%d", i);
	}
}

Test(remap, S6_entry_is_for_one_source_one_vector_one_cpu)
{
	uint32_t index, apic;
	uint8_t vector;
	bool level;

	begin(VTD_CAP_39, VTD_ECAP);
	cr_assert_eq(
	        iommu_remap_alloc(bed.unit, (rid_t){BED_SOURCE}, (vector_t){0x51}, false, &index),
	        0);
	const uint64_t *irte = (const uint64_t *)&intel_unit_of(bed.unit)->irtes[index];
	cr_expect_eq(irte[0], UINT64_C(0x0000030000510001), "%#llx", (unsigned long long)irte[0]);
	cr_expect_eq(irte[1], UINT64_C(0x00040018));
	cr_assert_eq(vtd_interrupt(&bed_vtd, BED_SOURCE, (uint16_t)index, &vector, &apic, &level),
	             0);
	cr_expect_eq(vector, 0x51);
	cr_expect_eq(apic, MACHINE_APIC_ID);
	cr_expect_not(level);
	cr_expect_eq(
	        vtd_interrupt(&bed_vtd, BED_NEIGHBOUR, (uint16_t)index, &vector, &apic, &level),
	        0x26);
	cr_assert_eq(iommu_remap_free(bed.unit, index), 0);
	cr_expect_eq(vtd_interrupt(&bed_vtd, BED_SOURCE, (uint16_t)index, &vector, &apic, &level),
	             0x22);
}

Test(remap, level_triggered_entry)
{
	uint32_t index, apic;
	uint8_t vector;
	bool level;

	begin(VTD_CAP_39, VTD_ECAP);
	cr_assert_eq(iommu_remap_alloc(bed.unit, (rid_t){0xff00}, (vector_t){0x40}, true, &index),
	             0);
	cr_assert_eq(vtd_interrupt(&bed_vtd, 0xff00, (uint16_t)index, &vector, &apic, &level), 0);
	cr_expect(level);
}

Test(remap, entries_run_out_with_an_error)
{
	uint32_t index, count = 0;

	begin(VTD_CAP_39, VTD_ECAP);
	for (;; count++) {
		bed_vtd.descriptor_count = bed_vtd.write_count = 0;
		int error = iommu_remap_alloc(bed.unit, (rid_t){1}, (vector_t){0x40}, false,
		                              &index);
		if (error) {
			cr_expect_eq(error, -ENOSPC);
			break;
		}
	}
	cr_expect_eq(count, bed_vtd.irte_count);
}

Test(remap, without_a_unit_is_an_error)
{
	uint32_t index;

	cr_expect_eq(iommu_remap_alloc(NULL, (rid_t){1}, (vector_t){0x40}, false, &index), -ENODEV);
}

/* --- everything at random, on units of all kinds --------------------------------------------- */

static unsigned int random_access(uint64_t address, bool write, uint64_t *target)
{
	return reach(BED_SOURCE, address, write, target);
}

static void random_forget(void)
{
	forget_faults();
	bed_vtd.descriptor_count = bed_vtd.write_count = 0;
}

static void run(uint64_t cap, uint64_t ecap, uint64_t seed)
{
	begin(cap, ecap);
	const struct random_device device = {bed_domain(), random_access, random_forget};
	random_run(&device, seed);
	cr_assert_eq(iommu_detach(device.domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	iommu_domain_destroy(device.domain);
	cr_expect_eq(bed.account->used[CHARGE_FRAMES], 0);
	cr_expect_eq(percpu()->obligations, 0);
}

Test(reach_random, walks_that_do_not_snoop_39)
{
	run(VTD_CAP_39, VTD_ECAP, 1);
}

Test(reach_random, walks_that_do_not_snoop_48)
{
	run(VTD_CAP_48, VTD_ECAP, 2);
}

Test(reach_random, walks_that_snoop)
{
	run(VTD_CAP_48, VTD_ECAP | VTD_ECAP_C, 3);
}

Test(reach_random, caching_mode)
{
	run(VTD_CAP_39 | VTD_CAP_CM, VTD_ECAP, 4);
}

Test(reach_random, no_page_selection)
{
	run(VTD_CAP_39 & ~BIT(39), VTD_ECAP, 5);
}

Test(reach_random, small_leaves_only)
{
	run(VTD_CAP_39 & ~(BIT(34) | BIT(35)), VTD_ECAP, 6);
}

Test(reach_random, small_masks_only)
{
	run((VTD_CAP_48 & ~(UINT64_C(0x3f) << 48)) | UINT64_C(4) << 48, VTD_ECAP, 7);
}

Test(reach_random, write_buffer_flush)
{
	run(VTD_CAP_39 | BIT(4), VTD_ECAP, 8);
	cr_expect_geq(bed_write_index(0, 0x18, 0x08000000u, 0x08000000u), 0);
}
