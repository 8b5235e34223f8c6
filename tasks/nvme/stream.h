/* SPDX-License-Identifier: MIT */
/* Reading a whole namespace with many commands in flight, handed on in order. */
#ifndef NVME_STREAM_H
#define NVME_STREAM_H

#include "nvme.h"

/* Gets size bytes that lie at byte offset of the namespace; they are valid until it returns. */
typedef void nvme_consume(void *context, const void *bytes, uint32_t size, uint64_t offset);

struct nvme_stream {
	struct nvme_controller *controller;
	const struct nvme_namespace *space;
	struct vfio_dma buffer; /* depth pieces of chunk bytes */
	uint32_t depth;         /* commands in flight, 1 to NVME_DEPTH_MAX */
	uint32_t chunk;         /* bytes of one command, a multiple of the page size */
	nvme_consume *consume;
	void *context;
};

/*
 * Reads the namespace from its first to its last block. After an error commands may still be
 * in flight: the buffer may be used again only when the controller is closed.
 * -EINVAL depth, chunk or buffer do not fit; else what nvme_io_put and nvme_io_complete say.
 */
int nvme_stream_read(const struct nvme_stream *stream);

#endif
