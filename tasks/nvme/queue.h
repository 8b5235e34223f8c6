/* SPDX-License-Identifier: MIT */
/*
 * The hot path: commands into a queue, completions out of it. No function here makes a
 * system call, and each is a handful of instructions.
 */
#ifndef NVME_QUEUE_H
#define NVME_QUEUE_H

#include <errno.h>

#include "nvme.h"

/* Writes a command into the next free entry. The caller keeps at most NVME_DEPTH_MAX
 * commands in flight, half of what the queue holds. */
static inline void nvme_queue_put(struct nvme_queue *queue, const struct nvme_command *command)
{
	queue->commands[queue->tail] = *command;
	queue->tail = (queue->tail + 1) & queue->mask;
}

/* Tells the controller about all commands put since the last call. */
static inline void nvme_queue_ring(struct nvme_queue *queue)
{
	vfio_write32(queue->sq_doorbell, queue->tail);
}

/* 1 when a completion is there (section 4.6: its phase tag is the expected one). */
static inline int nvme_queue_ready(const struct nvme_queue *queue)
{
	return (queue->completions[queue->head].status & NVME_COMPLETION_PHASE) == queue->phase;
}

/* Takes the completion that is there: its command's number and status field. */
static inline uint16_t nvme_queue_take(struct nvme_queue *queue, uint16_t *status)
{
	const volatile struct nvme_completion *entry = &queue->completions[queue->head];
	uint16_t cid = entry->cid;

	*status = entry->status >> 1;
	queue->head = (queue->head + 1) & queue->mask;
	if (queue->head == 0)
		queue->phase ^= NVME_COMPLETION_PHASE;
	vfio_order(); /* what the device wrote is read after its completion was seen */
	return cid;
}

/* Tells the controller that all completions taken so far may be overwritten. */
static inline void nvme_queue_release(struct nvme_queue *queue)
{
	vfio_write32(queue->cq_doorbell, queue->head);
}

/* Fills in what follows the data pointers. The other fields of an entry are zero: nothing ever
 * writes them. */
static inline void nvme_io_finish(struct nvme_queue *queue, struct nvme_command *command,
                                  uint32_t nsid, enum nvme_io_opcode opcode, uint64_t first,
                                  uint32_t count, uint16_t cid)
{
	command->opcode = (uint8_t)opcode;
	command->cid = cid;
	command->nsid = nsid;
	command->dw10 = (uint32_t)first;
	command->dw11 = (uint32_t)(first >> 32);
	command->dw12 = count - 1; /* zero based, sections 6.9 and 6.15 */
	queue->tail = (queue->tail + 1) & queue->mask;
}

/*
 * Puts a read or write of size bytes at byte offset of the namespace, to or from the DMA
 * buffer at iova, into the queue; nvme_queue_ring starts it. offset and size are multiples of
 * the block size, iova of 4. cid is below NVME_DEPTH_MAX and names the command until it is done.
 * -EINVAL alignment, cid, size 0 or above transfer_max; -ERANGE outside the namespace.
 */
static inline int nvme_io_put(struct nvme_controller *controller,
                              const struct nvme_namespace *space, enum nvme_io_opcode opcode,
                              uint64_t offset, uint32_t size, uint64_t iova, uint16_t cid)
{
	struct nvme_queue *queue = &controller->io;
	struct nvme_command *command = &queue->commands[queue->tail];
	uint32_t block_mask = (1u << space->block_shift) - 1;
	uint64_t first = offset >> space->block_shift;
	uint32_t count = size >> space->block_shift;
	uint32_t in_page = (uint32_t)iova % NVME_PAGE_SIZE;
	int result;

	if (cid >= NVME_DEPTH_MAX || size - 1 >= controller->transfer_max ||
	    (offset | size) & block_mask || iova % 4)
		return -EINVAL;
	if (first > space->blocks || count > space->blocks - first)
		return -ERANGE;
	if (in_page + size <= NVME_PAGE_SIZE) {
		command->prp1 = iova;
		command->prp2 = 0;
	} else {
		uint64_t list = (uint64_t)cid * NVME_PAGE_SIZE;

		result = nvme_prp_build(
		        iova, size, (void *)((char *)controller->prp_lists.address + list),
		        controller->prp_lists.iova + list, &command->prp1, &command->prp2);
		if (result < 0)
			return result;
	}
	nvme_io_finish(queue, command, space->id, opcode, first, count, cid);
	return 0;
}

/*
 * The same for one page of the namespace, to or from a whole page at iova: what caches and
 * file systems do all day, with as few instructions as it takes.
 * -EINVAL iova not page aligned, cid; -ERANGE outside the namespace.
 */
static inline int nvme_io_put_page(struct nvme_controller *controller,
                                   const struct nvme_namespace *space, enum nvme_io_opcode opcode,
                                   uint64_t page, uint64_t iova, uint16_t cid)
{
	struct nvme_queue *queue = &controller->io;
	struct nvme_command *command = &queue->commands[queue->tail];

	if (cid >= NVME_DEPTH_MAX || iova % NVME_PAGE_SIZE)
		return -EINVAL;
	if (page >= space->pages)
		return -ERANGE;
	command->prp1 = iova;
	command->prp2 = 0;
	nvme_io_finish(queue, command, space->id, opcode, page * space->page_blocks,
	               space->page_blocks, cid);
	return 0;
}

#endif
