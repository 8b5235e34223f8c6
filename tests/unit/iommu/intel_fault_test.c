// SPDX-License-Identifier: MIT
/* Faults: what a record means, who is told, what a storm does. */
#include <criterion/criterion.h>
#include <tests/unit/iommu/intel_bed.h>

#include <arch/percpu.h>
#include <drivers/iommu/intel/intel.h>
#include <string.h>

#define BIT(n) (UINT64_C(1) << (n))
#define MS     UINT64_C(1000000)

static struct iommu_fault told[4096];
static size_t told_count;
static uint64_t told_lost;
static uint32_t told_under_locks;

static void sink(const struct iommu_fault *fault, uint64_t lost)
{
	cr_assert_not(spin_held(&bed.unit->lock));
	told_under_locks = fake_percpu.lock_depth;
	cr_assert(told_count < 4096);
	told[told_count++] = *fault;
	told_lost += lost;
}

static void begin(uint64_t cap)
{
	bed_prepare(cap, VTD_ECAP);
	bed_start();
	cr_assert(iommu_usable(NULL));
	iommu_set_fault_sink(sink);
}

/* As the CPU does when the unit raises its event. */
static void interrupt(void)
{
	machine_irq_handler(machine_irq_context);
}

Test(decode, every_reason)
{
	static const struct {
		uint8_t code;
		uint16_t reason;
	} table[] = {
	        {0x01, CORDON_FAULT_BLOCKED},      {0x02, CORDON_FAULT_BLOCKED},
	        {0x03, CORDON_FAULT_TABLE},        {0x04, CORDON_FAULT_ADDRESS},
	        {0x05, CORDON_FAULT_WRITE_DENIED}, {0x06, CORDON_FAULT_READ_DENIED},
	        {0x07, CORDON_FAULT_TABLE},        {0x08, CORDON_FAULT_TABLE},
	        {0x09, CORDON_FAULT_TABLE},        {0x0a, CORDON_FAULT_TABLE},
	        {0x0b, CORDON_FAULT_TABLE},        {0x0c, CORDON_FAULT_TABLE},
	        {0x0d, CORDON_FAULT_OTHER},        {0x0e, CORDON_FAULT_ADDRESS},
	        {0x20, CORDON_FAULT_INTERRUPT},    {0x21, CORDON_FAULT_INTERRUPT},
	        {0x22, CORDON_FAULT_INTERRUPT},    {0x23, CORDON_FAULT_INTERRUPT},
	        {0x24, CORDON_FAULT_INTERRUPT},    {0x25, CORDON_FAULT_INTERRUPT},
	        {0x26, CORDON_FAULT_INTERRUPT},    {0x58, CORDON_FAULT_OTHER},
	        {0xff, CORDON_FAULT_OTHER},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct iommu_fault fault;

		/* Bits 59:40 are a process id that nothing else may look at. */
		intel_fault_decode(UINT64_C(0x123456789abc),
		                   BIT(63) | BIT(62) | UINT64_C(0xfffff) << 40 |
		                           (uint64_t)table[i].code << 32 | 0x1234,
		                   &fault);
		cr_expect_eq(fault.reason, table[i].reason, "code %#x", table[i].code);
		cr_expect_eq(fault.hardware_code, table[i].code);
		cr_expect_eq(fault.requester.raw, 0x1234);
		if (fault.reason != CORDON_FAULT_INTERRUPT) {
			cr_expect_eq(fault.address, UINT64_C(0x123456789000));
			cr_expect_not(fault.write);
		}
	}
}

Test(decode, write_and_interrupt_index)
{
	struct iommu_fault fault;

	intel_fault_decode(0x5fff, BIT(63) | UINT64_C(5) << 32 | 8, &fault);
	cr_expect(fault.write);
	cr_expect_eq(fault.address, 0x5000);
	intel_fault_decode(UINT64_C(0x0234) << 48, BIT(63) | UINT64_C(0x22) << 32 | 8, &fault);
	cr_expect_eq(fault.address, 0x234);
}

/* A CPU that polls meanwhile waits for the lock, so it does not return too early. */
Test(fault, is_on_its_way_under_a_lock)
{
	uint64_t target;

	begin(VTD_CAP_39);
	vtd_access(&bed_vtd, BED_SOURCE, 0x1000, true, &target);
	interrupt();
	cr_assert_eq(told_count, 1);
	cr_expect_eq(told_under_locks, 1);
	vtd_access(&bed_vtd, BED_SOURCE, 0x2000, true, &target);
	iommu_poll_faults();
	cr_assert_eq(told_count, 2);
	cr_expect_eq(told_under_locks, 1);
}

Test(fault, is_told_with_device_address_and_kind)
{
	uint64_t target;

	begin(VTD_CAP_39);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x1000, 0x9000, 0x1000, CORDON_DMA_READ), 0);
	fake_clock_set(77 * MS);

	vtd_access(&bed_vtd, BED_SOURCE, 0x1234, true, &target);
	cr_assert_eq(bed_vtd.interrupts, 1);
	interrupt();
	cr_assert_eq(told_count, 1);
	cr_expect_eq(told[0].requester.raw, BED_SOURCE);
	cr_expect_eq(told[0].address, 0x1000);
	cr_expect_eq(told[0].reason, CORDON_FAULT_WRITE_DENIED);
	cr_expect_eq(told[0].hardware_code, 5);
	cr_expect(told[0].write);
	cr_expect_eq(told[0].time_ns, 77 * MS);

	/* The same code, but nothing is mapped. */
	vtd_access(&bed_vtd, BED_SOURCE, 0x2000, true, &target);
	interrupt();
	cr_expect_eq(told[1].reason, CORDON_FAULT_NOT_PRESENT);
	vtd_access(&bed_vtd, BED_SOURCE, 0x2000, false, &target);
	interrupt();
	cr_expect_eq(told[2].reason, CORDON_FAULT_NOT_PRESENT);
	cr_expect_not(told[2].write);
	vtd_access(&bed_vtd, BED_NEIGHBOUR, 0x2000, false, &target);
	interrupt();
	cr_expect_eq(told[3].reason, CORDON_FAULT_BLOCKED);
	vtd_access(&bed_vtd, BED_SOURCE, BIT(39), false, &target);
	interrupt();
	cr_expect_eq(told[4].reason, CORDON_FAULT_ADDRESS);
	cr_expect_eq(told_count, 5);
	cr_expect_eq(told_lost, 0);
	cr_expect_eq(bed.unit->faults, 5);
	cr_expect_eq(bed_vtd.interrupts, 5);
}

Test(fault, several_records_come_in_order)
{
	begin(VTD_CAP_39 | UINT64_C(3) << 40); /* four records */
	/* The circle starts anywhere. */
	vtd_record(&bed_vtd, 1, 0x1000, true, 5);
	vtd_record(&bed_vtd, 2, 0x1000, true, 5);
	vtd_record(&bed_vtd, 3, 0x1000, true, 5);
	interrupt();
	for (uint16_t i = 4; i < 8; i++)
		vtd_record(&bed_vtd, i, 0x1000, true, 5);
	interrupt();
	cr_assert_eq(told_count, 7);
	for (uint16_t i = 0; i < 7; i++)
		cr_expect_eq(told[i].requester.raw, i + 1);
}

Test(fault, poll_needs_no_interrupt)
{
	begin(VTD_CAP_39);
	vtd_record(&bed_vtd, BED_SOURCE, 0x1000, true, 2);
	iommu_poll_faults();
	cr_expect_eq(told_count, 1);
}

Test(fault, overflow_is_counted_before_it_is_cleared)
{
	begin(VTD_CAP_39);
	vtd_record(&bed_vtd, 1, 0x1000, true, 2);
	vtd_record(&bed_vtd, 2, 0x1000, true, 2); /* no room */
	cr_assert_eq(bed_vtd.fsts & 1, 1);
	interrupt();
	cr_expect_eq(told_count, 1);
	cr_expect_eq(bed_vtd.fsts & 1, 0, "nothing is recorded while the overflow stands");
	cr_expect_eq(told_lost, 1);
	/* An overflow alone is told with the next fault. */
	bed_vtd.fsts |= 1;
	interrupt();
	cr_expect_eq(told_lost, 1);
	vtd_record(&bed_vtd, 1, 0x1000, true, 2);
	interrupt();
	cr_expect_eq(told_count, 2);
	cr_expect_eq(told_lost, 2);
}

/* The same, when it does. Returns how often. */
static unsigned int interrupt_if_raised(void)
{
	static unsigned int delivered;

	if (bed_vtd.interrupts == delivered)
		return 0;
	delivered = bed_vtd.interrupts;
	interrupt();
	return 1;
}

/* A device that faults as fast as it is heard. */
static void storm(uint16_t source, unsigned int count)
{
	uint64_t target;

	for (unsigned int i = 0; i < count; i++) {
		vtd_access(&bed_vtd, source, 0x2000, true, &target);
		(void)interrupt_if_raised();
	}
}

static bool interrupt_masked(void)
{
	return bed_vtd.fectl & 0x80000000u;
}

Test(storm, is_cut_off_in_the_hardware_and_said_once)
{
	uint64_t target;

	begin(VTD_CAP_39);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x1000, 0x9000, 0x1000, CORDON_DMA_READ | CORDON_DMA_WRITE),
	             0);
	fake_log_clear();
	storm(BED_SOURCE, 1000);
	cr_expect_eq(told_count, IOMMU_FAULT_STORM);
	cr_expect_eq(bed.unit->faults, IOMMU_FAULT_STORM + 1, "the hardware still records");
	const char *line = strstr(fake_log_text(), "more than");
	cr_assert_not_null(line);
	cr_expect_null(strstr(line + 1, "more than"), "said more than once");
	/* Other requesters are heard, and the silenced one still translates. */
	storm(BED_NEIGHBOUR, 1);
	cr_expect_eq(told_count, IOMMU_FAULT_STORM + 1);
	cr_expect_eq(told_lost, 1, "the fault that was one too many");
	cr_expect_eq(vtd_access(&bed_vtd, BED_SOURCE, 0x1000, true, &target), 0);
}

Test(storm, of_a_blocked_requester_is_cut_off_too)
{
	begin(VTD_CAP_39);
	storm(BED_NEIGHBOUR, 1000);
	cr_expect_eq(told_count, IOMMU_FAULT_STORM);
	cr_expect_eq(bed.unit->faults, IOMMU_FAULT_STORM + 1);
}

Test(storm, ends_after_a_while)
{
	begin(VTD_CAP_39);
	bed_domain();
	storm(BED_SOURCE, 1000);
	iommu_poll_faults();
	storm(BED_SOURCE, 1);
	cr_expect_eq(told_count, IOMMU_FAULT_STORM, "heard again too early");
	fake_clock_advance(IOMMU_FAULT_WINDOW);
	iommu_poll_faults();
	storm(BED_SOURCE, 1);
	cr_expect_eq(told_count, IOMMU_FAULT_STORM + 1);
}

Test(storm, next_holder_is_heard)
{
	struct iommu_domain *other;

	begin(VTD_CAP_39);
	struct iommu_domain *domain = bed_domain();
	storm(BED_SOURCE, 1000);
	cr_assert_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	other = bed_new_domain();
	cr_assert_eq(iommu_attach(other, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	storm(BED_SOURCE, 1);
	cr_expect_eq(told_count, IOMMU_FAULT_STORM + 1);
}

Test(storm, slow_faults_are_no_storm)
{
	begin(VTD_CAP_39);
	bed_domain();
	for (unsigned int i = 0; i < 300; i++) {
		storm(BED_SOURCE, 1);
		fake_clock_advance(20 * MS);
	}
	cr_expect_eq(told_count, 300);
}

Test(storm, without_memory_for_an_entry_masks_the_interrupt)
{
	begin(VTD_CAP_39);
	fake_page_fail(1);
	storm(0x0500, 1000); /* a bus without a context table */
	fake_page_fail(0);
	cr_expect_eq(told_count, IOMMU_FAULT_STORM);
	cr_expect(interrupt_masked());
	fake_clock_advance(IOMMU_FAULT_WINDOW);
	iommu_poll_faults();
	cr_expect_not(interrupt_masked());
}

Test(storm, of_many_requesters_is_bounded)
{
	begin(VTD_CAP_39);
	for (unsigned int round = 0; round < 70; round++) {
		for (uint16_t source = 0; source < 40; source++)
			storm(source, 1);
	}
	/* Whatever was told, all else was counted. */
	cr_expect_leq(told_count, IOMMU_FAULT_UNIT_STORM);
	cr_expect(interrupt_masked(), "interrupts go on");
	cr_expect_eq(told_count + told_lost + bed.unit->faults_lost, bed.unit->faults);
}

/* A unit whose records never end, as with a device that faults faster than they are read. */
static bool endless_read(struct iommu_unit *unit, struct iommu_fault *fault, uint64_t *lost)
{
	static uint16_t source;

	(void)unit;
	(void)lost;
	*fault = (struct iommu_fault){.requester = {source++ % 20}, .reason = CORDON_FAULT_BLOCKED};
	return true;
}

static void begin_with_records(bool (*read)(struct iommu_unit *, struct iommu_fault *, uint64_t *))
{
	static struct iommu_ops ops;

	begin(VTD_CAP_39);
	ops = *bed.unit->ops;
	ops.fault_read = read;
	bed.unit->ops = &ops;
}

Test(storm, one_interrupt_tells_a_burst_and_ends)
{
	begin_with_records(endless_read);
	interrupt();
	cr_expect_eq(told_count, IOMMU_FAULT_BURST);
	cr_expect_eq(told_count + told_lost + bed.unit->faults_lost, bed.unit->faults);
	cr_expect(interrupt_masked(), "the next one comes at once");
}

/* Refused interrupts do not ask the context entry where the silence is. Each comes when the last
 * one was read: one interrupt of the CPU for each. */
static unsigned int storm_of_interrupts(unsigned int count)
{
	unsigned int taken = 0;

	for (unsigned int i = 0; i < count; i++) {
		vtd_record(&bed_vtd, BED_NEIGHBOUR, i, true, 0x22);
		taken += interrupt_if_raised();
	}
	return taken;
}

Test(storm, that_no_silence_stops_is_bounded_by_the_unit)
{
	begin(VTD_CAP_39);
	fake_log_clear();
	cr_expect_leq(storm_of_interrupts(4 * IOMMU_FAULT_UNIT_STORM), IOMMU_FAULT_UNIT_STORM + 1);
	cr_expect(interrupt_masked());
	cr_expect_eq(told_count, IOMMU_FAULT_STORM);
	/* Who polls all the time does not undo it. */
	for (unsigned int i = 0; i < 4; i++) {
		iommu_poll_faults();
		cr_expect_eq(storm_of_interrupts(10), 0);
	}
	const char *line = strstr(fake_log_text(), "interrupts are off");
	cr_assert_not_null(line);
	cr_expect_null(strstr(line + 1, "interrupts are off"), "said more than once");
	fake_clock_advance(IOMMU_FAULT_WINDOW);
	iommu_poll_faults();
	cr_expect_not(interrupt_masked());
	cr_expect_leq(storm_of_interrupts(4 * IOMMU_FAULT_UNIT_STORM), IOMMU_FAULT_UNIT_STORM + 1);
}

Test(storm, of_a_silenced_requester_leaves_room_for_others)
{
	uint64_t target;

	begin(VTD_CAP_39);
	bed_domain();
	storm_of_interrupts(4 * IOMMU_FAULT_UNIT_STORM);
	cr_assert(interrupt_masked());
	cr_assert_eq(told_count, IOMMU_FAULT_STORM);
	iommu_poll_faults();
	vtd_access(&bed_vtd, BED_SOURCE, 0x2000, true, &target);
	iommu_poll_faults();
	cr_assert_eq(told_count, IOMMU_FAULT_STORM + 1);
	cr_expect_eq(told[IOMMU_FAULT_STORM].requester.raw, BED_SOURCE);
}

/* One less than the handler reads before it gives up by itself. */
static bool batch_read(struct iommu_unit *unit, struct iommu_fault *fault, uint64_t *lost)
{
	static unsigned int left = IOMMU_FAULT_DRAIN - 1;

	(void)unit;
	(void)lost;
	*fault = (struct iommu_fault){.requester = {BED_NEIGHBOUR}, .reason = CORDON_FAULT_OTHER};
	if (left-- == 0) {
		left = IOMMU_FAULT_DRAIN - 1;
		return false;
	}
	return true;
}

Test(storm, just_below_a_batch_is_bounded_by_the_unit)
{
	begin_with_records(batch_read);
	interrupt();
	interrupt();
	cr_expect_not(interrupt_masked());
	interrupt();
	cr_expect(interrupt_masked());
	cr_expect_leq(told_count, IOMMU_FAULT_STORM);
	cr_expect_eq(told_count + told_lost + bed.unit->faults_lost, bed.unit->faults);
}

/* As with records that a unit drops itself. */
Test(storm, of_interrupts_that_bring_nothing_is_bounded_by_the_unit)
{
	begin(VTD_CAP_39);
	for (unsigned int i = 0; i < IOMMU_FAULT_UNIT_STORM; i++)
		interrupt();
	cr_expect_not(interrupt_masked());
	interrupt();
	cr_expect(interrupt_masked());
}
