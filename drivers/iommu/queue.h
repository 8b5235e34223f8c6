/* SPDX-License-Identifier: MIT */
/*
 * A queue of commands in memory, as the units of every vendor have one: slots of 128 bits in a
 * frame, a tail register that is the unit's order to work, and a last command that stores a number
 * when all before it is done. Whoever submits waits, under the unit's lock, so between submissions
 * the queue is empty and its tail is known without asking the hardware.
 *
 * The vendor encodes commands, writes the tail register and says how a refused command shows.
 */
#ifndef DRIVERS_IOMMU_QUEUE_H
#define DRIVERS_IOMMU_QUEUE_H

#include <arch/cpu.h>
#include <cordon/errno.h>
#include <drivers/iommu/core.h>
#include <kernel/inject.h>
#include <kernel/panic.h>

struct iommu_command {
	uint64_t low;
	uint64_t high;
};

#define IOMMU_QUEUE_SLOTS 256u /* one frame */
#define IOMMU_QUEUE_SHIFT 4    /* of a slot's number in head and tail registers */
_Static_assert(sizeof(struct iommu_command) == 1u << IOMMU_QUEUE_SHIFT, "VT-d 6.5.2, AMD-Vi 2.4");
_Static_assert(sizeof(struct iommu_command) * IOMMU_QUEUE_SLOTS == PAGE_SIZE, "one frame");

/* A range becomes at most two commands; they, those that go with them and the wait fit the queue
 * many times over. */
_Static_assert(2 * IOMMU_GATHER_RANGES + 2 < IOMMU_QUEUE_SLOTS, "a gather fits the queue");

struct iommu_queue {
	struct iommu_command *slots;
	volatile uint32_t *status; /* where the unit stores the number of a finished wait */
	paddr_t status_address;
	uint32_t tail;   /* slot written next */
	uint32_t first;  /* slot that the unit has not been told of */
	uint32_t number; /* of the last wait */
};

/* Takes the frames. Returns 0 or -ENOMEM. */
int iommu_queue_create(struct iommu_queue *queue);

/* Empties it: the unit starts with slot 0. */
static inline void iommu_queue_reset(struct iommu_queue *queue)
{
	queue->tail = 0;
	queue->first = 0;
}

/* Before anything is put: a dead unit is not asked again. Returns 0 or -EIO. */
static inline int iommu_queue_ready(const struct iommu_unit *unit)
{
	DEBUG_ASSERT(spin_held(&unit->lock));
	return unit->dead ? -EIO : 0;
}

static inline void iommu_queue_put(struct iommu_queue *queue, uint64_t low, uint64_t high)
{
	uint32_t tail = queue->tail;
	struct iommu_command *slot = &queue->slots[tail];

	slot->low = low;
	slot->high = high;
	queue->tail = (tail + 1) % IOMMU_QUEUE_SLOTS;
}

/* The number that the wait which is put next has to store. Old numbers never match: one comes again
 * only after 2^32 waits. */
static inline uint32_t iommu_queue_number(struct iommu_queue *queue)
{
	return ++queue->number;
}

/* The new slots lie on both ends of the frame, from first on. */
void iommu_queue_write_back_wrapped(const struct iommu_queue *queue, uint32_t first);

/* Makes the new slots visible to the unit, before its tail register is written. snooped: it reads
 * them through the CPU's caches. */
static inline void iommu_queue_publish(struct iommu_queue *queue, bool snooped)
{
	uint32_t first = queue->first, tail = queue->tail;

	queue->first = tail;
	if (!snooped && first < tail)
		arch_cache_flush(&queue->slots[first], (tail - first) * sizeof(*queue->slots));
	else if (!snooped)
		iommu_queue_write_back_wrapped(queue, first);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

/* The slow way of the next function: the unit did not finish within the store to its register. */
int iommu_queue_wait_long(struct iommu_unit *unit, const struct iommu_queue *queue,
                          bool (*refused)(struct iommu_unit *unit));

/*
 * After the tail register was written: waits until the last number is there, at most
 * IOMMU_FLUSH_TIMEOUT, or until refused says that the unit stopped at a command. Then the unit is
 * dead. Returns 0 or -EIO.
 */
static inline int iommu_queue_wait(struct iommu_unit *unit, struct iommu_queue *queue,
                                   bool (*refused)(struct iommu_unit *unit))
{
	/* It then waits for a number that never comes. */
	if (inject_fails(CORDON_INJECT_FLUSH))
		queue->number++;
	if (__builtin_expect(*queue->status == queue->number, 1))
		return 0;
	return iommu_queue_wait_long(unit, queue, refused);
}

/* --- ranges ---------------------------------------------------------------------------------- */

/* A naturally aligned block of 2^order pages: what a unit can be told to forget at once. */
struct iommu_block {
	uint64_t address;
	unsigned int order;
};

/* The smallest block around [first, last]. */
static inline struct iommu_block iommu_block_around(uint64_t first, uint64_t last)
{
	uint64_t differ = (first ^ last) >> PAGE_SHIFT;
	unsigned int order = differ ? 64u - (unsigned int)__builtin_clzll(differ) : 0;

	return (struct iommu_block){align_down(first, PAGE_SIZE << order), order};
}

/* Whether a block is not much larger than the range that it was made around. */
static inline bool iommu_block_is_tight(const struct iommu_block *block, uint64_t first,
                                        uint64_t last)
{
	return block->order < 2 || last - first >= PAGE_SIZE << (block->order - 1);
}

/* Blocks that cover [first, last]: one, or two when one would be much larger than the range.
 * Returns how many. */
static inline unsigned int iommu_blocks_of(uint64_t first, uint64_t last,
                                           struct iommu_block blocks[2])
{
	uint64_t middle;

	blocks[0] = iommu_block_around(first, last);
	if (iommu_block_is_tight(&blocks[0], first, last))
		return 1;
	/* first and last lie in different halves of the block. */
	middle = blocks[0].address + (PAGE_SIZE << (blocks[0].order - 1));
	blocks[0] = iommu_block_around(first, middle - 1);
	blocks[1] = iommu_block_around(middle, last);
	return 2;
}

/* Whether one block is all that a gather recorded: what a driver does all day. */
static inline bool iommu_gather_is_block(const struct iommu_gather *gather,
                                         struct iommu_block *block)
{
	const struct iommu_range *range = &gather->ranges[0];

	if (gather->range_count != 1 || gather->everything)
		return false;
	*block = iommu_block_around(range->first, range->last);
	return iommu_block_is_tight(block, range->first, range->last);
}

#endif
