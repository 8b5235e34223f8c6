/* SPDX-License-Identifier: MIT */
/*
 * A polled NVMe driver over libvfio: one admin queue, one queue for reads and writes.
 *
 * What the controller writes is not trusted: completions with a wrong number, and identify
 * data that does not fit, are errors. A controller that does not answer in time is given up
 * (-ETIMEDOUT); nvme_close then resets it, and the kernel makes sure that it reaches no
 * memory afterwards.
 */
#ifndef NVME_H
#define NVME_H

#include <stdint.h>

#include <vfio/device.h>

#include "nvme_regs.h"

#define NVME_PAGE_SHIFT     12
#define NVME_PAGE_SIZE      (1u << NVME_PAGE_SHIFT)
#define NVME_DEPTH_MAX      64u /* commands in flight */
#define NVME_NAMESPACES_MAX 16u /* more are ignored */

/* One page of list entries for each command, so that no list is ever chained. */
#define NVME_PRP_LIST_ENTRIES (NVME_PAGE_SIZE / sizeof(uint64_t))
#define NVME_TRANSFER_MAX     ((uint32_t)(NVME_PRP_LIST_ENTRIES * NVME_PAGE_SIZE))

/* A command that is not done after this is never done: the controller is broken. */
#define NVME_COMMAND_TIMEOUT_NS UINT64_C(10000000000)

/* A pair of submission and completion queue, used by one thread. */
struct nvme_queue {
	struct nvme_command *commands;
	volatile struct nvme_completion *completions;
	volatile void *sq_doorbell;
	volatile void *cq_doorbell;
	uint32_t tail;  /* next command */
	uint32_t head;  /* next completion */
	uint32_t phase; /* phase tag of a new completion */
	uint32_t mask;  /* entries - 1; entries is a power of two */
	uint16_t id;
	struct vfio_dma sq_memory;
	struct vfio_dma cq_memory;
};

struct nvme_namespace {
	uint32_t id;
	uint32_t block_shift; /* 9 or 12 */
	uint64_t blocks;
	uint64_t pages;       /* whole pages of NVME_PAGE_SIZE in it */
	uint32_t page_blocks; /* blocks of one page */
};

struct nvme_controller {
	struct vfio_device *device; /* borrowed */
	volatile uint8_t *registers;
	uint64_t cap;
	uint32_t version;
	uint32_t transfer_max; /* bytes of one command */
	uint32_t write_cache;  /* 1: a flush is needed before data is safe */
	char model[41];
	char serial[21];
	uint32_t namespace_count;
	struct nvme_namespace namespaces[NVME_NAMESPACES_MAX];
	struct nvme_queue admin;
	struct nvme_queue io;
	struct vfio_dma prp_lists; /* NVME_DEPTH_MAX pages */
	uint16_t last_status;      /* status field of the last command that failed */
	char problem[96];          /* what the last failed function was doing */
};

/* --- controller (admin.c) ---------------------------------------------------------------- */

/*
 * Resets and enables the controller, reads its identity and namespaces, makes the queue for
 * reads and writes. The device's pool must have room for about 400 KiB. On error the
 * controller is off and everything is given back; controller->problem tells what failed.
 * -ETIMEDOUT it did not answer in the time that CAP.TO gives; -EOPNOTSUPP it needs pages
 * larger than 4 KiB or has no NVM command set; -EIO fatal status or an error completion.
 */
int nvme_open(struct vfio_device *device, struct nvme_controller *controller);

/* Shuts the controller down, disables it and gives its memory back. */
void nvme_close(struct nvme_controller *controller);

/* The namespace with that number, or null: not active, or in a format that is not supported
 * (block size other than 512 or 4096, or metadata). */
const struct nvme_namespace *nvme_find_namespace(const struct nvme_controller *controller,
                                                 uint32_t id);

/* --- queues (queue.c) -------------------------------------------------------------------- */

/* Allocates the memory of a pair with entries (a power of two) and locates its doorbells. */
int nvme_queue_create(struct nvme_controller *controller, uint16_t id, uint32_t entries,
                      struct nvme_queue *queue);
void nvme_queue_destroy(struct nvme_controller *controller, struct nvme_queue *queue);

/* Polls until a completion is there. -ETIMEDOUT: none in NVME_COMMAND_TIMEOUT_NS. */
int nvme_queue_wait(const struct nvme_queue *queue);

/*
 * Submits one command on an otherwise empty queue and waits for its completion. Returns 0
 * and the completion's result, -ETIMEDOUT, -EPROTO for the completion of another command, or
 * the error of its status (nvme_status_error).
 */
int nvme_queue_execute(struct nvme_controller *controller, struct nvme_queue *queue,
                       struct nvme_command *command, uint32_t *result);

/* --- reads and writes (io.c) ------------------------------------------------------------- */

/*
 * Waits until a command is done and takes its completion; *cid names it. Returns 0, the error
 * of its status (controller->last_status), -ETIMEDOUT when none is done in
 * NVME_COMMAND_TIMEOUT_NS, or -EPROTO for a number that no command has: the controller is
 * broken then.
 */
int nvme_io_complete(struct nvme_controller *controller, uint16_t *cid);

/* Makes what was written safe from a loss of power. Needs an empty queue. */
int nvme_io_flush(struct nvme_controller *controller, const struct nvme_namespace *space);

/* Reads or writes any number of bytes (multiples of the block size) and waits. Needs an empty
 * queue. offset, iova and errors as nvme_io_put (queue.h). */
int nvme_io_transfer(struct nvme_controller *controller, const struct nvme_namespace *space,
                     enum nvme_io_opcode opcode, uint64_t offset, uint64_t size, uint64_t iova);

/* --- data pointers (prp.c) --------------------------------------------------------------- */

/*
 * Describes size bytes at iova to the controller (section 4.3). list has room for
 * NVME_PRP_LIST_ENTRIES entries and lies at list_iova, page aligned; it is written only
 * when more than two pages are touched. -EINVAL: iova is no multiple of 4 or size is 0;
 * -E2BIG: more pages than one list describes; -EOVERFLOW: iova + size wraps.
 */
int nvme_prp_build(uint64_t iova, uint32_t size, uint64_t *list, uint64_t list_iova, uint64_t *prp1,
                   uint64_t *prp2);

/* --- errors (status.c) ------------------------------------------------------------------- */

/* A status field (without phase tag) as an error number: 0, -EINVAL, -ERANGE, -EIO, ... */
int nvme_status_error(uint16_t status);

/* A status field in words, "LBA out of range"; never null. */
const char *nvme_status_text(uint16_t status);

#endif
