// SPDX-License-Identifier: MIT
#include <tests/unit/iommu/amd_model_internal.h>

#include <arch/mmio.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct amdvi *units[2];
static size_t unit_count;

/* An entry may be seen at any time: valid always, rights never without a table of a domain, and the
 * id of a domain never without its table. */
static void check_entry(const uint64_t *words)
{
	cr_assert_eq(words[0] & 3, 3, "an entry that is not valid lets everything pass");
	if ((words[0] >> 61 & 3) == 0) {
		cr_assert_eq(words[1] & 0xffff, 0, "the empty table under the id of a domain");
		return;
	}
	cr_assert_neq(words[0] >> 9 & 7, 0, "rights without a table: untranslated");
	cr_assert_neq(words[1] & 0xffff, 0, "rights under the domain of blocked entries");
}

static void line_flushed(const void *line)
{
	uint64_t physical = virt_to_phys(line).raw;

	for (size_t i = 0; i < unit_count; i++) {
		uint64_t table = units[i]->device_table & ADDRESS;

		if (!amdvi_is_on(units[i]) || physical < table ||
		    physical - table >= amdvi_table_size(units[i]))
			continue;
		check_entry(line);
		check_entry((const uint64_t *)line + 4);
	}
}

/* --- events (2.5) ---------------------------------------------------------------------------- */

static uint64_t ring_bytes(uint64_t base)
{
	uint64_t length = base >> 56 & 15;

	cr_assert(length >= 8, "a ring has 256 entries at least");
	return BIT(length) * 16;
}

static void event_interrupt(struct amdvi *unit)
{
	unit->status |= BIT(1);
	if (unit->control & BIT(3))
		unit->interrupts++;
}

void amdvi_event(struct amdvi *unit, uint64_t low, uint64_t high)
{
	uint64_t at = (unit->event_base & ADDRESS) + unit->event_tail, next;

	if (!amdvi_is_on(unit) || !(unit->status & BIT(3)))
		return;
	next = (unit->event_tail + 16) % ring_bytes(unit->event_base);
	if (next == unit->event_head) {
		unit->status = (unit->status | BIT(0)) & ~BIT(3);
		event_interrupt(unit);
		return;
	}
	if (unit->late_events) {
		unit->late[0] = low;
		unit->late[1] = high;
		unit->late_at = at;
	} else {
		shadow_write(at + 8, high);
		shadow_write(at, low);
	}
	unit->event_tail = next;
	event_interrupt(unit);
}

/* --- caches ---------------------------------------------------------------------------------- */

static void pages_drop(struct amdvi *unit, uint16_t domain, uint64_t first, uint64_t last,
                       bool directories)
{
	for (size_t i = 0; i < AMDVI_TLB_SIZE; i++) {
		struct amdvi_tlb *leaf = &unit->tlb[i], *table = &unit->tables[i];

		if (leaf->domain == domain && leaf->first <= last &&
		    leaf->first + amdvi_span_of(leaf, false) - 1 >= first &&
		    (directories || !leaf->absent || leaf->level == 0))
			leaf->valid = false;
		if (directories && table->domain == domain && table->first <= last &&
		    table->first + amdvi_span_of(table, true) - 1 >= first)
			table->valid = false;
	}
}

static void entries_drop(struct amdvi *unit, int source)
{
	for (size_t i = 0; i < 64; i++) {
		if (source < 0 || unit->entries[i].source == source)
			unit->entries[i].valid = false;
	}
}

static void irtes_drop(struct amdvi *unit, int source)
{
	for (size_t i = 0; i < 64; i++) {
		if (source < 0 || unit->irtes[i].source == source)
			unit->irtes[i].valid = false;
	}
}

/* --- commands (2.4) -------------------------------------------------------------------------- */

static bool command_run(struct amdvi *unit, uint64_t low, uint64_t high)
{
	unsigned int opcode = low >> 60;
	uint64_t first = high & ~UINT64_C(0xfff), size = 4096;

	switch (opcode) {
	case 1:
		if ((low & UINT64_C(0x0ff0000000000000)) || !(low & 1))
			return false;
		shadow_write(low & UINT64_C(0x000ffffffffffff8), high);
		if (low & 2)
			unit->status |= BIT(2);
		return true;
	case 2:
		if ((low & UINT64_C(0x0fffffffffff0000)) || high)
			return false;
		entries_drop(unit, (uint16_t)low);
		return true;
	case 3:
		if ((low & UINT64_C(0x0fff0000ffffffff)) || (high & 0xffc))
			return false;
		if (high & 1) {
			unsigned int bit = 12;

			while (bit < 63 && (high >> bit & 1))
				bit++;
			size = bit < 63 ? BIT(bit + 1) : 0;
			first = size ? first & ~(size - 1) : 0;
		}
		pages_drop(unit, low >> 32 & 0xffff, first, first + size - 1, high & 2);
		return true;
	case 5:
		if ((low & UINT64_C(0x0fffffffffff0000)) || high)
			return false;
		irtes_drop(unit, (uint16_t)low);
		return true;
	case 8:
		if (!(unit->features & AMDVI_FEATURE_IA) || (low & UINT64_C(0x0fffffffffffffff)) ||
		    high)
			return false;
		entries_drop(unit, -1);
		irtes_drop(unit, -1);
		memset(unit->tlb, 0, sizeof(unit->tlb));
		memset(unit->tables, 0, sizeof(unit->tables));
		return true;
	default:
		return false;
	}
}

static void commands_work(struct amdvi *unit)
{
	uint64_t base = unit->command_base & ADDRESS;

	while (amdvi_is_on(unit) && (unit->status & BIT(4)) && !unit->stalled &&
	       unit->command_head != unit->command_tail) {
		uint64_t low = amdvi_memory_read(unit, base + unit->command_head);
		uint64_t high = amdvi_memory_read(unit, base + unit->command_head + 8);
		struct amdvi_command *logged =
		        &unit->commands[unit->command_count++ % AMDVI_LOG_SIZE];

		*logged = (struct amdvi_command){low, high};
		if ((unit->refuse && --unit->refuse == 0) || !command_run(unit, low, high)) {
			amdvi_event(unit, UINT64_C(5) << 60, base + unit->command_head);
			unit->status &= ~BIT(4);
			return;
		}
		unit->command_head = (unit->command_head + 16) % ring_bytes(unit->command_base);
	}
}

static void time_passes(struct amdvi *unit)
{
	unit->relaxed++;
	if (unit->late_at) {
		shadow_write(unit->late_at + 8, unit->late[1]);
		shadow_write(unit->late_at, unit->late[0]);
		unit->late_at = 0;
	}
	if (unit->delay && --unit->delay == 0) {
		unit->stalled = false;
		commands_work(unit);
	}
}

static void on_relax(void *context)
{
	(void)context;
	for (size_t i = 0; i < unit_count; i++)
		time_passes(units[i]);
}

/* --- registers (3.4) ------------------------------------------------------------------------- */

static void control_write(struct amdvi *unit, uint64_t value)
{
	uint64_t known = UINT64_C(0x3002ff1f) | BIT(28) | BIT(50);

	cr_assert_eq(value & ~known, 0, "control %#llx", (unsigned long long)value);
	cr_assert(!(value & BIT(50)) || ((value & BIT(17)) && (unit->features & BIT(2))));
	cr_assert(!amdvi_is_on(unit) || !((value ^ unit->control) & (BIT(17) | BIT(50))),
	          "the format of interrupt entries changes while the unit is on");
	value = (value & ~unit->stuck) | (unit->control & unit->stuck_off);
	if (!amdvi_is_on(unit) && (value & 1)) {
		uint64_t table = unit->device_table & ADDRESS;

		for (uint64_t at = 0; at < amdvi_table_size(unit); at += 32) {
			const uint64_t words[] = {amdvi_memory_read(unit, table + at),
			                          amdvi_memory_read(unit, table + at + 8)};

			check_entry(words);
		}
	}
	/* Run bits follow: command buffer 12 -> 4, event log 2 -> 3, PPR 13 -> 7, GA 28 -> 8. */
	unit->status &= ~(BIT(4) | BIT(7) | BIT(8));
	if (!(value & BIT(2)) || !(value & 1))
		unit->status &= ~BIT(3);
	else if (!(unit->control & BIT(2)) || !amdvi_is_on(unit))
		unit->status |= BIT(3);
	if (value & 1)
		unit->status |= (value & BIT(12) ? BIT(4) : 0) | (value & BIT(13) ? BIT(7) : 0) |
		                (value & BIT(28) ? BIT(8) : 0);
	unit->control = value;
	commands_work(unit);
}

static uint64_t *register_of(struct amdvi *unit, uint64_t offset)
{
	switch (offset) {
	case 0x00:
		return &unit->device_table;
	case 0x08:
		return &unit->command_base;
	case 0x10:
		return &unit->event_base;
	case 0x18:
		return &unit->control;
	case 0x20:
		return &unit->exclusion_base;
	case 0x28:
		return &unit->exclusion_limit;
	case 0x30:
		return &unit->features;
	case 0x2000:
		return &unit->command_head;
	case 0x2008:
		return &unit->command_tail;
	case 0x2010:
		return &unit->event_head;
	case 0x2018:
		return &unit->event_tail;
	case 0x2020:
		return &unit->status;
	default:
		cr_assert_fail("no register at %#llx", (unsigned long long)offset);
		abort();
	}
}

static uint64_t register_read(void *context, uint64_t offset, unsigned int width)
{
	cr_assert_eq(width, 8);
	return *register_of(context, offset);
}

static void register_write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	struct amdvi *unit = context;
	bool commands_run = unit->status & BIT(4), events_run = unit->status & BIT(3);

	cr_assert_eq(width, 8);
	unit->writes[unit->write_count++ % AMDVI_LOG_SIZE] = (struct amdvi_write){(uint16_t)offset,
	                                                                          value};
	switch (offset) {
	case 0x00:
		cr_assert(!amdvi_is_on(unit), "the device table moves while the unit is on");
		break;
	case 0x08:
		cr_assert_not(commands_run, "the command buffer moves while it runs");
		unit->command_head = unit->command_tail = 0;
		break;
	case 0x10:
		cr_assert_not(events_run, "the event log moves while it runs");
		unit->event_head = unit->event_tail = 0;
		break;
	case 0x18:
		control_write(unit, value);
		return;
	case 0x20:
		if (unit->exclusion_stuck)
			return;
		break;
	case 0x2000:
		cr_assert_not(commands_run);
		break;
	case 0x2008:
		unit->command_tail = value;
		commands_work(unit);
		return;
	case 0x2018:
		cr_assert_not(events_run);
		break;
	case 0x2020:
		unit->status &= ~(value & (BIT(0) | BIT(1) | BIT(2)));
		return;
	case 0x30:
		cr_assert_fail("the features are read only");
		return;
	default:
		break;
	}
	*register_of(unit, offset) = value;
}

void amdvi_add(struct amdvi *unit)
{
	unit->device = (struct fake_device){register_read, register_write, unit};
	cr_assert_lt(unit_count, ARRAY_SIZE(units));
	if (unit_count == 0)
		shadow_start(line_flushed);
	fake_on_relax(on_relax, NULL);
	fake_mmio_add(paddr(AMDVI_BASE + unit_count * AMDVI_SIZE), AMDVI_SIZE, &unit->device);
	units[unit_count++] = unit;
}
