/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <cordon/rt.h>

#include "queue.h"

/* How often a polling loop looks at the clock, which may be a system call. */
#define POLLS_PER_CLOCK 1000u

int nvme_queue_create(struct nvme_controller *controller, uint16_t id, uint32_t entries,
                      struct nvme_queue *queue)
{
	uint32_t stride = nvme_cap_doorbell_stride(controller->cap);
	struct vfio_dma_pool *pool = controller->device->pool;
	uint64_t doorbell = NVME_DOORBELLS + UINT64_C(2) * id * stride;
	int result;

	memset(queue, 0, sizeof(*queue));
	queue->id = id;
	queue->mask = (uint16_t)(entries - 1);
	queue->phase = NVME_COMPLETION_PHASE;
	queue->sq_doorbell = vfio_bar_pointer(controller->device, 0, doorbell, sizeof(uint32_t));
	queue->cq_doorbell = vfio_bar_pointer(controller->device, 0, doorbell + stride,
	                                      sizeof(uint32_t));
	if (!queue->sq_doorbell || !queue->cq_doorbell)
		return -ENODEV;
	result = vfio_dma_alloc(pool, entries * sizeof(struct nvme_command), NVME_PAGE_SIZE,
	                        &queue->sq_memory);
	if (result < 0)
		return result;
	result = vfio_dma_alloc(pool, entries * sizeof(struct nvme_completion), NVME_PAGE_SIZE,
	                        &queue->cq_memory);
	if (result < 0) {
		vfio_dma_free(pool, &queue->sq_memory);
		queue->sq_memory.size = 0;
		return result;
	}
	queue->commands = queue->sq_memory.address;
	queue->completions = queue->cq_memory.address;
	return 0;
}

void nvme_queue_destroy(struct nvme_controller *controller, struct nvme_queue *queue)
{
	struct vfio_dma_pool *pool = controller->device->pool;

	if (queue->cq_memory.size)
		vfio_dma_free(pool, &queue->cq_memory);
	if (queue->sq_memory.size)
		vfio_dma_free(pool, &queue->sq_memory);
	memset(queue, 0, sizeof(*queue));
}

int nvme_queue_wait(const struct nvme_queue *queue)
{
	uint64_t deadline = 0;

	for (unsigned int polls = 1; !nvme_queue_ready(queue); polls++) {
		vfio_relax();
		if (polls % POLLS_PER_CLOCK)
			continue;
		if (deadline == 0)
			deadline = cordon_now() + NVME_COMMAND_TIMEOUT_NS;
		else if (cordon_now() > deadline)
			return -ETIMEDOUT;
	}
	return 0;
}

int nvme_queue_execute(struct nvme_controller *controller, struct nvme_queue *queue,
                       struct nvme_command *command, uint32_t *result)
{
	uint16_t status;
	uint32_t value;
	uint16_t cid;
	int error;

	nvme_queue_put(queue, command);
	nvme_queue_ring(queue);
	error = nvme_queue_wait(queue);
	if (error < 0)
		return error;
	value = queue->completions[queue->head].result;
	cid = nvme_queue_take(queue, &status);
	nvme_queue_release(queue);
	if (cid != command->cid)
		return -EPROTO;
	if (status) {
		controller->last_status = status;
		return nvme_status_error(status);
	}
	if (result)
		*result = value;
	return 0;
}
