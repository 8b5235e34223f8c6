/* SPDX-License-Identifier: MIT */
/* Commands (2.4): put into the buffer, a completion wait behind them, a bounded wait. */
#include <drivers/iommu/amd/amd.h>

#include <kernel/mark.h>
#include <kernel/panic.h>

/* Commands between two waits; one slot always stays free (3.4.13), and the wait takes one. */
#define BATCH_MAX (IOMMU_QUEUE_SLOTS - 2)
_Static_assert(AMD_RING_ENTRIES == IOMMU_QUEUE_SLOTS, "3.4.2: the length that the unit is told");

int amd_queue_create(struct amd_unit *unit)
{
	return iommu_queue_create(&unit->queue);
}

void amd_queue_start(struct amd_unit *unit)
{
	amd_write(unit->registers, AMD_COMMAND_BASE,
	          virt_to_phys(unit->queue.slots).raw | AMD_RING_LENGTH_LOG
	                                                        << AMD_RING_LENGTH_SHIFT);
	amd_write(unit->registers, AMD_COMMAND_HEAD, 0);
	amd_write(unit->registers, AMD_COMMAND_TAIL, 0);
	iommu_queue_reset(&unit->queue);
}

/* A command that the unit cannot take stops the buffer (2.4). */
static bool refused(struct iommu_unit *base)
{
	return !(amd_read(amd_unit_of(base)->registers, AMD_STATUS) & AMD_STATUS_COMMANDS_RUN);
}

/* For the witness: the trace of the emulator does not tell operands. */
static __attribute__((cold, noinline)) void queue_mark(const struct iommu_queue *queue)
{
	for (uint32_t i = queue->first; i != queue->tail; i = (i + 1) % IOMMU_QUEUE_SLOTS)
		mark_command(queue->slots[i].low, queue->slots[i].high);
}

/* Has the unit work on what was put, and waits until all of it is done: what was translated before
 * has then reached memory (2.4.1). */
static inline int queue_run(struct amd_unit *unit)
{
	struct iommu_queue *queue = &unit->queue;

	iommu_queue_put(queue,
	                AMD_COMPLETION_WAIT | AMD_WAIT_STORE | AMD_WAIT_FLUSH |
	                        queue->status_address.raw,
	                iommu_queue_number(queue));
	if (mark_wanted())
		queue_mark(queue);
	iommu_queue_publish(queue, unit->unit.coherent);
	amd_write(unit->registers, AMD_COMMAND_TAIL, (uint64_t)queue->tail << IOMMU_QUEUE_SHIFT);
	return iommu_queue_wait(&unit->unit, queue, refused);
}

static int flush_one(struct amd_unit *unit, uint64_t low, uint64_t high)
{
	int error = iommu_queue_ready(&unit->unit);

	if (error)
		return error;
	iommu_queue_put(&unit->queue, low, high);
	return queue_run(unit);
}

int amd_flush_device(struct amd_unit *unit, rid_t requester)
{
	return flush_one(unit, AMD_INVALIDATE_DEVICE | requester.raw, 0);
}

static uint64_t pages_of(uint32_t domain)
{
	return AMD_INVALIDATE_PAGES | (uint64_t)domain << AMD_PAGES_DOMAIN_SHIFT;
}

#define PAGES_ALL (AMD_PAGES_EVERYTHING | AMD_PAGES_SIZE | AMD_PAGES_DIRECTORIES)

int amd_flush_domain(struct amd_unit *unit, uint32_t domain)
{
	return flush_one(unit, pages_of(domain), PAGES_ALL);
}

/* One kind of command for all 2^16 devices or domains. */
static int flush_each(struct amd_unit *unit, uint64_t command, unsigned int shift, uint64_t high)
{
	int error = iommu_queue_ready(&unit->unit);

	for (uint32_t id = 0; !error && id < AMD_DEVICE_ENTRIES; id++) {
		iommu_queue_put(&unit->queue, command | (uint64_t)id << shift, high);
		if (id % BATCH_MAX == BATCH_MAX - 1 || id == AMD_DEVICE_ENTRIES - 1)
			error = queue_run(unit);
	}
	return error;
}

/* Devices before translations: a walk in between would cache under the old entry. */
int amd_flush_all(struct amd_unit *unit)
{
	int error;

	if (unit->features & AMD_FEATURE_INVALIDATE_ALL)
		return flush_one(unit, AMD_INVALIDATE_ALL, 0);
	error = flush_each(unit, AMD_INVALIDATE_DEVICE, 0, 0);
	if (!error)
		error = flush_each(unit, AMD_INVALIDATE_REMAP, 0, 0);
	if (!error)
		error = flush_each(unit, AMD_INVALIDATE_PAGES, AMD_PAGES_DOMAIN_SHIFT, PAGES_ALL);
	return error;
}

int amd_flush_remap(struct amd_unit *unit, rid_t requester)
{
	return flush_one(unit, AMD_INVALIDATE_REMAP | requester.raw, 0);
}

uint64_t amd_block_operand(const struct iommu_block *block)
{
	/* The lowest clear bit from 12 on says half the size; the block's own address is clear
	 * there, and all bits below it are set. */
	if (!block->order)
		return block->address;
	return block->address | ((PAGE_SIZE << (block->order - 1)) - PAGE_SIZE) | AMD_PAGES_SIZE;
}

/* Puts commands for the ranges, or one for the whole domain. */
static __attribute__((noinline)) void put_ranges(struct amd_unit *unit,
                                                 const struct iommu_gather *gather,
                                                 uint64_t directories)
{
	const uint64_t command = pages_of(gather->domain->id);

	if (gather->everything) {
		iommu_queue_put(&unit->queue, command, PAGES_ALL);
		return;
	}
	for (uint32_t i = 0; i < gather->range_count; i++) {
		const struct iommu_range *range = &gather->ranges[i];
		struct iommu_block blocks[2];
		unsigned int count = iommu_blocks_of(range->first, range->last, blocks);

		for (unsigned int k = 0; k < count; k++)
			iommu_queue_put(&unit->queue, command,
			                amd_block_operand(&blocks[k]) | directories);
	}
}

int amd_invalidate(struct iommu_unit *base, const struct iommu_gather *gather)
{
	struct amd_unit *unit = amd_unit_of(base);
	/* Cached upper entries may point to unlinked tables, or say that a table is absent that was
	 * linked. */
	uint64_t directories = gather->tables_unlinked || unit->caches_absent
	                               ? AMD_PAGES_DIRECTORIES
	                               : 0;
	struct iommu_block block;
	int error = iommu_queue_ready(base);

	if (error)
		return error;
	if (iommu_gather_is_block(gather, &block))
		iommu_queue_put(&unit->queue, pages_of(gather->domain->id),
		                amd_block_operand(&block) | directories);
	else
		put_ranges(unit, gather, directories);
	return queue_run(unit);
}
