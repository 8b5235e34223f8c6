/* SPDX-License-Identifier: MIT */
/*
 * Root and context tables in legacy mode (3.4, 9.1, 9.3), and the format of second-stage tables. A
 * requester is blocked unless its context entry is present, so absence is the default everywhere:
 * no entry ever passes requests through.
 */
#include <drivers/iommu/intel/intel.h>

#include <cordon/errno.h>
#include <kernel/mark.h>
#include <kernel/page.h>
#include <kernel/panic.h>

int intel_table_create(struct intel_unit *unit)
{
	paddr_t frame;
	int error = iommu_frame_alloc(&unit->unit, &frame);

	if (!error)
		unit->root = phys_to_virt(frame);
	return error;
}

void intel_format_init(struct intel_unit *unit)
{
	unsigned int large = intel_cap_large_pages(unit->cap);
	/* Forced snooping, where there is any: every DMA is coherent, whatever the device asks. */
	uint64_t snoop = unit->ecap & INTEL_ECAP_SC ? INTEL_PAGE_SNOOP : 0;
	struct pagetable_format *format = &unit->format;

	*format = (struct pagetable_format){
	        .address = INTEL_PAGE_ADDRESS,
	        .present = INTEL_PAGE_READ | INTEL_PAGE_WRITE,
	        .read = INTEL_PAGE_READ,
	        .write = INTEL_PAGE_WRITE,
	        .level_counts = (uint8_t)intel_cap_level_counts(unit->cap),
	        .leaf_levels = 1,
	        .coherent = unit->unit.coherent,
	        .flush_new = (unit->cap & (INTEL_CAP_CM | INTEL_CAP_RWBF)) != 0,
	};
	for (unsigned int level = 0; level < PAGETABLE_LEVELS_MAX; level++) {
		uint64_t size_bit = level > 0 ? INTEL_PAGE_LARGE : 0;

		format->table[level] = INTEL_PAGE_READ | INTEL_PAGE_WRITE;
		format->leaf[level] = size_bit | snoop;
		format->leaf_mask[level] = size_bit;
		format->leaf_value[level] = size_bit;
	}
	if (large & INTEL_CAP_SLLPS_2M)
		format->leaf_levels |= 1 << 1;
	if (large & INTEL_CAP_SLLPS_1G)
		format->leaf_levels |= 1 << 2;
}

/* --- context entries ------------------------------------------------------------------------- */

static uint8_t bus_of(rid_t requester)
{
	return (uint8_t)(requester.raw >> 8);
}

static uint8_t devfn_of(rid_t requester)
{
	return (uint8_t)requester.raw;
}

/* A requester's context entry; NULL: its bus has no table yet, which blocks it. */
static struct intel_context_entry *context_find(const struct intel_unit *unit, rid_t requester)
{
	const struct intel_root_entry *root = &unit->root[bus_of(requester)];
	struct intel_context_entry *entries;

	if (!(root->low & INTEL_ROOT_PRESENT))
		return NULL;
	entries = phys_to_virt(paddr(root->low & INTEL_ROOT_ADDRESS));
	return &entries[devfn_of(requester)];
}

/* The same, with a new table for the bus when there is none. The table belongs to the unit and
 * stays. */
static int context_reach(struct intel_unit *unit, rid_t requester, struct intel_context_entry **out)
{
	struct intel_root_entry *root = &unit->root[bus_of(requester)];
	paddr_t frame;
	int error;

	*out = context_find(unit, requester);
	if (*out)
		return 0;
	error = iommu_frame_alloc(&unit->unit, &frame);
	if (error)
		return error;
	iommu_store(&unit->unit, &root->low, frame.raw | INTEL_ROOT_PRESENT);
	*out = context_find(unit, requester);
	ASSERT(*out);
	return 0;
}

/* The unit reads the two halves apart: the high one changes only while the low one says absent. */
static void context_write(const struct intel_unit *unit, struct intel_context_entry *entry,
                          uint64_t low, uint64_t high)
{
	ASSERT(!(entry->low & INTEL_CONTEXT_PRESENT) || !(low & INTEL_CONTEXT_PRESENT));
	if (low & INTEL_CONTEXT_PRESENT) {
		iommu_store(&unit->unit, &entry->high, high);
		iommu_store(&unit->unit, &entry->low, low);
	} else {
		iommu_store(&unit->unit, &entry->low, low);
		iommu_store(&unit->unit, &entry->high, high);
	}
}

int intel_attach(struct iommu_unit *base, rid_t requester, const struct iommu_domain *domain)
{
	const uint64_t width = INTEL_CONTEXT_AW(domain->table.levels);
	const uint64_t id = (uint64_t)domain->id << INTEL_CONTEXT_ID_SHIFT;
	struct intel_unit *unit = intel_unit_of(base);
	struct intel_context_entry *entry;
	int error = context_reach(unit, requester, &entry);

	if (error)
		return error;
	mark_context(requester, domain->id, MARK_CONTEXT_PRESENT, domain->table.root);
	context_write(unit, entry, domain->table.root.raw | INTEL_CONTEXT_PRESENT, width | id);
	/*
	 * In caching mode the entry's absence may be cached, under domain id 0 (6.1); and the unit
	 * may hold something under the new id. Elsewhere absence is not cached, but a flush here
	 * costs little and leaves nothing to argue about.
	 */
	error = intel_flush_context(unit, requester, 0);
	if (!error)
		error = intel_flush_domain(unit, domain->id);
	if (error) {
		context_write(unit, entry, 0, 0);
		mark_context(requester, domain->id, MARK_CONTEXT_ABSENT, paddr(0));
	}
	return error;
}

int intel_block(struct iommu_unit *base, rid_t requester, const struct iommu_domain *domain)
{
	struct intel_unit *unit = intel_unit_of(base);
	struct intel_context_entry *entry = context_find(unit, requester);
	int error;

	ASSERT(entry && (entry->low & INTEL_CONTEXT_PRESENT));
	context_write(unit, entry, 0, 0);
	mark_context(requester, domain->id, MARK_CONTEXT_ABSENT, paddr(0));
	/* The context first: else a walk between the two could cache again (6.5.3). The second
	 * drains reads and writes that were translated before. */
	error = intel_flush_context(unit, requester, domain->id);
	if (error)
		return error;
	return intel_flush_domain(unit, domain->id);
}

int intel_fault_silence(struct iommu_unit *base, rid_t requester, const struct iommu_domain *domain,
                        bool silent)
{
	struct intel_unit *unit = intel_unit_of(base);
	struct intel_context_entry *entry;
	int error = context_reach(unit, requester, &entry);
	uint64_t low;

	if (error)
		return error;
	/* This bit means something in absent entries, too (chapter 7). */
	low = silent ? entry->low | INTEL_CONTEXT_FPD : entry->low & ~INTEL_CONTEXT_FPD;
	iommu_store(base, &entry->low, low);
	mark_context(requester, domain ? domain->id : 0, MARK_CONTEXT_CHANGED, paddr(0));
	return intel_flush_context(unit, requester, domain ? domain->id : 0);
}
