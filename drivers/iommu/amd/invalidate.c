/* SPDX-License-Identifier: MIT */
/* Commands (2.4): put into the buffer, a completion wait behind them, a bounded wait. */
#include <drivers/iommu/amd/amd.h>

#include <cordon/errno.h>
#include <kernel/clock.h>
#include <kernel/inject.h>
#include <kernel/mark.h>
#include <kernel/page.h>
#include <kernel/panic.h>

/* Commands between two waits; one slot always stays free (3.4.13), and the wait takes one. */
#define BATCH_MAX (AMD_RING_ENTRIES - 2)

_Static_assert(2 * IOMMU_GATHER_RANGES < BATCH_MAX, "a gather fits the buffer");

int amd_queue_create(struct amd_unit *unit)
{
	struct amd_queue *queue = &unit->queue;
	paddr_t slots;
	int error = page_alloc_zeroed(&slots);

	if (error)
		return error;
	error = page_alloc_zeroed(&queue->status_address);
	if (error) {
		page_free(slots, 0);
		return error;
	}
	queue->slots = phys_to_virt(slots);
	queue->status = phys_to_virt(queue->status_address);
	return 0;
}

void amd_queue_start(struct amd_unit *unit)
{
	struct amd_queue *queue = &unit->queue;

	amd_write(unit->registers, AMD_COMMAND_BASE,
	          virt_to_phys(queue->slots).raw | AMD_RING_LENGTH_LOG << AMD_RING_LENGTH_SHIFT);
	amd_write(unit->registers, AMD_COMMAND_HEAD, 0);
	amd_write(unit->registers, AMD_COMMAND_TAIL, 0);
	queue->tail = 0;
	queue->first = 0;
}

static inline void queue_put(struct amd_queue *queue, uint64_t low, uint64_t high)
{
	queue->slots[queue->tail].low = low;
	queue->slots[queue->tail].high = high;
	queue->tail = (queue->tail + 1) % AMD_RING_ENTRIES;
}

/* Writes the new slots back; they may lie on both ends of the buffer. */
static void queue_publish(struct amd_unit *unit)
{
	struct amd_queue *queue = &unit->queue;

	if (queue->first > queue->tail) {
		amd_publish(unit, &queue->slots[queue->first],
		            (AMD_RING_ENTRIES - queue->first) * sizeof(*queue->slots));
		queue->first = 0;
	}
	amd_publish(unit, &queue->slots[queue->first],
	            (queue->tail - queue->first) * sizeof(*queue->slots));
	queue->first = queue->tail;
}

/* For the witness: the trace of the emulator does not tell operands. */
static __attribute__((cold, noinline)) void queue_mark(const struct amd_queue *queue)
{
	for (uint32_t i = queue->first; i != queue->tail; i = (i + 1) % AMD_RING_ENTRIES)
		mark_command(queue->slots[i].low, queue->slots[i].high);
}

/* The slow way: the unit did not finish within the store to its tail register. */
static __attribute__((noinline)) int queue_wait(struct amd_unit *unit)
{
	const struct amd_queue *queue = &unit->queue;
	bool failed = false;

	/* A command that it cannot take stops the buffer (2.4). */
	(void)clock_wait_until(*queue->status == queue->number ||
	                               (failed = !(amd_read(unit->registers, AMD_STATUS) &
	                                           AMD_STATUS_COMMANDS_RUN)),
	                       IOMMU_FLUSH_TIMEOUT);
	if (*queue->status == queue->number)
		return 0;
	iommu_unit_dead_locked(&unit->unit, failed ? "it refused a command"
	                                           : "a command was not confirmed in time");
	return -EIO;
}

/* Has the unit work on what was put, and waits until all of it is done: what was translated before
 * has then reached memory (2.4.1). */
static inline int queue_run(struct amd_unit *unit)
{
	struct amd_queue *queue = &unit->queue;

	queue->number++;
	queue_put(queue,
	          AMD_COMPLETION_WAIT | AMD_WAIT_STORE | AMD_WAIT_FLUSH |
	                  (queue->status_address.raw & AMD_WAIT_ADDRESS),
	          queue->number);
	if (mark_wanted())
		queue_mark(queue);
	/* It then waits for a number that never comes. */
	if (inject_fails(CORDON_INJECT_FLUSH))
		queue->number++;
	if (unit->coherent)
		queue->first = queue->tail;
	else
		queue_publish(unit);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	amd_write(unit->registers, AMD_COMMAND_TAIL, (uint64_t)queue->tail << AMD_RING_SHIFT);
	if (__builtin_expect(*queue->status == queue->number, 1))
		return 0;
	return queue_wait(unit);
}

/* Before anything is put: a dead unit is not asked again. */
static inline int queue_ready(struct amd_unit *unit)
{
	DEBUG_ASSERT(spin_held(&unit->unit.lock));
	return unit->unit.dead ? -EIO : 0;
}

static int flush_one(struct amd_unit *unit, uint64_t low, uint64_t high)
{
	int error = queue_ready(unit);

	if (error)
		return error;
	queue_put(&unit->queue, low, high);
	return queue_run(unit);
}

int amd_flush_device(struct amd_unit *unit, rid_t requester)
{
	return flush_one(unit, AMD_INVALIDATE_DEVICE | requester.raw, 0);
}

int amd_flush_remap(struct amd_unit *unit, rid_t requester)
{
	return flush_one(unit, AMD_INVALIDATE_REMAP | requester.raw, 0);
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
	int error = queue_ready(unit);

	for (uint32_t id = 0; !error && id < AMD_DEVICE_ENTRIES; id++) {
		queue_put(&unit->queue, command | (uint64_t)id << shift, high);
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

uint64_t amd_block_around(uint64_t first, uint64_t last)
{
	uint64_t differ = (first ^ last) >> PAGE_SHIFT;
	uint64_t half;

	if (!differ)
		return align_down(first, PAGE_SIZE);
	/* The lowest clear bit from 12 on says half the size, and the block's own address is clear
	 * there: all bits below it are set. */
	half = PAGE_SIZE << (63u - (unsigned int)__builtin_clzll(differ));
	return align_down(first, 2 * half) | (half - PAGE_SIZE) | AMD_PAGES_SIZE;
}

/* One aligned block, or two when one would be much larger than the range. */
static void put_range(struct amd_unit *unit, uint64_t command, uint64_t first, uint64_t last,
                      uint64_t directories)
{
	uint64_t differ = (first ^ last) >> PAGE_SHIFT;
	uint64_t half = differ ? PAGE_SIZE << (63u - (unsigned int)__builtin_clzll(differ)) : 0;
	uint64_t middle = align_down(last, half ? half : PAGE_SIZE);

	if (half <= PAGE_SIZE || last - first >= half) {
		queue_put(&unit->queue, command, amd_block_around(first, last) | directories);
		return;
	}
	queue_put(&unit->queue, command, amd_block_around(first, middle - 1) | directories);
	queue_put(&unit->queue, command, amd_block_around(middle, last) | directories);
}

int amd_invalidate(struct iommu_unit *base, const struct iommu_gather *gather)
{
	struct amd_unit *unit = amd_unit_of(base);
	uint64_t command = pages_of(gather->domain->id);
	/* Cached upper entries may point to unlinked tables, or say that a table is absent that was
	 * linked. */
	uint64_t directories = gather->tables_unlinked || unit->caches_absent
	                               ? AMD_PAGES_DIRECTORIES
	                               : 0;
	int error = queue_ready(unit);

	if (error)
		return error;
	if (gather->everything)
		queue_put(&unit->queue, command, PAGES_ALL);
	for (uint32_t i = 0; !gather->everything && i < gather->range_count; i++)
		put_range(unit, command, gather->ranges[i].first, gather->ranges[i].last,
		          directories);
	return queue_run(unit);
}
