/* SPDX-License-Identifier: MIT */
/*
 * Piece n of the namespace uses slot n % depth: its part of the buffer and its command
 * number. Completions come in any order, the consumer gets the pieces in theirs.
 */
#include <errno.h>
#include <stdbool.h>

#include "queue.h"
#include "stream.h"

struct progress {
	uint64_t bytes; /* of the namespace */
	uint64_t pieces;
	uint64_t submitted;
	uint64_t consumed;
	bool done[NVME_DEPTH_MAX];
};

static uint32_t piece_size(const struct nvme_stream *stream, const struct progress *progress,
                           uint64_t piece)
{
	uint64_t rest = progress->bytes - piece * stream->chunk;

	return rest < stream->chunk ? (uint32_t)rest : stream->chunk;
}

static int submit_all(const struct nvme_stream *stream, struct progress *progress)
{
	bool put = false;

	while (progress->submitted < progress->pieces &&
	       progress->submitted - progress->consumed < stream->depth) {
		uint64_t piece = progress->submitted;
		uint32_t slot = (uint32_t)(piece % stream->depth);
		int result = nvme_io_put(stream->controller, stream->space, NVME_IO_READ,
		                         piece * stream->chunk, piece_size(stream, progress, piece),
		                         stream->buffer.iova + (uint64_t)slot * stream->chunk,
		                         (uint16_t)slot);

		if (result < 0)
			return result;
		progress->submitted++;
		put = true;
	}
	if (put)
		nvme_queue_ring(&stream->controller->io);
	return 0;
}

/* Waits for the piece that the consumer gets next. */
static int await_next(const struct nvme_stream *stream, struct progress *progress)
{
	uint32_t wanted = (uint32_t)(progress->consumed % stream->depth);

	while (!progress->done[wanted]) {
		uint16_t cid;
		int result = nvme_io_complete(stream->controller, &cid);

		if (result < 0)
			return result;
		if (cid >= stream->depth || progress->done[cid])
			return -EPROTO;
		progress->done[cid] = true;
	}
	progress->done[wanted] = false;
	return 0;
}

int nvme_stream_read(const struct nvme_stream *stream)
{
	struct progress progress = {.bytes = stream->space->blocks << stream->space->block_shift};
	int result = 0;

	if (stream->depth == 0 || stream->depth > NVME_DEPTH_MAX || stream->chunk == 0 ||
	    stream->chunk % NVME_PAGE_SIZE ||
	    stream->buffer.size < (uint64_t)stream->depth * stream->chunk)
		return -EINVAL;
	progress.pieces = (progress.bytes + stream->chunk - 1) / stream->chunk;
	while (progress.consumed < progress.pieces) {
		uint64_t piece = progress.consumed;
		uint64_t slot = piece % stream->depth;

		result = submit_all(stream, &progress);
		if (result == 0)
			result = await_next(stream, &progress);
		if (result < 0)
			return result;
		stream->consume(stream->context,
		                (const char *)stream->buffer.address + slot * stream->chunk,
		                piece_size(stream, &progress, piece), piece * stream->chunk);
		progress.consumed++;
	}
	return 0;
}
