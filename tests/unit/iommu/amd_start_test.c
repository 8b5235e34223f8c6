// SPDX-License-Identifier: MIT
/* Bringing an AMD-Vi unit up: what it must offer, the order of the take-over, who is covered. */
#include <criterion/criterion.h>
#include <tests/unit/iommu/amd_bed.h>

#include <arch/mmio.h>
#include <cordon/errno.h>
#include <kernel/cmdline.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BIT(n) (UINT64_C(1) << (n))

static void assert_all_blocked(void)
{
	uint64_t target;

	for (unsigned int source = 0; source < 0x10000; source++) {
		cr_assert_eq(amdvi_walk(&bed_amdvi, (uint16_t)source, 0x1000, source & 1, &target),
		             AMDVI_PAGE_FAULT, "%#x", source);
	}
}

Test(amd_start, unit_is_usable)
{
	struct cordon_iommu_desc desc;
	const char *why;
	uint16_t msi[8];

	bed_prepare(AMDVI_FEATURES, 0);
	bed_start();
	cr_assert(iommu_usable(&why), "%s", why);
	cr_assert(iommu_describe(0, &desc));
	cr_expect_eq(desc.vendor, CORDON_IOMMU_AMD);
	cr_expect_eq(desc.usable, 1);
	cr_expect_eq(desc.registers, AMDVI_BASE);
	cr_expect_eq(desc.address_bits, 48);
	cr_expect_eq(desc.levels, 4);
	cr_expect_eq(desc.translation, 1);
	cr_expect_eq(desc.remapping, 1);
	cr_expect_eq(desc.page_sizes, 0x40201000);
	cr_expect_eq(desc.reports_faults, 1);
	cr_expect_not(strstr(desc.text, "reports no faults"));
	/* Enable, events, event interrupt, coherent, commands, wide entries. */
	cr_expect_eq(bed_amdvi.control, 0x2140d, "%#llx", (unsigned long long)bed_amdvi.control);
	cr_expect_eq(bed_amdvi.status & 0x18, 0x18, "log and commands run");
	memcpy(msi, machine_config(bed_unit_function) + BED_MSI, sizeof(msi));
	cr_expect_eq(msi[1], 0x0087, "one message, switched on");
	cr_expect_eq(msi[2], MACHINE_APIC_ID << 12);
	cr_expect_eq(msi[3], 0xfee0);
	cr_expect_eq(msi[6], MACHINE_FIRST_VECTOR);
	cr_expect_null(bed.function->refused);
	cr_expect_eq(bed.function->iommu, bed.unit);
	cr_expect_eq(bed.neighbour->iommu, bed.unit, "by its range");
	cr_expect_null(bed_unit_function->iommu);
	cr_expect(iommu_overlaps_registers(AMDVI_BASE + 0x3fff, 1));
	cr_expect_not(iommu_overlaps_registers(AMDVI_BASE + 0x4000, 1));
}

/* S1: no entry of the whole table is ever one of zeroes. The model looks at each when the unit goes
 * on, and at each store afterwards. */
Test(amd_start, every_requester_is_blocked)
{
	bed_prepare(AMDVI_FEATURES, 0);
	bed_start();
	cr_expect_eq(bed_amdvi.device_table & 0x1ff, 0x1ff, "65536 entries");
	assert_all_blocked();
}

/* S6: whoever sends it, and whatever it is. */
Test(amd_start, every_interrupt_is_refused)
{
	uint8_t vector;
	uint32_t apic;

	bed_prepare(AMDVI_FEATURES, 0);
	bed_start();
	for (unsigned int source = 0; source < 0x10000; source += 5)
		cr_assert_eq(amdvi_interrupt(&bed_amdvi, (uint16_t)source, source & 0x7ff, &vector,
		                             &apic),
		             AMDVI_PAGE_FAULT);
}

Test(amd_start, device_table_entry_of_a_blocked_requester_is_as_the_specification_says)
{
	const uint64_t *entry;

	bed_prepare(AMDVI_FEATURES, BED_COHERENT);
	bed_start();
	entry = phys_to_virt(paddr((bed_amdvi.device_table & ~UINT64_C(0xfff)) + 0x1234 * 32));
	cr_expect_eq(entry[0] & ~UINT64_C(0xffffffffff000), 0x803, "valid, levels, no rights");
	cr_expect_eq(entry[1], 0);
	cr_expect_eq(entry[2], 0x1, "IV, and IntCtl 00: refused");
	cr_expect_eq(entry[3], 0);
}

/* S1: in this order, whatever was on. */
Test(amd_start, unit_that_was_on_is_taken_over_in_order)
{
	bed_prepare(AMDVI_FEATURES, 0);
	/* Enable, events and their interrupt, commands and theirs, PPR log and all, GA log. */
	bed_amdvi.control = 0x3000f01d;
	bed_amdvi.status = 0x19f;
	bed_amdvi.exclusion_base = 0x100003;
	bed_amdvi.exclusion_limit = 0x1ff000;
	bed_amdvi.command_base = 0x0800000000200000;
	bed_amdvi.event_base = 0x0800000000201000;
	bed_amdvi.device_table = 0x202000;
	bed_amdvi.command_head = bed_amdvi.command_tail = 0x40;
	/* The old device table, which the model reads when control is written. */
	bed_start();
	cr_assert(iommu_usable(NULL));

	int quiet = bed_write_index(0, 0x18, 0x20004018, 0);
	int commands_off = bed_write_index(0, 0x18, BIT(12), 0);
	int ppr_off = bed_write_index(0, 0x18, BIT(13) | BIT(15), 0);
	int log_off = bed_write_index(0, 0x18, BIT(2), 0);
	int off = bed_write_index(0, 0x18, BIT(0), 0);
	int exclusion_off = bed_write_index(0, 0x20, UINT64_MAX, 0);
	cr_expect(quiet >= 0 && quiet < commands_off && commands_off < ppr_off &&
	                  ppr_off < log_off && log_off < off && off < exclusion_off,
	          "quiet %d commands %d page requests %d log %d unit %d exclusion %d", quiet,
	          commands_off, ppr_off, log_off, off, exclusion_off);

	/* Then ours: tables and rings, the unit, the commands. */
	size_t from = (size_t)exclusion_off;
	int table = bed_write_index(from, 0x00, 0x1ff, 0x1ff);
	int commands = bed_write_index(from, 0x08, UINT64_C(15) << 56, UINT64_C(8) << 56);
	int events = bed_write_index(from, 0x10, UINT64_C(15) << 56, UINT64_C(8) << 56);
	int on = bed_write_index(from, 0x18, BIT(0), BIT(0));
	int commands_on = bed_write_index(from, 0x18, BIT(12), BIT(12));
	int first = bed_write_index((size_t)on, 0x2008, 0, 0);
	cr_expect(table >= 0 && table < on && commands >= 0 && commands < on && events >= 0 &&
	                  events < on && on < commands_on && commands_on < first,
	          "table %d commands %d events %d on %d %d first %d", table, commands, events, on,
	          commands_on, first);
	cr_expect_eq(bed_amdvi.commands[0].low, UINT64_C(8) << 60, "everything is forgotten first");
	cr_expect(strstr(fake_log_text(), "taken over"));
	assert_all_blocked();
}

Test(amd_start, what_does_not_go_off_makes_the_unit_unusable)
{
	static const uint64_t bits[] = {BIT(0) | BIT(2), BIT(0) | BIT(12), BIT(0) | BIT(13), BIT(0),
	                                BIT(0) | BIT(28)};

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		pid_t child = machine_fork();

		if (child == 0) {
			bed_prepare(AMDVI_FEATURES, 0);
			bed_amdvi.control = bits[i];
			bed_amdvi.stuck_off = bits[i];
			bed_amdvi.status = 0x198;
			bed_amdvi.command_base = bed_amdvi.event_base = UINT64_C(8) << 56 |
			                                                0x200000;
			bed_start();
			_exit(strstr(bed_why_unusable(), "does not go off") ? 0 : 1);
		}
		int status;
		waitpid(child, &status, 0);
		cr_expect_eq(status, 0, "bits %#llx", (unsigned long long)bits[i]);
	}
}

Test(amd_start, exclusion_range_that_stays_makes_the_unit_unusable)
{
	bed_prepare(AMDVI_FEATURES, 0);
	bed_amdvi.exclusion_base = 0x100003;
	bed_amdvi.exclusion_stuck = true;
	bed_start();
	bed_assert_refused("does not go off");
}

Test(amd_start, switch_that_stays_off_makes_the_unit_unusable)
{
	static const struct {
		uint64_t bit;
		const char *why;
	} cases[] = {{BIT(0), "switched on, but stays off"},
	             {BIT(2), "event log"},
	             {BIT(12), "command buffer"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pid_t child = machine_fork();

		if (child == 0) {
			bed_prepare(AMDVI_FEATURES, 0);
			bed_amdvi.stuck = cases[i].bit;
			bed_start();
			_exit(strstr(bed_why_unusable(), cases[i].why) ? 0 : 1);
		}
		int status;
		waitpid(child, &status, 0);
		cr_expect_eq(status, 0, "%s", cases[i].why);
	}
}

Test(amd_start, commands_that_are_not_confirmed_make_the_unit_unusable)
{
	bed_prepare(AMDVI_FEATURES, 0);
	bed_amdvi.stalled = true;
	bed_start();
	cr_expect(strstr(bed_why_unusable(), "stopped answering"));
	cr_expect(bed_amdvi.control & 1, "blocked is better than open");
	assert_all_blocked();
}

/* Without the command for all of it, each id is told. */
Test(amd_start, unit_that_cannot_forget_all_at_once)
{
	bed_prepare(AMDVI_FEATURES & ~AMDVI_FEATURE_IA, 0);
	bed_start();
	cr_assert(iommu_usable(NULL));
	cr_expect_geq(bed_amdvi.command_count, 3 * 65536);
	cr_expect_eq(bed_amdvi.status & BIT(4), BIT(4));
}

Test(amd_start, narrow_interrupt_entries_where_there_are_no_others)
{
	bed_prepare(AMDVI_FEATURES & ~AMDVI_FEATURE_WIDE, 0);
	bed_start();
	cr_assert(iommu_usable(NULL));
	cr_expect_eq(bed_amdvi.control & BIT(17), 0);
}

Test(amd_start, fabric_bits_are_as_firmware_says)
{
	bed_prepare(AMDVI_FEATURES, 0);
	bed_description->flags = 0x0f;
	bed_start();
	cr_expect_eq(bed_amdvi.control & 0xb02, 0xb02);
}

/* S5, S6 */
Test(amd_start, without_an_io_apic_in_the_table_nothing_is_handed_out)
{
	uint8_t vector;
	uint32_t apic;

	bed_prepare(AMDVI_FEATURES, 0);
	bed_description->special_count = 0;
	bed_start();
	bed_assert_refused("interrupt remapping is absent");
	cr_expect(bed.unit->translation, "blocked is better than open");
	assert_all_blocked();
	/* The kernel's own interrupts still pass. */
	cr_expect_eq(amdvi_interrupt(&bed_amdvi, BED_IOAPIC, 0x41, &vector, &apic), AMDVI_OK);
	cr_expect_eq(vector, 0x41);
}

Test(amd_start, memory_beyond_its_addresses_makes_the_unit_unusable)
{
	bed_prepare(AMDVI_FEATURES, 0);
	machine_ivrs.physical_bits = 32;
	bed_start();
	bed_assert_refused("memory lies beyond");
}

/* Entries could then be seen half changed. */
Test(amd_start, processor_that_stores_one_word_at_a_time_makes_the_unit_unusable)
{
	bed_prepare(AMDVI_FEATURES, 0);
	fake_can_store_pair = false;
	bed_start();
	bed_assert_refused("cannot store an entry at once");
	cr_expect(bed.unit->translation, "blocked is better than open");
	assert_all_blocked();
}

/* What it lets pass nobody can help; its interrupts are remapped all the same. */
static void check_no_translation(void)
{
	struct cordon_iommu_desc desc;

	bed_start();
	bed_assert_refused("it walks no page tables");
	cr_assert(iommu_describe(0, &desc));
	cr_expect_eq(desc.translation, 0);
	cr_expect_eq(desc.remapping, 1);
	cr_expect_eq(desc.levels, 0);
}

Test(amd_start, unit_that_walks_no_tables_is_not_used)
{
	bed_prepare(AMDVI_FEATURES | AMDVI_FEATURE_HATS, 0);
	check_no_translation();
}

Test(amd_start, unit_whose_translation_firmware_rules_out_is_not_used)
{
	bed_prepare(AMDVI_FEATURES, 0);
	bed_description->features = 1;
	check_no_translation();
}

Test(amd_start, the_older_description_says_something_else_in_that_bit)
{
	bed_prepare(AMDVI_FEATURES, 0);
	bed_description->type = 0x10;
	bed_description->features = 1;
	bed_start();
	cr_expect(iommu_usable(NULL));
}

Test(amd_start, width_of_addresses_limits_the_iova)
{
	struct cordon_iommu_desc desc;

	bed_prepare(AMDVI_FEATURES, 0);
	machine_ivrs.virtual_bits = 40;
	bed_start();
	cr_assert(iommu_describe(0, &desc));
	cr_expect_eq(desc.address_bits, 40);
}

Test(amd_start, iova_has_a_hole_for_the_fabric)
{
	struct cordon_iova_range ranges[4];
	struct iommu_domain *domain;

	bed_prepare(AMDVI_FEATURES, 0);
	bed_start();
	domain = bed_new_domain();
	cr_assert_eq(iommu_domain_ranges(domain, ranges, 4), 3);
	cr_expect(ranges[0].start == 0 && ranges[0].last == 0xfedfffff);
	cr_expect(ranges[1].start == 0xfef00000 && ranges[1].last == 0xfcffffffff);
	cr_expect(ranges[2].start == 0x10000000000 && ranges[2].last == 0xffffffffffff);
	cr_expect_eq(iommu_domain_ranges(domain, ranges, 2), 2);
	iommu_domain_destroy(domain);
}

Test(amd_start, hole_at_the_end_of_narrow_addresses)
{
	struct cordon_iova_range ranges[4];
	struct iommu_domain *domain;

	bed_prepare(AMDVI_FEATURES, 0);
	machine_ivrs.virtual_bits = 40;
	bed_start();
	domain = bed_new_domain();
	cr_assert_eq(iommu_domain_ranges(domain, ranges, 4), 2);
	cr_expect(ranges[1].start == 0xfef00000 && ranges[1].last == 0xfcffffffff);
	iommu_domain_destroy(domain);
}

Test(amd_start, malformed_table_hands_out_nothing)
{
	bed_prepare(AMDVI_FEATURES, 0);
	machine_ivrs_error = -EINVAL;
	bed_start();
	bed_assert_refused("the IVRS table is malformed");
	cr_expect_eq(bed_amdvi.write_count, 0);
}

Test(amd_start, table_too_large_hands_out_nothing)
{
	bed_prepare(AMDVI_FEATURES, 0);
	machine_ivrs_error = -E2BIG;
	bed_start();
	bed_assert_refused("the IVRS table names more than there is room for");
	cr_expect_eq(bed_amdvi.write_count, 0);
}

Test(amd_start, registers_that_cannot_be_mapped)
{
	bed_prepare(AMDVI_FEATURES, 0);
	bed_description->registers = paddr(UINT64_C(0xfed40000));
	bed_start();
	bed_assert_refused("cannot be mapped");
}

Test(amd_start, memory_runs_out_at_every_allocation)
{
	for (unsigned int n = 1; n <= 4; n++) {
		pid_t child = machine_fork();

		if (child == 0) {
			bed_prepare(AMDVI_FEATURES, 0);
			fake_page_fail(n);
			bed_start();
			_exit(strstr(bed_why_unusable(), "memory") ? 0 : 1);
		}
		int status;
		waitpid(child, &status, 0);
		cr_expect_eq(status, 0, "allocation %u", n);
	}
}

Test(amd_start, no_vector_for_faults_is_no_reason_to_refuse)
{
	bed_prepare(AMDVI_FEATURES, 0);
	machine_irq_error = -ENOSPC;
	bed_start();
	cr_expect(iommu_usable(NULL));
	cr_expect_eq(bed_amdvi.control & BIT(3), 0);
}

/* Its capability is not where the table says: then absence is taken to be cached. */
Test(amd_start, unit_without_a_function_is_driven_with_care)
{
	struct iommu_domain *domain;

	bed_prepare(AMDVI_FEATURES, BED_NO_ABSENT);
	bed_description->capability = 0x50;
	bed_start();
	cr_assert(iommu_usable(NULL));
	domain = bed_domain();
	size_t before = bed_amdvi.command_count;
	cr_assert_eq(bed_map(domain, 0x1000, 0x200000, 0x1000, CORDON_DMA_READ), 0);
	cr_expect_gt(bed_amdvi.command_count, before);
}

/* Mode 0 is "untranslated" for some; a blocked entry leads to tables in which nothing is there. */
Test(amd_start, blocked_entries_lead_to_empty_tables)
{
	const uint64_t *table;

	bed_prepare(AMDVI_FEATURES, 0);
	bed_start();
	table = phys_to_virt(paddr(bed_amdvi.device_table & ~UINT64_C(0xfff)));
	for (size_t i = 0; i < 0x10000; i += 0xff) {
		const uint64_t *root;
		uint64_t word = table[i * 4];

		cr_assert_eq(word & UINT64_C(0x6000000000000003), 3, "valid, no rights");
		cr_assert_eq(word >> 9 & 7, 4, "levels");
		root = phys_to_virt(paddr(word & UINT64_C(0xffffffffff000)));
		for (size_t k = 0; k < 512; k++)
			cr_assert_eq(root[k], 0);
	}
}

/* What firmware's log holds is not ours to attribute. */
Test(amd_start, old_events_are_dropped)
{
	bed_prepare(AMDVI_FEATURES, 0);
	bed_amdvi.control = BIT(0) | BIT(2);
	bed_amdvi.status = 0x9;
	bed_amdvi.event_base = UINT64_C(8) << 56 | 0x200000;
	bed_amdvi.event_tail = 0x100;
	bed_start();
	cr_assert(iommu_usable(NULL));
	iommu_poll_faults();
	cr_expect_eq(bed.unit->faults + bed.unit->faults_lost, 0);
	cr_expect_eq(bed_amdvi.status & 1, 0, "nor its overflow");
}

Test(amd_start, old_commands_that_are_never_done)
{
	bed_prepare(AMDVI_FEATURES, 0);
	bed_amdvi.control = BIT(0) | BIT(12);
	bed_amdvi.status = 0x10;
	bed_amdvi.command_base = UINT64_C(8) << 56 | 0x200000;
	bed_amdvi.command_tail = 0x40;
	bed_amdvi.stalled = true;
	bed_amdvi.stuck_off = BIT(12);
	bed_start();
	bed_assert_refused("does not go off");
	cr_expect_eq(bed_write_index(0, 0x00, 0, 0), -1, "its tables were replaced all the same");
}

/* The log of page requests and that of guest interrupts: nobody is to write either. */
Test(amd_start, logs_that_nobody_may_write_stay_off)
{
	bed_prepare(AMDVI_FEATURES, 0);
	bed_start();
	cr_expect_eq(bed_amdvi.control & (BIT(13) | BIT(14) | BIT(15) | BIT(28) | BIT(29)), 0);
	for (size_t i = 0; i < bed_amdvi.write_count && i < AMDVI_LOG_SIZE; i++) {
		if (bed_amdvi.writes[i].offset == 0x18)
			cr_expect_eq(bed_amdvi.writes[i].value & (BIT(13) | BIT(15) | BIT(28)), 0);
	}
}

/* Nothing passes before the device table is whole, nor is the table there before its entries'
 * format is chosen. */
Test(amd_start, format_of_interrupt_entries_before_the_table)
{
	bed_prepare(AMDVI_FEATURES, 0);
	bed_start();
	int wide = bed_write_index(0, 0x18, BIT(17), BIT(17));
	int table = bed_write_index(0, 0x00, 0x1ff, 0x1ff);
	int on = bed_write_index(0, 0x18, BIT(0), BIT(0));
	cr_expect(wide >= 0 && wide < table && table < on, "wide %d table %d on %d", wide, table,
	          on);
}

Test(amd_start, no_table_no_devices)
{
	bed_prepare(AMDVI_FEATURES, 0);
	machine_has_ivrs = false;
	bed_start();
	cr_expect(strstr(bed_why_unusable(), "no IOMMU found"));
	cr_expect_eq(bed_amdvi.write_count, 0, "and a unit that no table names is left alone");
}

Test(amd_start, kernel_option)
{
	cmdline_init("iommu=off");
	bed_prepare(AMDVI_FEATURES, 0);
	bed_start();
	cr_expect(strstr(bed_why_unusable(), "iommu=off"));
	cr_expect_eq(bed_amdvi.write_count, 0);
}
