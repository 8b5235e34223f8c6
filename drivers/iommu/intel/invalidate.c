/* SPDX-License-Identifier: MIT */
/* Queued invalidation (6.5.2): descriptors, a wait descriptor behind them, a bounded wait. */
#include <drivers/iommu/intel/intel.h>

#include <kernel/panic.h>

int intel_queue_create(struct intel_unit *unit)
{
	unit->page_selective = (unit->cap & INTEL_CAP_PSI) != 0;
	unit->mask_max = intel_cap_mask_max(unit->cap);
	unit->leaf_hint = unit->cap & INTEL_CAP_CM ? 0 : INTEL_INV_LEAF_ONLY;
	return iommu_queue_create(&unit->queue);
}

bool intel_queue_start(struct intel_unit *unit)
{
	/* Switching the queue off resets the head but not everywhere the tail (10.4.21): a stale
	 * tail would have old slots executed. */
	intel_write64(unit->registers, INTEL_IQT, 0);
	intel_write64(unit->registers, INTEL_IQA, virt_to_phys(unit->queue.slots).raw);
	iommu_queue_reset(&unit->queue);
	return intel_switch(unit, INTEL_GCMD_QIE, true);
}

static bool refused(struct iommu_unit *base)
{
	return intel_read32(intel_unit_of(base)->registers, INTEL_FSTS) & INTEL_FSTS_QUEUE;
}

/* Has the unit work on what was put, and waits until all of it is done (6.5.2.8). */
static inline int queue_run(struct intel_unit *unit)
{
	struct iommu_queue *queue = &unit->queue;

	iommu_queue_put(queue,
	                INTEL_INV_WAIT | INTEL_INV_WAIT_STATUS |
	                        (uint64_t)iommu_queue_number(queue) << INTEL_INV_DATA_SHIFT,
	                queue->status_address.raw);
	/* The unit fetches slots coherently (10.4.3, C). */
	iommu_queue_publish(queue, true);
	intel_write64(unit->registers, INTEL_IQT, (uint64_t)queue->tail << IOMMU_QUEUE_SHIFT);
	return iommu_queue_wait(&unit->unit, queue, refused);
}

/* Before anything is put. */
static inline int queue_ready(struct intel_unit *unit)
{
	int error = iommu_queue_ready(&unit->unit);

	if (error)
		return error;
	if (__builtin_expect(!(unit->cap & INTEL_CAP_RWBF), 1) || intel_write_buffer_flush(unit))
		return 0;
	iommu_unit_dead_locked(&unit->unit, "its write buffers were not flushed in time");
	return -EIO;
}

static inline void put_iotlb(struct iommu_queue *queue, uint64_t granularity, uint32_t domain,
                             uint64_t high)
{
	iommu_queue_put(queue,
	                INTEL_INV_IOTLB | granularity | INTEL_INV_DRAIN_WRITES |
	                        INTEL_INV_DRAIN_READS | (uint64_t)domain << INTEL_INV_ID_SHIFT,
	                high);
}

static int flush_one(struct intel_unit *unit, uint64_t low)
{
	int error = queue_ready(unit);

	if (error)
		return error;
	iommu_queue_put(&unit->queue, low, 0);
	return queue_run(unit);
}

int intel_flush_context(struct intel_unit *unit, rid_t requester, uint32_t domain)
{
	return flush_one(unit, INTEL_INV_CONTEXT | INTEL_INV_SELECTIVE |
	                               (uint64_t)domain << INTEL_INV_ID_SHIFT |
	                               (uint64_t)requester.raw << INTEL_INV_SOURCE_SHIFT);
}

int intel_flush_domain(struct intel_unit *unit, uint32_t domain)
{
	int error = queue_ready(unit);

	if (error)
		return error;
	put_iotlb(&unit->queue, INTEL_INV_DOMAIN, domain, 0);
	return queue_run(unit);
}

/* Contexts before translations: a walk in between would cache under the old context (6.5.3). So
 * each is waited for. */
int intel_flush_all(struct intel_unit *unit)
{
	int error = flush_one(unit, INTEL_INV_CONTEXT | INTEL_INV_GLOBAL);

	if (error)
		return error;
	put_iotlb(&unit->queue, INTEL_INV_GLOBAL, 0, 0);
	return queue_run(unit);
}

int intel_flush_interrupts(struct intel_unit *unit)
{
	return flush_one(unit, INTEL_INV_INTERRUPT);
}

int intel_flush_interrupt(struct intel_unit *unit, uint32_t index)
{
	return flush_one(unit, INTEL_INV_INTERRUPT | INTEL_INV_INTERRUPT_INDEX |
	                               (uint64_t)index << INTEL_INV_INDEX_SHIFT);
}

/* False: the unit has no mask for a block of this size. */
static inline bool put_block(struct intel_unit *unit, uint32_t domain,
                             const struct iommu_block *block, uint64_t hint)
{
	if (block->order > unit->mask_max)
		return false;
	put_iotlb(&unit->queue, INTEL_INV_SELECTIVE, domain, block->address | hint | block->order);
	return true;
}

/* Puts page-selective descriptors for the ranges; false, with nothing put, when the unit cannot be
 * told: then the whole domain goes. */
static __attribute__((noinline)) bool put_ranges(struct intel_unit *unit,
                                                 const struct iommu_gather *gather, uint64_t hint)
{
	uint32_t tail = unit->queue.tail, domain = gather->domain->id;

	if (gather->everything || !unit->page_selective)
		return false;
	for (uint32_t i = 0; i < gather->range_count; i++) {
		const struct iommu_range *range = &gather->ranges[i];
		struct iommu_block blocks[2];
		unsigned int count = iommu_blocks_of(range->first, range->last, blocks);

		for (unsigned int k = 0; k < count; k++) {
			if (!put_block(unit, domain, &blocks[k], hint)) {
				unit->queue.tail = tail;
				return false;
			}
		}
	}
	return true;
}

int intel_invalidate(struct iommu_unit *base, const struct iommu_gather *gather)
{
	struct intel_unit *unit = intel_unit_of(base);
	/* The hint spares cached upper entries. They may point to unlinked tables, and in caching
	 * mode say that a table is absent that was linked (6.5.2.3). */
	uint64_t hint = gather->tables_unlinked ? 0 : unit->leaf_hint;
	struct iommu_block block;
	int error = queue_ready(unit);

	if (error)
		return error;
	if (unit->page_selective && iommu_gather_is_block(gather, &block) &&
	    put_block(unit, gather->domain->id, &block, hint))
		return queue_run(unit);
	if (!put_ranges(unit, gather, hint))
		put_iotlb(&unit->queue, INTEL_INV_DOMAIN, gather->domain->id, 0);
	return queue_run(unit);
}
