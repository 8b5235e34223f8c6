// SPDX-License-Identifier: MIT
#include <tests/unit/iommu/amd_model_internal.h>

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

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
	if (source * 32u >= amdvi_table_size(unit))
		return false;
	for (unsigned int i = 0; i < 4; i++)
		words[i] = amdvi_memory_read(unit, table + source * 32u + i * 8);
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
		    walk->address - entry->first < amdvi_span_of(entry, false))
			return permit(walk, entry);
	}
	for (size_t i = 0; walk->cached && i < AMDVI_TLB_SIZE; i++) {
		const struct amdvi_tlb *entry = &unit->tables[i];

		if (entry->valid && entry->domain == walk->domain && entry->level < level &&
		    walk->address >= entry->first &&
		    walk->address - entry->first < amdvi_span_of(entry, true)) {
			table = entry->target;
			level = entry->level;
		}
	}
	for (;; level--) {
		unsigned int shift = 12 + 9 * level, next;
		uint64_t entry = amdvi_memory_read(unit,
		                                   table + (walk->address >> shift & 0x1ff) * 8);
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
	if (!amdvi_is_on(unit))
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
		irte.low = amdvi_memory_read(unit, table + index * 16);
		irte.high = amdvi_memory_read(unit, table + index * 16 + 8);
	} else {
		irte.low = amdvi_memory_read(unit, table + (index & ~1u) * 4) >>
		                   (index & 1 ? 32 : 0) &
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
	cr_assert(amdvi_is_on(unit));
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
