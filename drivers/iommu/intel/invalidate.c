/* SPDX-License-Identifier: MIT */
/* Queued invalidation (6.5.2): descriptors, a wait descriptor behind them, a bounded wait. */
#include <drivers/iommu/intel/intel.h>

#include <cordon/errno.h>
#include <kernel/clock.h>
#include <kernel/inject.h>
#include <kernel/page.h>
#include <kernel/panic.h>
#include <kernel/string.h>

/* Ranges of a gather become at most two descriptors each; they, the context descriptor and the
 * wait fit the queue many times over. */
_Static_assert(2 * IOMMU_GATHER_RANGES + 2 < INTEL_QUEUE_SLOTS, "a gather fits the queue");

int intel_queue_create(struct intel_unit *unit)
{
	struct intel_queue *queue = &unit->queue;
	paddr_t slots;
	int error = page_alloc_zeroed(&slots);

	if (error)
		return error;
	error = page_alloc_zeroed(&queue->status_address);
	if (error) {
		page_free(slots, 0);
		return error;
	}
	unit->page_selective = (unit->cap & INTEL_CAP_PSI) != 0;
	unit->mask_max = intel_cap_mask_max(unit->cap);
	unit->leaf_hint = unit->cap & INTEL_CAP_CM ? 0 : INTEL_INV_LEAF_ONLY;
	queue->slots = phys_to_virt(slots);
	queue->status = phys_to_virt(queue->status_address);
	return 0;
}

bool intel_queue_start(struct intel_unit *unit)
{
	/* Switching the queue off resets the head but not everywhere the tail (10.4.21): a stale
	 * tail would have old slots executed. */
	intel_write64(unit->registers, INTEL_IQT, 0);
	intel_write64(unit->registers, INTEL_IQA, virt_to_phys(unit->queue.slots).raw);
	unit->queue.tail = 0;
	return intel_switch(unit, INTEL_GCMD_QIE, true);
}

static inline void queue_put(struct intel_queue *queue, uint64_t low, uint64_t high)
{
	queue->slots[queue->tail].low = low;
	queue->slots[queue->tail].high = high;
	queue->tail = (queue->tail + 1) % INTEL_QUEUE_SLOTS;
}

static bool queue_failed(const struct intel_unit *unit)
{
	return intel_read32(unit->registers, INTEL_FSTS) & INTEL_FSTS_QUEUE;
}

/* The slow way: the unit did not finish within the store to its tail register. */
static __attribute__((noinline)) int queue_wait(struct intel_unit *unit)
{
	const struct intel_queue *queue = &unit->queue;
	bool failed = false;

	(void)clock_wait_until(*queue->status == queue->number || (failed = queue_failed(unit)),
	                       IOMMU_FLUSH_TIMEOUT);
	if (*queue->status == queue->number)
		return 0;
	iommu_unit_dead_locked(&unit->unit, failed ? "it refused an invalidation"
	                                           : "an invalidation was not confirmed in time");
	return -EIO;
}

/* Has the unit work on what was put, and waits until all of it is done (6.5.2.8). */
static inline int queue_run(struct intel_unit *unit)
{
	struct intel_queue *queue = &unit->queue;

	/* Old status words never match: a number comes again only after 2^32 waits. */
	queue->number++;
	queue_put(queue,
	          INTEL_INV_WAIT | INTEL_INV_WAIT_STATUS |
	                  (uint64_t)queue->number << INTEL_INV_DATA_SHIFT,
	          queue->status_address.raw);
	/* It then waits for a number that never comes. */
	if (inject_fails(CORDON_INJECT_FLUSH))
		queue->number++;
	/* Slots before tail; the unit fetches them coherently (10.4.3, C). */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	intel_write64(unit->registers, INTEL_IQT, (uint64_t)queue->tail << INTEL_QUEUE_SHIFT);
	if (__builtin_expect(*queue->status == queue->number, 1))
		return 0;
	return queue_wait(unit);
}

/* Before anything is put: a dead unit is not asked again. */
static inline int queue_ready(struct intel_unit *unit)
{
	DEBUG_ASSERT(spin_held(&unit->unit.lock));
	if (unit->unit.dead)
		return -EIO;
	if (__builtin_expect(!(unit->cap & INTEL_CAP_RWBF), 1) || intel_write_buffer_flush(unit))
		return 0;
	iommu_unit_dead_locked(&unit->unit, "its write buffers were not flushed in time");
	return -EIO;
}

static inline void put_iotlb(struct intel_queue *queue, uint64_t granularity, uint32_t domain,
                             uint64_t high)
{
	queue_put(queue,
	          INTEL_INV_IOTLB | granularity | INTEL_INV_DRAIN_WRITES | INTEL_INV_DRAIN_READS |
	                  (uint64_t)domain << INTEL_INV_ID_SHIFT,
	          high);
}

static int flush_one(struct intel_unit *unit, uint64_t low)
{
	int error = queue_ready(unit);

	if (error)
		return error;
	queue_put(&unit->queue, low, 0);
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
static inline bool put_block(struct intel_unit *unit, uint32_t domain, uint64_t address,
                             unsigned int mask, uint64_t hint)
{
	if (mask > unit->mask_max)
		return false;
	put_iotlb(&unit->queue, INTEL_INV_SELECTIVE, domain, address | hint | mask);
	return true;
}

/* One aligned block, or two when one would be much larger than the range. */
static bool put_range(struct intel_unit *unit, uint32_t domain, uint64_t first, uint64_t last,
                      uint64_t hint)
{
	uint64_t address, middle;
	unsigned int mask = intel_block_around(first, last, &address);

	if (mask < 2 || last - first >= PAGE_SIZE << (mask - 1))
		return put_block(unit, domain, address, mask, hint);
	/* first and last lie in different halves of the block. */
	middle = address + (PAGE_SIZE << (mask - 1));
	mask = intel_block_around(first, middle - 1, &address);
	if (!put_block(unit, domain, address, mask, hint))
		return false;
	mask = intel_block_around(middle, last, &address);
	return put_block(unit, domain, address, mask, hint);
}

/* Puts page-selective descriptors for the ranges; false, with nothing put, when the unit cannot be
 * told: then the whole domain goes. */
static bool put_ranges(struct intel_unit *unit, const struct iommu_gather *gather, uint64_t hint)
{
	uint32_t tail = unit->queue.tail;

	if (gather->everything || !unit->page_selective)
		return false;
	for (uint32_t i = 0; i < gather->range_count; i++) {
		if (!put_range(unit, gather->domain->id, gather->ranges[i].first,
		               gather->ranges[i].last, hint)) {
			unit->queue.tail = tail;
			return false;
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
	int error = queue_ready(unit);

	if (error)
		return error;
	if (!put_ranges(unit, gather, hint))
		put_iotlb(&unit->queue, INTEL_INV_DOMAIN, gather->domain->id, 0);
	return queue_run(unit);
}
