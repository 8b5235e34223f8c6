/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <cordon/rt.h>
#include <tasks/common/region.h>
#include <tasks/common/sha256.h>

#include "jobs.h"
#include "stream.h"

#define READ_NAMESPACE  1u
#define WRITE_NAMESPACE 2u
#define READ_DEPTH      32u
#define READ_CHUNK      131072u
#define PROGRESS_LINES  8u

#define MIB    UINT64_C(1048576)
#define SECOND UINT64_C(1000000000)
#define MS     UINT64_C(1000000)

struct reading {
	struct sha256 hash;
	uint64_t total;
	uint64_t next_line; /* bytes at which progress is printed again */
	uint64_t hash_ns;
};

int job_identify(struct nvme_controller *controller)
{
	char bdf[VFIO_BDF_TEXT];

	printf("nvme: %s: %s, serial %s, NVMe %u.%u, transfers up to %u KiB\n",
	       vfio_bdf_text(controller->device->bdf, bdf), controller->model, controller->serial,
	       (unsigned int)(controller->version >> 16),
	       (unsigned int)(controller->version >> 8 & 0xff),
	       (unsigned int)(controller->transfer_max / 1024));
	for (uint32_t i = 0; i < controller->namespace_count; i++) {
		const struct nvme_namespace *space = &controller->namespaces[i];

		printf("nvme: namespace %u: %" PRIu64 " blocks of %u bytes, %" PRIu64 " MiB\n",
		       (unsigned int)space->id, space->blocks, 1u << space->block_shift,
		       (space->blocks << space->block_shift) / MIB);
	}
	return 0;
}

static int failed(struct nvme_controller *controller, const char *what, int result)
{
	printf("nvme: %s failed: %s\n", what,
	       result != -EPROTO && result != -ETIMEDOUT && controller->last_status
	               ? nvme_status_text(controller->last_status)
	               : cordon_strerror(result));
	return result;
}

static const struct nvme_namespace *need_namespace(struct nvme_controller *controller, uint32_t id)
{
	const struct nvme_namespace *space = nvme_find_namespace(controller, id);

	if (!space)
		printf("nvme: there is no usable namespace %u\n", (unsigned int)id);
	return space;
}

static void consume(void *context, const void *bytes, uint32_t size, uint64_t offset)
{
	struct reading *reading = context;
	uint64_t start = cordon_now();

	sha256_update(&reading->hash, bytes, size);
	reading->hash_ns += cordon_now() - start;
	if (offset + size < reading->next_line)
		return;
	printf("nvme: read %4" PRIu64 " of %" PRIu64 " MiB\n", (offset + size) / MIB,
	       reading->total / MIB);
	reading->next_line += reading->total / PROGRESS_LINES;
}

/* Reading and hashing overlap, so that the time of one says little about the other's rate. */
static void print_rate(const struct reading *reading, uint64_t elapsed)
{
	uint64_t tenths = reading->total * 10 / MIB * SECOND / (elapsed ? elapsed : 1);

	printf("nvme: read and hashed %" PRIu64 " MiB in %" PRIu64 " ms: %" PRIu64 ".%" PRIu64
	       " MiB/s; %" PRIu64 " ms of it went into SHA-256\n",
	       reading->total / MIB, elapsed / MS, tenths / 10, tenths % 10, reading->hash_ns / MS);
}

int job_read(struct nvme_controller *controller)
{
	const struct nvme_namespace *space = need_namespace(controller, READ_NAMESPACE);
	struct reading reading = {0};
	struct nvme_stream stream = {
	        .controller = controller,
	        .space = space,
	        .depth = READ_DEPTH,
	        .chunk = READ_CHUNK,
	        .consume = consume,
	        .context = &reading,
	};
	uint8_t digest[SHA256_SIZE];
	char text[SHA256_TEXT_SIZE];
	uint64_t start;
	int result;

	if (!space)
		return -ENODEV;
	if (stream.chunk > controller->transfer_max)
		stream.chunk = controller->transfer_max;
	result = vfio_dma_alloc(controller->device->pool, (uint64_t)stream.depth * stream.chunk,
	                        NVME_PAGE_SIZE, &stream.buffer);
	if (result < 0)
		return failed(controller, "memory for reading", result);
	reading.total = space->blocks << space->block_shift;
	reading.next_line = reading.total / PROGRESS_LINES;
	sha256_init(&reading.hash);

	printf("nvme: reading all of namespace %u, %u commands of %u KiB in flight\n",
	       (unsigned int)space->id, (unsigned int)stream.depth,
	       (unsigned int)(stream.chunk / 1024));
	start = cordon_now();
	result = nvme_stream_read(&stream);
	if (result < 0) /* commands may be in flight: the buffer stays taken */
		return failed(controller, "reading", result);
	print_rate(&reading, cordon_now() - start);
	sha256_final(&reading.hash, digest);
	printf("disk: sha256 %s\n", sha256_text(digest, text));
	vfio_dma_free(controller->device->pool, &stream.buffer);
	return 0;
}

static int compare_region(const uint8_t *bytes)
{
	for (uint32_t i = 0; i < REGION_SIZE; i++) {
		if (bytes[i] != region_byte(i)) {
			printf("nvme: byte %u of the region reads %02x, %02x was written\n",
			       (unsigned int)i, bytes[i], region_byte(i));
			return -EIO;
		}
	}
	return 0;
}

static int write_and_verify(struct nvme_controller *controller, const struct nvme_namespace *space,
                            const struct vfio_dma *buffer)
{
	uint8_t *bytes = buffer->address;
	int result;

	for (uint32_t i = 0; i < REGION_SIZE; i++)
		bytes[i] = region_byte(i);
	result = nvme_io_transfer(controller, space, NVME_IO_WRITE, REGION_OFFSET, REGION_SIZE,
	                          buffer->iova);
	if (result == 0)
		result = nvme_io_flush(controller, space);
	if (result < 0)
		return failed(controller, "writing", result);
	memset(bytes, 0, REGION_SIZE);
	result = nvme_io_transfer(controller, space, NVME_IO_READ, REGION_OFFSET, REGION_SIZE,
	                          buffer->iova);
	if (result < 0)
		return failed(controller, "reading back", result);
	return compare_region(bytes);
}

int job_write(struct nvme_controller *controller)
{
	const struct nvme_namespace *space = need_namespace(controller, WRITE_NAMESPACE);
	struct vfio_dma buffer;
	int result;

	if (!space)
		return -ENODEV;
	result = vfio_dma_alloc(controller->device->pool, REGION_SIZE, NVME_PAGE_SIZE, &buffer);
	if (result < 0)
		return failed(controller, "memory for writing", result);
	result = write_and_verify(controller, space, &buffer);
	if (result < 0)
		return result;
	printf("nvme: wrote %u KiB at %" PRIu64 " KiB of namespace %u, read back and equal\n",
	       (unsigned int)(REGION_SIZE / 1024), REGION_OFFSET / 1024, (unsigned int)space->id);
	vfio_dma_free(controller->device->pool, &buffer);
	return 0;
}
