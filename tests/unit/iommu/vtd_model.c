// SPDX-License-Identifier: MIT
#include <tests/unit/iommu/vtd_model.h>

#include <arch/mmio.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tests/unit/iommu/shadow.h>

#define BIT(n) (UINT64_C(1) << (n))

static uint64_t memory_read(const struct vtd *unit, uint64_t physical)
{
	return shadow_read(physical, unit->ecap & VTD_ECAP_C);
}

/* --- faults ---------------------------------------------------------------------------------- */

static unsigned int record_count(const struct vtd *unit)
{
	return (unsigned int)(unit->cap >> 40 & 0xff) + 1;
}

void vtd_record(struct vtd *unit, uint16_t source, uint64_t address, bool write, uint8_t reason)
{
	unsigned int index = unit->record_next;
	bool first = !(unit->fsts & 0x2);

	if (unit->fsts & 0x1)
		return;
	if (unit->record_high[index] & BIT(63)) {
		unit->fsts |= 0x1;
		return;
	}
	unit->record_low[index] = reason >= 0x20 ? address << 48 : address & ~UINT64_C(0xfff);
	/* PV is rubbish where PP is clear. */
	unit->record_high[index] = BIT(63) | (write ? 0 : BIT(62)) | UINT64_C(0xfffff) << 40 |
	                           (uint64_t)reason << 32 | source;
	unit->record_next = (index + 1) % record_count(unit);
	if (first) {
		unit->fsts = (unit->fsts & ~0xff00u) | 0x2 | index << 8;
		if (unit->fectl & BIT(31))
			unit->fectl |= BIT(30);
		else
			unit->interrupts++;
	}
}

static void records_update(struct vtd *unit)
{
	for (unsigned int i = 0; i < record_count(unit); i++) {
		if (unit->record_high[i] & BIT(63))
			return;
	}
	unit->fsts &= ~0x2u;
}

/* --- caches ---------------------------------------------------------------------------------- */

static void tlb_insert(struct vtd_tlb *cache, unsigned int *next, struct vtd_tlb entry)
{
	entry.valid = true;
	cache[*next] = entry;
	*next = (*next + 1) % VTD_TLB_SIZE;
}

static void contexts_drop(struct vtd *unit, int granularity, uint16_t domain, uint16_t source)
{
	for (size_t i = 0; i < VTD_CONTEXT_SIZE; i++) {
		struct vtd_context *context = &unit->contexts[i];
		uint16_t id = context->low & 1 ? context->high >> 8 & 0xffff : 0;

		if (granularity == 1 || (granularity == 2 && id == domain) ||
		    (granularity == 3 && id == domain && context->source == source))
			context->valid = false;
	}
}

static uint64_t span_of(const struct vtd_tlb *entry, bool table)
{
	return BIT(12 + 9 * (entry->level + table));
}

/* hint: only leaves changed, so what is known of upper levels stays. */
static void cache_drop(struct vtd_tlb *cache, bool tables, bool hint, int granularity,
                       uint16_t domain, uint64_t first, uint64_t last)
{
	for (size_t i = 0; i < VTD_TLB_SIZE; i++) {
		struct vtd_tlb *entry = &cache[i];

		if (hint && (tables || (entry->absent && entry->level > 0)))
			continue;
		if (granularity == 1 || (granularity == 2 && entry->domain == domain) ||
		    (granularity == 3 && entry->domain == domain && entry->first <= last &&
		     entry->first + span_of(entry, tables) - 1 >= first))
			entry->valid = false;
	}
}

/* --- translation ----------------------------------------------------------------------------- */

static unsigned int context_fetch(struct vtd *unit, uint16_t source, bool cached, uint64_t *low,
                                  uint64_t *high)
{
	uint64_t root, address;

	for (size_t i = 0; cached && i < VTD_CONTEXT_SIZE; i++) {
		if (unit->contexts[i].valid && unit->contexts[i].source == source) {
			*low = unit->contexts[i].low;
			*high = unit->contexts[i].high;
			return 0;
		}
	}
	*low = *high = 0;
	address = unit->root + (source >> 8) * 16u;
	root = memory_read(unit, address);
	if (!(root & 1))
		return 0x01;
	if ((root & 0xffe) || memory_read(unit, address + 8))
		return 0x0a;
	address = (root & ~UINT64_C(0xfff)) + (source & 0xff) * 16u;
	*low = memory_read(unit, address);
	*high = memory_read(unit, address + 8);
	if (cached && ((*low & 1) || (unit->cap & VTD_CAP_CM))) {
		unit->contexts[unit->contexts_next] = (struct vtd_context){true, source, *low,
		                                                           *high};
		unit->contexts_next = (unit->contexts_next + 1) % VTD_CONTEXT_SIZE;
	}
	return 0;
}

/* What a present context entry may not say. */
static unsigned int context_check(const struct vtd *unit, uint64_t low, uint64_t high,
                                  unsigned int *levels)
{
	unsigned int width = high & 7;

	if ((low & 0xff0) || (high & ~UINT64_C(0xffff7f)))
		return 0x0b;
	if ((low & 0xc) || width < 1 || width > 3 || !(unit->cap >> 8 & BIT(width)))
		return 0x03;
	*levels = width + 2;
	return 0;
}

static unsigned int entry_check(const struct vtd *unit, uint64_t entry, unsigned int level,
                                bool *leaf)
{
	unsigned int width = (unsigned int)(unit->cap >> 16 & 0x3f) + 1;
	uint64_t reserved = (BIT(52) - 1) & ~(BIT(width) - 1);

	*leaf = level == 0 || (entry & BIT(7));
	if (!(unit->ecap & BIT(7)))
		reserved |= BIT(11);
	if (*leaf && level > 0) {
		if (level > 2 || !(unit->cap >> 34 & BIT(level - 1)))
			return 0x0c;
		reserved |= BIT(12 + 9 * level) - BIT(12);
	}
	return entry & reserved ? 0x0c : 0;
}

static unsigned int walk(struct vtd *unit, uint16_t domain, uint64_t table, unsigned int levels,
                         uint64_t address, bool write, bool cached, uint64_t *target)
{
	unsigned int level = levels - 1;
	bool readable = true, writable = true;

	if (cached) {
		for (size_t i = 0; i < VTD_TLB_SIZE; i++) {
			const struct vtd_tlb *entry = &unit->tlb[i];

			if (!entry->valid || entry->domain != domain || address < entry->first ||
			    address - entry->first >= span_of(entry, false))
				continue;
			if (entry->absent || !(write ? entry->write : entry->read))
				return write ? 0x05 : 0x06;
			*target = entry->target + (address - entry->first);
			return 0;
		}
		for (size_t i = 0; i < VTD_TLB_SIZE; i++) {
			const struct vtd_tlb *entry = &unit->tables[i];

			if (entry->valid && entry->domain == domain && entry->level < level &&
			    address >= entry->first &&
			    address - entry->first < span_of(entry, true)) {
				table = entry->target;
				level = entry->level;
			}
		}
	}
	for (;; level--) {
		uint64_t span = BIT(12 + 9 * level);
		uint64_t entry = memory_read(unit,
		                             table + (address >> (12 + 9 * level) & 0x1ff) * 8);
		unsigned int reason;
		bool leaf;

		if (!(entry & 3)) {
			if (cached && (unit->cap & VTD_CAP_CM))
				tlb_insert(unit->tlb, &unit->tlb_next,
				           (struct vtd_tlb){.absent = true,
				                            .domain = domain,
				                            .level = level,
				                            .first = address & ~(span - 1)});
			return write ? 0x05 : 0x06;
		}
		reason = entry_check(unit, entry, level, &leaf);
		if (reason)
			return reason;
		readable &= entry & 1;
		writable &= entry >> 1 & 1;
		table = entry & UINT64_C(0x000ffffffffff000);
		if (leaf) {
			if (cached)
				tlb_insert(unit->tlb, &unit->tlb_next,
				           (struct vtd_tlb){.domain = domain,
				                            .level = level,
				                            .first = address & ~(span - 1),
				                            .target = table,
				                            .read = readable,
				                            .write = writable});
			*target = table + (address & (span - 1));
			return !(write ? writable : readable) ? (write ? 0x05u : 0x06u)
			       : *target >> 20 == 0xfee       ? 0x0eu
			                                      : 0;
		}
		if (cached)
			tlb_insert(unit->tables, &unit->tables_next,
			           (struct vtd_tlb){.domain = domain,
			                            .level = level - 1,
			                            .first = address & ~(span - 1),
			                            .target = table});
	}
}

static unsigned int translate(struct vtd *unit, uint16_t source, uint64_t address, bool write,
                              bool cached, bool *silent, uint64_t *target)
{
	uint64_t low, high;
	unsigned int levels, reason;

	*silent = false;
	*target = address;
	if (!(unit->gsts & BIT(31)))
		return 0;
	reason = context_fetch(unit, source, cached, &low, &high);
	if (reason)
		return reason;
	*silent = low & 2;
	if (!(low & 1))
		return 0x02;
	reason = context_check(unit, low, high, &levels);
	if (reason)
		return reason;
	if (address >> (12 + 9 * levels) || address >> ((unit->cap >> 16 & 0x3f) + 1))
		return 0x04;
	return walk(unit, high >> 8 & 0xffff, low & ~UINT64_C(0xfff), levels, address, write,
	            cached, target);
}

unsigned int vtd_access(struct vtd *unit, uint16_t source, uint64_t address, bool write,
                        uint64_t *target)
{
	bool silent;
	unsigned int reason = translate(unit, source, address, write, true, &silent, target);

	if (reason && !silent)
		vtd_record(unit, source, address, write, (uint8_t)reason);
	return reason;
}

unsigned int vtd_walk(struct vtd *unit, uint16_t source, uint64_t address, bool write,
                      uint64_t *target)
{
	bool silent;

	return translate(unit, source, address, write, false, &silent, target);
}

unsigned int vtd_interrupt(struct vtd *unit, uint16_t source, uint16_t index, uint8_t *vector,
                           uint32_t *apic_id, bool *level)
{
	uint64_t low, high;

	cr_assert(unit->gsts & BIT(25));
	if (index >= unit->irte_count)
		return 0x21;
	low = memory_read(unit, unit->irtes + index * 16u);
	high = memory_read(unit, unit->irtes + index * 16u + 8);
	if (!(low & 1))
		return 0x22;
	/* Reserved: 14:12, 31:24, what an 8-bit id leaves of 63:32 while EIME is off, 127:84. IM,
	 * bit 15, is not known to this unit. */
	if ((low & (unit->irta & BIT(11) ? UINT64_C(0xff00f000) : UINT64_C(0xffff00ffff00f000))) ||
	    high >> 20)
		return 0x24;
	if ((high >> 18 & 3) == 1 && ((high >> 16 & 3) != 0 || (high & 0xffff) != source))
		return 0x26;
	*vector = (uint8_t)(low >> 16);
	*apic_id = unit->irta & BIT(11) ? (uint32_t)(low >> 32) : (uint32_t)(low >> 40) & 0xff;
	*level = low >> 4 & 1;
	return 0;
}

/* --- the queue ------------------------------------------------------------------------------- */

/* False: the descriptor is not valid. */
static bool descriptor_run(struct vtd *unit, uint64_t low, uint64_t high)
{
	int granularity = (int)(low >> 4 & 3);
	uint16_t domain = (uint16_t)(low >> 16);
	unsigned int mask = high & 0x3f;
	uint64_t first = high & ~UINT64_C(0xfff), last;

	switch (low & 0xf) {
	case 1: /* context cache */
		if (granularity == 0 || high || (low & UINT64_C(0xfffc00000000ffc0)))
			return false;
		contexts_drop(unit, granularity, domain, (uint16_t)(low >> 32));
		return true;
	case 2: /* IOTLB */
		if (granularity == 0 || low >> 32 || (low & 0xff00))
			return false;
		if (granularity == 3 &&
		    (!(unit->cap & BIT(39)) || (high & 0xf80) || mask > (unit->cap >> 48 & 0x3f)))
			return false;
		last = first + (BIT(12 + mask) - 1);
		first &= ~(BIT(12 + mask) - 1);
		if (granularity == 3 && (first | (BIT(12 + mask) - 1)) != last)
			return false; /* not aligned to its mask */
		if ((low & 0xc0) == 0xc0)
			unit->drained++;
		cache_drop(unit->tlb, false, granularity == 3 && (high & 0x40), granularity, domain,
		           first, last);
		cache_drop(unit->tables, true, granularity == 3 && (high & 0x40), granularity,
		           domain, first, last);
		return true;
	case 4: /* interrupt entries: nothing is cached */
		return !high && !(low & UINT64_C(0xffff000007ffffe0));
	case 5: /* wait */
		if ((low & 0x30) != 0x20 || (low & 0xffffff80) || (high & 3))
			return false;
		*(uint32_t *)phys_to_virt(paddr(high)) = (uint32_t)(low >> 32);
		return true;
	default:
		return false;
	}
}

static void queue_run(struct vtd *unit)
{
	if (!(unit->gsts & BIT(26)) || unit->queue_stalled || (unit->fsts & 0x10))
		return;
	while (unit->iqh != unit->iqt) {
		const uint64_t *slot = phys_to_virt(paddr(unit->queue + unit->iqh));

		cr_assert(unit->descriptor_count < VTD_LOG_SIZE);
		unit->descriptors[unit->descriptor_count++] = (struct vtd_descriptor){slot[0],
		                                                                      slot[1]};
		if ((unit->refuse && --unit->refuse == 0) ||
		    !descriptor_run(unit, slot[0], slot[1])) {
			unit->fsts |= 0x10;
			return;
		}
		unit->iqh = (unit->iqh + 16) % 4096;
	}
}

static struct vtd *units[2];
static size_t unit_count;

static void on_relax(void *context)
{
	(void)context;
	for (size_t i = 0; i < unit_count; i++) {
		units[i]->relaxed++;
		if (units[i]->delay && units[i]->relaxed >= units[i]->delay)
			queue_run(units[i]);
	}
}

/* --- registers ------------------------------------------------------------------------------- */

static void command(struct vtd *unit, uint32_t value)
{
	uint32_t persistent = 0x96800000u;
	uint32_t changed = (unit->gsts ^ value) & persistent & ~unit->stuck;

	if (unit->gsts & ~value & unit->stuck_off)
		changed &= ~unit->stuck_off;
	/* Several switches at once: not allowed (10.4.4). */
	cr_assert((changed & (changed - 1)) == 0, "GCMD %#x over %#x", value, unit->gsts);
	if (changed & BIT(26)) {
		if (value & BIT(26)) {
			cr_assert_eq(unit->iqa & 0xfff, 0);
			unit->queue = unit->iqa;
		} else if (unit->iqh != unit->iqt) {
			changed = 0; /* not empty: ignored */
		} else {
			unit->iqh = 0; /* and the tail stays */
		}
	}
	unit->gsts ^= changed;
	if ((value & BIT(30)) && !(unit->stuck & BIT(30))) {
		cr_assert_eq(unit->rtaddr & 0xfff, 0);
		unit->root = unit->rtaddr;
		unit->gsts |= BIT(30);
	}
	if ((value & BIT(24)) && !(unit->stuck & BIT(24))) {
		cr_assert_eq(unit->irta & 0x7f0, 0);
		cr_assert(!(unit->irta & BIT(11)) || (unit->ecap & BIT(4)), "EIME without EIM");
		unit->irtes = unit->irta & ~UINT64_C(0xfff);
		unit->irte_count = 2u << (unit->irta & 0xf);
		unit->gsts |= BIT(24);
	}
}

/* 0: no such register, else its width. */
static unsigned int width_of(const struct vtd *unit, uint64_t offset)
{
	unsigned int records = (unsigned int)(unit->cap >> 24 & 0x3ff) * 16;

	if (offset >= records && offset < records + record_count(unit) * 16)
		return offset % 16 == 12 ? 4 : 8;
	switch (offset) {
	case 0x00:
	case 0x18:
	case 0x1c:
	case 0x34:
	case 0x38:
	case 0x3c:
	case 0x40:
	case 0x44:
	case 0x64:
	case 0xa0:
		return 4;
	case 0x08:
	case 0x10:
	case 0x20:
	case 0x80:
	case 0x88:
	case 0x90:
	case 0xb8:
		return 8;
	default:
		return 0;
	}
}

static uint64_t *wide_of(struct vtd *unit, uint64_t offset)
{
	switch (offset) {
	case 0x08:
		return &unit->cap;
	case 0x10:
		return &unit->ecap;
	case 0x20:
		return &unit->rtaddr;
	case 0x80:
		return &unit->iqh;
	case 0x88:
		return &unit->iqt;
	case 0x90:
		return &unit->iqa;
	case 0xb8:
		return &unit->irta;
	default:
		return NULL;
	}
}

static uint32_t *narrow_of(struct vtd *unit, uint64_t offset)
{
	switch (offset) {
	case 0x00:
		return &unit->version;
	case 0x1c:
		return &unit->gsts;
	case 0x34:
		return &unit->fsts;
	case 0x38:
		return &unit->fectl;
	case 0x3c:
		return &unit->fedata;
	case 0x40:
		return &unit->feaddr;
	case 0x44:
		return &unit->feuaddr;
	case 0x64:
		return &unit->pmen;
	case 0xa0:
		return &unit->iectl;
	default:
		return NULL;
	}
}

static uint64_t vtd_read(void *context, uint64_t offset, unsigned int width)
{
	struct vtd *unit = context;
	unsigned int records = (unsigned int)(unit->cap >> 24 & 0x3ff) * 16;

	cr_assert_eq(width, width_of(unit, offset), "read of %u bytes at %#llx", width,
	             (unsigned long long)offset);
	if (offset >= records)
		return offset % 16 ? unit->record_high[(offset - records) / 16]
		                   : unit->record_low[(offset - records) / 16];
	if (width == 8)
		return *wide_of(unit, offset);
	return narrow_of(unit, offset) ? *narrow_of(unit, offset) : 0;
}

static void vtd_write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	struct vtd *unit = context;
	unsigned int records = (unsigned int)(unit->cap >> 24 & 0x3ff) * 16;

	cr_assert_eq(width, width_of(unit, offset), "write of %u bytes at %#llx", width,
	             (unsigned long long)offset);
	cr_assert(unit->write_count < VTD_LOG_SIZE);
	unit->writes[unit->write_count++] = (struct vtd_write){(uint16_t)offset, value};
	if (offset >= records) {
		cr_assert_eq(offset % 16, 12, "the F bit is cleared with four bytes");
		if (value & BIT(31))
			unit->record_high[(offset - records) / 16] &= ~BIT(63);
		records_update(unit);
		return;
	}
	switch (offset) {
	case 0x18:
		command(unit, (uint32_t)value);
		break;
	case 0x34:
		unit->fsts &= ~((uint32_t)value & 0x71);
		break;
	case 0x38:
		unit->fectl = (unit->fectl & BIT(30)) | ((uint32_t)value & BIT(31));
		if (!(unit->fectl & BIT(31)) && (unit->fectl & BIT(30))) {
			unit->fectl = 0;
			unit->interrupts++;
		}
		break;
	case 0x64:
		if (!unit->pmen_stuck)
			unit->pmen = value & BIT(31) ? 0x80000001u : 0;
		break;
	case 0x88:
		cr_assert((value & 0xf) == 0 && value < 4096);
		unit->iqt = value;
		if (!unit->delay)
			queue_run(unit);
		break;
	case 0x20:
	case 0x90:
	case 0xb8:
		*wide_of(unit, offset) = value;
		break;
	case 0x3c:
	case 0x40:
	case 0x44:
	case 0xa0:
		*narrow_of(unit, offset) = (uint32_t)value;
		break;
	default:
		cr_assert_fail("write to the read-only register %#llx", (unsigned long long)offset);
	}
}

void vtd_add(struct vtd *unit)
{
	unit->device = (struct fake_device){vtd_read, vtd_write, unit};
	unit->fectl = unit->iectl = 0x80000000u;
	if (!unit->version)
		unit->version = 0x10;
	cr_assert_lt(unit_count, ARRAY_SIZE(units));
	if (unit_count == 0)
		shadow_start(NULL);
	fake_on_relax(on_relax, NULL);
	fake_mmio_add(paddr(VTD_BASE + unit_count * VTD_SIZE), VTD_SIZE, &unit->device);
	units[unit_count++] = unit;
}
