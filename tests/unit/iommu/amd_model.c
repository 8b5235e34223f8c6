// SPDX-License-Identifier: MIT
#include <tests/unit/iommu/amd_model.h>

#include <arch/mmio.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <tests/unit/iommu/shadow.h>

#define BIT(n)  (UINT64_C(1) << (n))
#define ADDRESS UINT64_C(0x000ffffffffff000)

static struct amdvi *the_unit;

static bool is_on(const struct amdvi *unit)
{
	return unit->control & BIT(0);
}

static uint64_t table_size(const struct amdvi *unit)
{
	return ((unit->device_table & 0x1ff) + 1) * 4096;
}

/* Half of an entry may be seen at any time: valid always, and rights never without a table of a
 * domain. */
static void check_entry(const uint64_t *words)
{
	cr_assert_eq(words[0] & 3, 3, "an entry that is not valid lets everything pass");
	if ((words[0] >> 61 & 3) == 0)
		return;
	cr_assert_neq(words[0] >> 9 & 7, 0, "rights without a table: untranslated");
	cr_assert_neq(words[1] & 0xffff, 0, "rights under the domain of blocked entries");
}

static void line_flushed(const void *line)
{
	uint64_t physical = virt_to_phys(line).raw;
	uint64_t table = the_unit->device_table & ADDRESS;

	if (is_on(the_unit) && physical >= table && physical - table < table_size(the_unit)) {
		check_entry(line);
		check_entry((const uint64_t *)line + 4);
	}
}

static uint64_t memory_read(const struct amdvi *unit, uint64_t physical)
{
	return shadow_read(physical, unit->coherent);
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

	if (!is_on(unit) || !(unit->status & BIT(3)))
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

static void log_fault(struct amdvi *unit, unsigned int code, uint16_t source, uint16_t domain,
                      uint64_t flags, uint64_t address)
{
	amdvi_event(unit, (uint64_t)code << 60 | flags << 32 | (uint64_t)domain << 32 | source,
	            address);
}

/* --- caches ---------------------------------------------------------------------------------- */

static void tlb_insert(struct amdvi_tlb *cache, unsigned int *next, struct amdvi_tlb entry)
{
	entry.valid = true;
	cache[*next] = entry;
	*next = (*next + 1) % AMDVI_TLB_SIZE;
}

static uint64_t span_of(const struct amdvi_tlb *entry, bool table)
{
	return BIT(12 + 9 * (entry->level + table));
}

static void pages_drop(struct amdvi *unit, uint16_t domain, uint64_t first, uint64_t last,
                       bool directories)
{
	for (size_t i = 0; i < AMDVI_TLB_SIZE; i++) {
		struct amdvi_tlb *leaf = &unit->tlb[i], *table = &unit->tables[i];

		if (leaf->domain == domain && leaf->first <= last &&
		    leaf->first + span_of(leaf, false) - 1 >= first &&
		    (directories || !leaf->absent || leaf->level == 0))
			leaf->valid = false;
		if (directories && table->domain == domain && table->first <= last &&
		    table->first + span_of(table, true) - 1 >= first)
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

/* --- device table (2.2.2) -------------------------------------------------------------------- */

/* False: the table has no such entry, or it is malformed. */
static bool entry_fetch(struct amdvi *unit, uint16_t source, bool cached, uint64_t words[4])
{
	uint64_t table = unit->device_table & ADDRESS;

	for (size_t i = 0; cached && i < 64; i++) {
		if (unit->entries[i].valid && unit->entries[i].source == source) {
			memcpy(words, unit->entries[i].words, 32);
			return true;
		}
	}
	if (source * 32u >= table_size(unit))
		return false;
	for (unsigned int i = 0; i < 4; i++)
		words[i] = memory_read(unit, table + source * 32u + i * 8);
	/* Bits that no test needs: reserved, guest translation, IOTLBs, port I/O, exclusion, and
	 * all kinds of messages that pass. */
	if ((words[0] & 1) &&
	    ((words[0] & ~(UINT64_C(0xe03) | ADDRESS | BIT(61) | BIT(62))) ||
	     (words[1] & ~(UINT64_C(0xffff) | BIT(34))) ||
	     (words[2] & ~(UINT64_C(0x1f) | UINT64_C(0x000fffffffffffc0) | UINT64_C(3) << 60)) ||
	     words[3] || (words[0] >> 9 & 7) > 4 + (unit->features >> 10 & 3)))
		return false;
	if (cached) {
		struct amdvi_entry *entry = &unit->entries[unit->entries_next];

		unit->entries_next = (unit->entries_next + 1) % 64;
		entry->valid = true;
		entry->source = source;
		memcpy(entry->words, words, 32);
	}
	return true;
}

/* --- page tables (2.2.3) --------------------------------------------------------------------- */

#define FLAG_INTERRUPT  BIT(19)
#define FLAG_PRESENT    BIT(20)
#define FLAG_WRITE      BIT(21)
#define FLAG_PERMISSION BIT(22)
#define FLAG_RESERVED   BIT(23)

struct walk {
	struct amdvi *unit;
	uint16_t domain;
	uint64_t address;
	bool write, cached;
	uint64_t flags; /* of the event */
	uint64_t target;
};

static bool permit(struct walk *walk, const struct amdvi_tlb *leaf)
{
	if (leaf->absent)
		return false;
	walk->flags |= FLAG_PRESENT;
	if (!(walk->write ? leaf->write : leaf->read)) {
		walk->flags |= FLAG_PERMISSION;
		return false;
	}
	walk->target = leaf->target + (walk->address - leaf->first);
	return true;
}

static bool walk_tables(struct walk *walk, uint64_t table, unsigned int level)
{
	struct amdvi *unit = walk->unit;
	bool readable = true, writable = true;

	for (size_t i = 0; walk->cached && i < AMDVI_TLB_SIZE; i++) {
		const struct amdvi_tlb *entry = &unit->tlb[i];

		if (entry->valid && entry->domain == walk->domain &&
		    walk->address >= entry->first &&
		    walk->address - entry->first < span_of(entry, false))
			return permit(walk, entry);
	}
	for (size_t i = 0; walk->cached && i < AMDVI_TLB_SIZE; i++) {
		const struct amdvi_tlb *entry = &unit->tables[i];

		if (entry->valid && entry->domain == walk->domain && entry->level < level &&
		    walk->address >= entry->first &&
		    walk->address - entry->first < span_of(entry, true)) {
			table = entry->target;
			level = entry->level;
		}
	}
	for (;; level--) {
		unsigned int shift = 12 + 9 * level, next;
		uint64_t entry = memory_read(unit, table + (walk->address >> shift & 0x1ff) * 8);
		struct amdvi_tlb found = {.domain = walk->domain,
		                          .level = level,
		                          .first = walk->address & ~(BIT(shift) - 1)};

		if (!(entry & 1)) {
			found.absent = true;
			cr_assert_eq(entry, 0,
			             "an absent entry is zero: some units look at rights only");
			if (walk->cached && unit->np_cache)
				tlb_insert(unit->tlb, &unit->tlb_next, found);
			return false;
		}
		next = entry >> 9 & 7;
		readable &= entry >> 61 & 1;
		writable &= entry >> 62 & 1;
		found.target = entry & ADDRESS;
		/* FC, bit 60, is of leaves. */
		if ((entry & ~(ADDRESS | UINT64_C(0xe01) | UINT64_C(7) << 60)) ||
		    (next != 0 && (next != level || (entry & BIT(60)))) ||
		    (next == 0 && (level > 3 || (found.target & (BIT(shift) - 1))))) {
			walk->flags |= FLAG_PRESENT | FLAG_RESERVED;
			return false;
		}
		if (next == 0) {
			found.read = readable;
			found.write = writable;
			if (walk->cached)
				tlb_insert(unit->tlb, &unit->tlb_next, found);
			return permit(walk, &found);
		}
		cr_assert(readable && writable, "only leaves take rights away");
		table = found.target;
		found.level--;
		if (walk->cached)
			tlb_insert(unit->tables, &unit->tables_next, found);
	}
}

/* --- requests -------------------------------------------------------------------------------- */

static unsigned int translate(struct amdvi *unit, uint16_t source, struct walk *walk, bool *silent)
{
	unsigned int mode;
	uint64_t words[4];

	walk->target = walk->address;
	*silent = false;
	if (!is_on(unit))
		return AMDVI_OK;
	if (!entry_fetch(unit, source, walk->cached, words)) {
		walk->flags |= FLAG_RESERVED;
		return AMDVI_ILLEGAL_ENTRY;
	}
	if (!(words[0] & 1))
		return AMDVI_OK;
	*silent = words[1] & BIT(34);
	walk->domain = (uint16_t)words[1];
	if ((unit->exclusion_base & 1) && walk->address >= (unit->exclusion_base & ADDRESS) &&
	    walk->address <= (unit->exclusion_limit | 0xfff) && (unit->exclusion_base & 2))
		return AMDVI_OK;
	if (!(words[0] & 2))
		return AMDVI_PAGE_FAULT;
	mode = words[0] >> 9 & 7;
	/* The entry's own rights hold in any mode. */
	if (!(words[0] >> (walk->write ? 62 : 61) & 1)) {
		walk->flags |= FLAG_PRESENT | FLAG_PERMISSION;
		return AMDVI_PAGE_FAULT;
	}
	if (mode == 0)
		return AMDVI_OK;
	if (12 + 9 * mode < 64 && walk->address >> (12 + 9 * mode))
		return AMDVI_PAGE_FAULT;
	return walk_tables(walk, words[0] & ADDRESS, mode - 1) ? AMDVI_OK : AMDVI_PAGE_FAULT;
}

unsigned int amdvi_access(struct amdvi *unit, uint16_t source, uint64_t address, bool write,
                          uint64_t *target)
{
	struct walk walk = {.unit = unit,
	                    .address = address,
	                    .write = write,
	                    .cached = true,
	                    .flags = write ? FLAG_WRITE : 0};
	bool silent;
	unsigned int code = translate(unit, source, &walk, &silent);

	if (code && !silent)
		log_fault(unit, code, source, walk.domain, walk.flags, address);
	*target = walk.target;
	return code;
}

unsigned int amdvi_walk(struct amdvi *unit, uint16_t source, uint64_t address, bool write,
                        uint64_t *target)
{
	struct walk walk = {.unit = unit, .address = address, .write = write};
	bool silent;
	unsigned int code = translate(unit, source, &walk, &silent);

	*target = walk.target;
	return code;
}

static struct amdvi_irte irte_fetch(struct amdvi *unit, uint16_t source, unsigned int index,
                                    uint64_t table)
{
	struct amdvi_irte irte = {.valid = true, .source = source, .index = index};

	for (size_t i = 0; i < 64; i++) {
		if (unit->irtes[i].valid && unit->irtes[i].source == source &&
		    unit->irtes[i].index == index)
			return unit->irtes[i];
	}
	if (unit->control & BIT(17)) {
		irte.low = memory_read(unit, table + index * 16);
		irte.high = memory_read(unit, table + index * 16 + 8);
	} else {
		irte.low = memory_read(unit, table + (index & ~1u) * 4) >> (index & 1 ? 32 : 0) &
		           UINT32_MAX;
	}
	unit->irtes[unit->irtes_next] = irte;
	unit->irtes_next = (unit->irtes_next + 1) % 64;
	return irte;
}

unsigned int amdvi_interrupt(struct amdvi *unit, uint16_t source, uint16_t data, uint8_t *vector,
                             uint32_t *apic_id)
{
	unsigned int index = data & 0x7ff;
	struct amdvi_irte irte;
	uint64_t words[4];

	*vector = (uint8_t)data;
	cr_assert(is_on(unit));
	if (!entry_fetch(unit, source, true, words))
		return AMDVI_ILLEGAL_ENTRY;
	if (!(words[0] & 1) || !(words[2] & 1) || (words[2] >> 60 & 3) == 1)
		return AMDVI_OK;
	if ((words[2] >> 60 & 3) != 2 || index >= BIT(words[2] >> 1 & 15))
		goto refuse;
	irte = irte_fetch(unit, source, index, words[2] & UINT64_C(0x000fffffffffffc0));
	/* Fixed, physical, no guest mode, nothing reserved. */
	if (!(irte.low & 1))
		goto refuse;
	if (unit->control & BIT(17)) {
		cr_assert_eq(irte.low & 0xfe, 0);
		cr_assert_eq(irte.high & UINT64_C(0x00ffffffffffff00), 0);
		cr_assert((unit->control & BIT(50)) ||
		          !(irte.high >> 56 || irte.low >> 16 & 0xffff));
		*vector = (uint8_t)irte.high;
		*apic_id = (irte.low >> 8 & 0xffffff) | (uint32_t)(irte.high >> 56) << 24;
	} else {
		cr_assert_eq(irte.low & UINT64_C(0xff0000fe), 0);
		*vector = (uint8_t)(irte.low >> 16);
		*apic_id = irte.low >> 8 & 0xff;
	}
	return AMDVI_OK;
refuse:
	log_fault(unit, AMDVI_PAGE_FAULT, source, 0, FLAG_INTERRUPT | FLAG_WRITE,
	          UINT64_C(0xfee00000));
	return AMDVI_PAGE_FAULT;
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

	while (is_on(unit) && (unit->status & BIT(4)) && !unit->stalled &&
	       unit->command_head != unit->command_tail) {
		uint64_t low = memory_read(unit, base + unit->command_head);
		uint64_t high = memory_read(unit, base + unit->command_head + 8);
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

static void on_relax(void *context)
{
	struct amdvi *unit = context;

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

/* --- registers (3.4) ------------------------------------------------------------------------- */

static void control_write(struct amdvi *unit, uint64_t value)
{
	uint64_t known = UINT64_C(0x3002ff1f) | BIT(28) | BIT(50);

	cr_assert_eq(value & ~known, 0, "control %#llx", (unsigned long long)value);
	cr_assert(!(value & BIT(50)) || ((value & BIT(17)) && (unit->features & BIT(2))));
	cr_assert(!is_on(unit) || !((value ^ unit->control) & (BIT(17) | BIT(50))),
	          "the format of interrupt entries changes while the unit is on");
	value = (value & ~unit->stuck) | (unit->control & unit->stuck_off);
	if (!is_on(unit) && (value & 1)) {
		uint64_t table = unit->device_table & ADDRESS;

		for (uint64_t at = 0; at < table_size(unit); at += 32) {
			const uint64_t words[] = {memory_read(unit, table + at),
			                          memory_read(unit, table + at + 8)};

			check_entry(words);
		}
	}
	/* Run bits follow: command buffer 12 -> 4, event log 2 -> 3, PPR 13 -> 7, GA 28 -> 8. */
	unit->status &= ~(BIT(4) | BIT(7) | BIT(8));
	if (!(value & BIT(2)) || !(value & 1))
		unit->status &= ~BIT(3);
	else if (!(unit->control & BIT(2)) || !is_on(unit))
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
		cr_assert(!is_on(unit), "the device table moves while the unit is on");
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
	the_unit = unit;
	shadow_start(line_flushed);
	fake_on_relax(on_relax, unit);
	fake_mmio_add(paddr(AMDVI_BASE), AMDVI_SIZE, &unit->device);
}
