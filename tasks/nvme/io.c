/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "queue.h"

/* nvme_io_transfer moves this much in one command. */
#define TRANSFER_CHUNK 65536u

int nvme_io_flush(struct nvme_controller *controller, const struct nvme_namespace *space)
{
	struct nvme_command command = {.opcode = NVME_IO_FLUSH, .nsid = space->id};

	if (!controller->write_cache)
		return 0;
	return nvme_queue_execute(controller, &controller->io, &command, NULL);
}

int nvme_io_complete(struct nvme_controller *controller, uint16_t *cid)
{
	uint16_t status;
	int result = nvme_queue_wait(&controller->io);

	if (result < 0)
		return result;
	*cid = nvme_queue_take(&controller->io, &status);
	nvme_queue_release(&controller->io);
	if (*cid >= NVME_DEPTH_MAX)
		return -EPROTO;
	if (status) {
		controller->last_status = status;
		return nvme_status_error(status);
	}
	return 0;
}

int nvme_io_transfer(struct nvme_controller *controller, const struct nvme_namespace *space,
                     enum nvme_io_opcode opcode, uint64_t offset, uint64_t size, uint64_t iova)
{
	uint32_t chunk = TRANSFER_CHUNK;
	uint16_t cid;
	int result = 0;

	if (chunk > controller->transfer_max)
		chunk = controller->transfer_max;
	while (result == 0 && size) {
		uint32_t part = size < chunk ? (uint32_t)size : chunk;

		result = nvme_io_put(controller, space, opcode, offset, part, iova, 0);
		if (result < 0)
			break;
		nvme_queue_ring(&controller->io);
		result = nvme_io_complete(controller, &cid);
		if (result == 0 && cid != 0)
			result = -EPROTO;
		offset += part;
		iova += part;
		size -= part;
	}
	return result;
}
