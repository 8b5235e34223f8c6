// SPDX-License-Identifier: MIT
/* Faults of AMD-Vi: what an event means, who is told, what a storm does. */
#include <criterion/criterion.h>
#include <tests/unit/iommu/amd_bed.h>

#include <drivers/iommu/amd/amd.h>
#include <kernel/cmdline.h>
#include <string.h>

#define BIT(n) (UINT64_C(1) << (n))
#define MS     UINT64_C(1000000)

static struct iommu_fault told[4096];
static size_t told_count;
static uint64_t told_lost;

static void sink(const struct iommu_fault *fault, uint64_t lost)
{
	cr_assert_not(spin_held(&bed.unit->lock));
	told[told_count++ % ARRAY_SIZE(told)] = *fault;
	told_lost += lost;
}

static void begin_faults(unsigned int kind)
{
	bed_prepare(AMDVI_FEATURES, kind);
	bed_start();
	cr_assert(iommu_usable(NULL));
	iommu_set_fault_sink(sink);
}

/* As the CPU does when the unit raises its event. */
static void interrupt(void)
{
	machine_irq_handler(machine_irq_context);
}

/* --- what is told ---------------------------------------------------------------------------- */

Test(amd_fault, reasons_and_requesters)
{
	uint64_t target;

	begin_faults(0);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x1000, 0x300000, 0x1000, CORDON_DMA_READ), 0);
	cr_assert_eq(bed_map(domain, 0x2000, 0x300000, 0x1000, CORDON_DMA_WRITE), 0);
	bed_reach(BED_SOURCE, 0x1234, true, &target);
	bed_reach(BED_SOURCE, 0x2234, false, &target);
	bed_reach(BED_SOURCE, 0x7000, true, &target);
	bed_reach(BED_NEIGHBOUR, 0x1000, false, &target);
	cr_expect_eq(bed_amdvi.interrupts, 4);
	interrupt();
	cr_assert_eq(told_count, 4);
	cr_expect(told[0].reason == CORDON_FAULT_WRITE_DENIED && told[0].write &&
	          told[0].requester.raw == BED_SOURCE && told[0].address == 0x1234);
	cr_expect(told[1].reason == CORDON_FAULT_READ_DENIED && !told[1].write);
	cr_expect(told[2].reason == CORDON_FAULT_NOT_PRESENT && told[2].address == 0x7000);
	cr_expect(told[3].reason == CORDON_FAULT_BLOCKED && told[3].requester.raw == BED_NEIGHBOUR);
	cr_expect_eq(told[0].hardware_code, 2);
	cr_expect_eq(bed_amdvi.status & 2, 0, "the interrupt was acknowledged");
	cr_expect_eq(bed_amdvi.event_head, bed_amdvi.event_tail);
}

Test(amd_fault, refused_interrupt)
{
	uint32_t apic;
	uint8_t vector;

	begin_faults(0);
	amdvi_interrupt(&bed_amdvi, BED_SOURCE, 0x44, &vector, &apic);
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
	        {UINT64_C(0x9000000000000018), true, CORDON_FAULT_OTHER}, /* a page request */
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
	bed_unit_function->subsystem_vendor = 0x1af4;
	cmdline_init("iommu.dma-remap=on");
	bed_start();
	iommu_set_fault_sink(sink);
	for (unsigned int i = 0; i < 16; i++)
		amdvi_event(&bed_amdvi, UINT64_C(0x200a000000000018), 0);
	amdvi_event(&bed_amdvi, UINT64_C(0x2009000000000018), 0);
	iommu_poll_faults();
	cr_expect_eq(told_count, 2);
	amdvi_event(&bed_amdvi, UINT64_C(0x2009000000000018), 0);
	iommu_poll_faults();
	cr_expect_eq(told_count, 3);
}

Test(amd_fault, equal_events_of_a_unit_by_the_specification_are_all_told)
{
	begin_faults(0);
	for (unsigned int i = 0; i < 3; i++)
		amdvi_event(&bed_amdvi, UINT64_C(0x2020000000000018), 0x5000);
	iommu_poll_faults();
	cr_expect_eq(told_count, 3);
}

Test(amd_fault, full_log_goes_on_after_it_was_read)
{
	uint64_t target;

	begin_faults(0);
	/* Of many requesters, so that none is silenced: 255 fit. */
	for (unsigned int i = 0; i < 300; i++)
		bed_reach((uint16_t)(0x100 + i * 8), 0x1000, true, &target);
	cr_expect_eq(bed_amdvi.status & 9, 1, "it overflowed and stopped");
	for (unsigned int i = 0; i < 40; i++)
		iommu_poll_faults();
	cr_expect_eq(bed_amdvi.status & 9, 8, "it runs again");
	cr_expect_gt(told_lost + bed.unit->faults_lost, 0);
	uint64_t before = told_count;
	fake_clock_advance(10 * IOMMU_FAULT_WINDOW);
	bed_reach(BED_SOURCE, 0x5000, true, &target);
	iommu_poll_faults();
	cr_expect_eq(told_count, before + 1);
	cr_expect_eq(told[before % ARRAY_SIZE(told)].requester.raw, BED_SOURCE);
}

Test(amd_fault, event_that_comes_after_its_tail_is_waited_for)
{
	uint64_t target;

	begin_faults(0);
	bed_amdvi.late_events = true;
	for (unsigned int i = 0; i < 600; i++) {
		bed_reach(BED_SOURCE, (uint64_t)i << 12, true, &target);
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
	bed_amdvi.late_events = true;
	bed_reach(BED_SOURCE, 0x1000, true, &target);
	bed_amdvi.late_at = 0;
	iommu_poll_faults();
	cr_expect_eq(told_count, 0);
	cr_expect_eq(bed.unit->faults_lost, 1);
	bed_amdvi.late_events = false;
	bed_reach(BED_SOURCE, 0x2000, true, &target);
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
		bed_reach(BED_SOURCE, 0x9000, true, &target);
	for (unsigned int i = 0; i < 20; i++)
		interrupt();
	uint64_t events = bed_amdvi.event_tail;
	bed_reach(BED_SOURCE, 0x9000, true, &target);
	cr_expect_eq(bed_amdvi.event_tail, events, "silenced");
	cr_expect_eq(bed_reach(BED_SOURCE, 0x1000, true, &target), 0, "and still at work");
	bed_reach(BED_NEIGHBOUR, 0x9000, true, &target);
	cr_expect_neq(bed_amdvi.event_tail, events, "others are heard");
	fake_clock_advance(2 * IOMMU_FAULT_WINDOW);
	iommu_poll_faults();
	events = bed_amdvi.event_tail;
	bed_reach(BED_SOURCE, 0x9000, true, &target);
	cr_expect_neq(bed_amdvi.event_tail, events, "heard again");
}

Test(amd_fault, interrupt_is_masked_and_unmasked)
{
	begin_faults(0);
	amd_fault_interrupt_mask(bed.unit, true);
	cr_expect_eq(bed_amdvi.control & BIT(3), 0);
	amd_fault_interrupt_mask(bed.unit, false);
	cr_expect_eq(bed_amdvi.control & BIT(3), BIT(3));
}

Test(amd_fault, poll_needs_no_interrupt)
{
	begin_faults(0);
	amdvi_event(&bed_amdvi, UINT64_C(0x2020000000000018), 0x5000);
	iommu_poll_faults();
	cr_expect_eq(told_count, 1);
}

Test(amd_fault, several_events_come_in_order_and_around_the_end_of_the_log)
{
	begin_faults(0);
	for (unsigned int round = 0; round < 100; round++) {
		for (unsigned int i = 0; i < 7; i++)
			amdvi_event(&bed_amdvi, UINT64_C(0x2020000000000000) | i,
			            (uint64_t)round << 12);
		interrupt();
		cr_assert_eq(told_count, 7 * (round + 1));
		for (unsigned int i = 0; i < 7; i++) {
			cr_assert_eq(told[7 * round + i].requester.raw, i);
			cr_assert_eq(told[7 * round + i].address, (uint64_t)round << 12);
		}
		fake_clock_advance(IOMMU_FAULT_WINDOW);
	}
}

Test(amd_fault, time_is_that_of_the_reading)
{
	begin_faults(0);
	fake_clock_set(77 * MS);
	amdvi_event(&bed_amdvi, UINT64_C(0x2020000000000018), 0x5000);
	interrupt();
	cr_expect_eq(told[0].time_ns, 77 * MS);
}

Test(amd_fault, events_of_commands_and_counters_are_nobodys)
{
	begin_faults(0);
	amdvi_event(&bed_amdvi, UINT64_C(0x5000000000000000), 0x1000);
	amdvi_event(&bed_amdvi, UINT64_C(0x6000000000000000), 0x1000);
	amdvi_event(&bed_amdvi, UINT64_C(0xa000000000000000), 0x1000);
	amdvi_event(&bed_amdvi, UINT64_C(0x2020000000000018), 0x5000);
	interrupt();
	cr_assert_eq(told_count, 1);
	cr_expect_eq(told[0].requester.raw, BED_SOURCE);
}

/* The log stops when it overflows: what came after is not there, and the unit must be told to go
 * on only when all was read. */
Test(amd_fault, overflow_is_counted_and_the_log_started_again_only_when_it_was_read)
{
	uint64_t target;

	begin_faults(0);
	for (unsigned int i = 0; i < 300; i++)
		bed_reach((uint16_t)(0x100 + i * 8), 0x1000, true, &target);
	interrupt();
	cr_expect_eq(bed_amdvi.control & BIT(2), BIT(2));
	cr_expect_eq(bed_amdvi.status & 1, bed_amdvi.event_head == bed_amdvi.event_tail ? 0 : 1,
	             "acknowledged before all was read");
	for (unsigned int i = 0; i < 40; i++)
		iommu_poll_faults();
	cr_expect_eq(bed_amdvi.status & 1, 0);
	cr_expect_eq(told_count + told_lost + bed.unit->faults_lost, bed.unit->faults + 1,
	             "each event that was there is told or counted, and the overflow is one");
}

Test(amd_fault, log_that_does_not_go_on_is_said)
{
	uint64_t target;

	begin_faults(0);
	for (unsigned int i = 0; i < 300; i++)
		bed_reach((uint16_t)(0x100 + i * 8), 0x1000, true, &target);
	bed_amdvi.stuck = BIT(2);
	fake_log_clear();
	for (unsigned int i = 0; i < 40; i++)
		iommu_poll_faults();
	cr_expect(strstr(fake_log_text(), "does not go on"), "%s", fake_log_text());
}

/* --- storms ---------------------------------------------------------------------------------- */

/* The same, when it does. Returns how often. */
static unsigned int interrupt_if_raised(void)
{
	static unsigned int delivered;

	if (bed_amdvi.interrupts == delivered)
		return 0;
	delivered = bed_amdvi.interrupts;
	interrupt();
	return 1;
}

/* A device that faults as fast as it is heard. */
static void storm(uint16_t source, unsigned int count)
{
	uint64_t target;

	for (unsigned int i = 0; i < count; i++) {
		bed_reach(source, 0x2000, true, &target);
		(void)interrupt_if_raised();
	}
}

Test(amd_storm, is_cut_off_in_the_hardware_and_said_once)
{
	uint64_t target;

	begin_faults(0);
	struct iommu_domain *domain = bed_domain();
	cr_assert_eq(bed_map(domain, 0x1000, 0x300000, 0x1000, RW), 0);
	fake_log_clear();
	storm(BED_SOURCE, 1000);
	cr_expect_eq(told_count, IOMMU_FAULT_STORM);
	cr_expect_eq(bed.unit->faults, IOMMU_FAULT_STORM + 1, "the hardware still records");
	const char *line = strstr(fake_log_text(), "more than");
	cr_assert_not_null(line);
	cr_expect_null(strstr(line + 1, "more than"), "said more than once");
	storm(BED_NEIGHBOUR, 1);
	cr_expect_eq(told_count, IOMMU_FAULT_STORM + 1);
	cr_expect_eq(told_lost, 1, "the fault that was one too many");
	cr_expect_eq(bed_reach(BED_SOURCE, 0x1000, true, &target), 0);
}

Test(amd_storm, of_a_blocked_requester_is_cut_off_too)
{
	begin_faults(0);
	storm(BED_NEIGHBOUR, 1000);
	cr_expect_eq(told_count, IOMMU_FAULT_STORM);
	cr_expect_eq(bed.unit->faults, IOMMU_FAULT_STORM + 1);
}

Test(amd_storm, ends_after_a_while)
{
	begin_faults(0);
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

Test(amd_storm, next_holder_is_heard)
{
	struct iommu_domain *other;

	begin_faults(0);
	struct iommu_domain *domain = bed_domain();
	storm(BED_SOURCE, 1000);
	cr_assert_eq(iommu_detach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	other = bed_new_domain();
	cr_assert_eq(iommu_attach(other, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	storm(BED_SOURCE, 1);
	cr_expect_eq(told_count, IOMMU_FAULT_STORM + 1);
}

Test(amd_storm, slow_faults_are_no_storm)
{
	begin_faults(0);
	bed_domain();
	for (unsigned int i = 0; i < 300; i++) {
		storm(BED_SOURCE, 1);
		fake_clock_advance(20 * MS);
	}
	cr_expect_eq(told_count, 300);
}

Test(amd_storm, of_many_requesters_is_bounded)
{
	begin_faults(0);
	for (unsigned int round = 0; round < 70; round++) {
		for (uint16_t source = 0; source < 40; source++)
			storm(source, 1);
	}
	cr_expect_leq(told_count, IOMMU_FAULT_UNIT_STORM);
	cr_expect_eq(bed_amdvi.control & BIT(3), 0, "interrupts go on");
	cr_expect_eq(told_count + told_lost + bed.unit->faults_lost, bed.unit->faults);
	fake_clock_advance(IOMMU_FAULT_WINDOW);
	iommu_poll_faults();
	cr_expect_eq(bed_amdvi.control & BIT(3), BIT(3), "and come again after the window");
}

/* SA is for page faults: not for a device that reads where messages go (2.5.9), for one. */
Test(amd_storm, that_no_silence_stops_is_bounded_by_the_unit)
{
	unsigned int taken = 0;

	begin_faults(0);
	for (unsigned int i = 0; i < 4 * IOMMU_FAULT_UNIT_STORM; i++) {
		amdvi_event(&bed_amdvi, UINT64_C(8) << 60 | BED_NEIGHBOUR, UINT64_C(0xfee00000));
		taken += interrupt_if_raised();
	}
	cr_expect_leq(taken, IOMMU_FAULT_UNIT_STORM + 1);
	cr_expect_eq(bed_amdvi.control & BIT(3), 0, "interrupts go on");
	cr_expect_eq(told_count, IOMMU_FAULT_STORM);
	fake_clock_advance(IOMMU_FAULT_WINDOW);
	iommu_poll_faults();
	cr_expect_eq(bed_amdvi.control & BIT(3), BIT(3), "and come again after the window");
}
