/* SPDX-License-Identifier: MIT */
/*
 * The device table (2.2.2), and the format of page tables (2.2.3). Here absence is not the default:
 * an entry of zeroes lets its requester reach everything. So the table holds every id that a
 * request can carry, and every entry is valid from the start and permits nothing.
 */
#include <drivers/iommu/amd/amd.h>

#include <cordon/errno.h>
#include <kernel/mark.h>
#include <kernel/page.h>
#include <kernel/panic.h>

/* Valid, and without rights. */
static uint64_t entry_of(unsigned int levels, paddr_t root)
{
	return AMD_DTE_VALID | AMD_DTE_TRANSLATION_VALID | (uint64_t)levels << AMD_DTE_MODE_SHIFT |
	       root.raw;
}

int amd_table_create(struct amd_unit *unit, bool remapping)
{
	struct amd_device_entry blocked = {
	        .interrupts = remapping ? AMD_DTE_REMAP_VALID | AMD_DTE_REMAP_ABORT : 0,
	};
	paddr_t base, empty;
	int error = iommu_frame_alloc(&unit->unit, &empty);

	if (error)
		return error;
	error = page_alloc(AMD_DEVICE_TABLE_ORDER, &base);
	if (error) {
		page_free(empty, 0);
		return error;
	}
	/*
	 * Neither read nor write permitted, and tables in which nothing is there. By the
	 * specification the one is enough (2.2.2.1), but mode 0, no tables, is also how an entry
	 * says "untranslated", and the unit of QEMU 11 takes it for that whatever is permitted.
	 */
	unit->blocked = entry_of(unit->unit.levels, empty);
	blocked.translation = unit->blocked;
	unit->devices = phys_to_virt(base);
	for (uint32_t i = 0; i < AMD_DEVICE_ENTRIES; i++)
		unit->devices[i] = blocked;
	iommu_publish(&unit->unit, unit->devices, PAGE_SIZE << AMD_DEVICE_TABLE_ORDER);
	return 0;
}

/*
 * Of what the format offers beside this (2.2.3), nothing pays. Leaves of 512 GiB and 256 TiB: no
 * run of memory is that long. Leaves of the sizes between (next level 7, the size in the address):
 * each takes as many entries as there are small pages in it, so maps and unmaps store no less, and
 * an unmap would have to find out the size of all that it clears. Entries that skip levels: they
 * save tables of mappings that have nothing near them, which stay when they are empty anyway, and
 * the first neighbour would unlink them, a flush in a map that otherwise needs none.
 */
void amd_format_init(struct amd_unit *unit)
{
	const unsigned int levels = unit->levels_max;
	struct pagetable_format *format = &unit->format;

	*format = (struct pagetable_format){
	        .address = AMD_PAGE_ADDRESS,
	        .present = AMD_PAGE_PRESENT,
	        .read = AMD_PAGE_READ,
	        .write = AMD_PAGE_WRITE,
	        /* Every number from 1 to the most (2.2.3). */
	        .level_counts = (uint8_t)((2u << levels) - 2),
	        .leaf_levels = 1 << 0 | 1 << 1 | 1 << 2,
	        .coherent = unit->unit.coherent,
	        .flush_new = unit->caches_absent,
	};
	for (unsigned int level = 0; level < levels; level++) {
		/* All rights in entries that name tables: only leaves decide. The specification's
		 * levels count from 1, so that the table below an entry of level n is level n. */
		format->table[level] = AMD_PAGE_PRESENT | AMD_PAGE_READ | AMD_PAGE_WRITE |
		                       (uint64_t)level << AMD_PAGE_NEXT_SHIFT;
		format->leaf[level] = AMD_PAGE_PRESENT | AMD_PAGE_SNOOP;
		format->leaf_mask[level] = AMD_PAGE_NEXT_MASK;
		format->leaf_value[level] = 0;
	}
}

/* --- device table entries -------------------------------------------------------------------- */

bool amd_is_attached(const struct amd_unit *unit, rid_t requester)
{
	return unit->devices[requester.raw].translation != unit->blocked;
}

/*
 * Entries are valid all the time, and the unit may read one at any moment: the two words change at
 * once. Apart, it could take up a table under the id of blocked entries, which all of them share
 * and no detach flushes, or the empty table under a domain's.
 */
static void entry_write(const struct amd_unit *unit, struct amd_device_entry *entry,
                        uint64_t translation, uint64_t domain)
{
	_Static_assert(offsetof(struct amd_device_entry, domain) == sizeof(uint64_t), "a pair");
	iommu_store_pair(&unit->unit, &entry->translation, translation, domain);
}

/* Blocked, as at the start: the domain's id must not stay, since the unit may cache under it that
 * nothing is there, when the id is another domain's; and the next holder's faults are recorded. */
static int entry_block(struct amd_unit *unit, rid_t requester, uint32_t domain)
{
	struct amd_device_entry *entry = &unit->devices[requester.raw];
	int error;

	entry_write(unit, entry, unit->blocked, 0);
	mark_context(requester, domain, MARK_CONTEXT_ABSENT, paddr(0));
	/* The entry first: else a walk between the two could cache again. The second waits for
	 * what was translated before. */
	error = amd_flush_device(unit, requester);
	if (!error)
		error = amd_flush_domain(unit, domain);
	return error;
}

int amd_attach(struct iommu_unit *base, rid_t requester, const struct iommu_domain *domain)
{
	struct amd_unit *unit = amd_unit_of(base);
	struct amd_device_entry *entry = &unit->devices[requester.raw];
	int error;

	ASSERT(!amd_is_attached(unit, requester));
	mark_context(requester, domain->id, MARK_CONTEXT_PRESENT, domain->table.root);
	/* A new holder is heard, whatever the last one did. */
	entry_write(unit, entry,
	            entry_of(domain->table.levels, domain->table.root) | AMD_DTE_READ |
	                    AMD_DTE_WRITE,
	            domain->id);
	error = amd_flush_device(unit, requester);
	/* What the id's last owner left went before the id was free; where absence is cached,
	 * something may be there again. */
	if (!error)
		error = amd_flush_domain(unit, domain->id);
	if (error)
		(void)entry_block(unit, requester, domain->id);
	return error;
}

int amd_block(struct iommu_unit *base, rid_t requester, const struct iommu_domain *domain)
{
	struct amd_unit *unit = amd_unit_of(base);

	ASSERT(amd_is_attached(unit, requester));
	return entry_block(unit, requester, domain->id);
}

int amd_fault_silence(struct iommu_unit *base, rid_t requester, const struct iommu_domain *domain,
                      bool silent)
{
	struct amd_unit *unit = amd_unit_of(base);
	struct amd_device_entry *entry = &unit->devices[requester.raw];
	uint64_t word = entry->domain & ~AMD_DTE_SUPPRESS;

	/* One word: the other stays. */
	iommu_store(&unit->unit, &entry->domain, silent ? word | AMD_DTE_SUPPRESS : word);
	mark_context(requester, domain ? domain->id : 0, MARK_CONTEXT_CHANGED, paddr(0));
	return amd_flush_device(unit, requester);
}
