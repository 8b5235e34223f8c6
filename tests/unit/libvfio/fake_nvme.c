/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <cordon/rt.h>

#include "fake_kernel.h"
#include "fake_nvme.h"
#include "tasks/nvme/nvme_regs.h"

#define POOL_SIZE   UINT64_C(0x1000000)
#define NAMESPACES  2
#define QUEUES      2
#define WAITING_MAX 256
#define STRIDE      8u /* CAP.DSTRD 1, which is unusual on purpose */

struct ring {
	uint64_t sq, cq;
	uint32_t sq_entries, cq_entries;
	uint32_t sq_head, cq_tail;
	uint16_t phase;
};

struct fake_nvme fake_nvme;
static uint8_t registers[0x2000] __attribute__((aligned(4096)));
static struct ring rings[QUEUES];
static struct nvme_command waiting[QUEUES][WAITING_MAX];
static unsigned int waiting_count[QUEUES];
static uint8_t *contents[NAMESPACES];
static struct vfio_dma_pool *pool;

static uint32_t get(uint32_t offset)
{
	uint32_t value;

	memcpy(&value, registers + offset, sizeof(value));
	return value;
}

static uint64_t get64(uint32_t offset)
{
	return get(offset) | (uint64_t)get(offset + 4) << 32;
}

static void put(uint32_t offset, uint32_t value)
{
	memcpy(registers + offset, &value, sizeof(value));
}

static uint32_t block_size(uint32_t nsid)
{
	return nsid == 1 ? 512 : 4096;
}

uint8_t fake_nvme_byte(uint32_t nsid, uint64_t offset)
{
	return contents[nsid - 1][offset];
}

/* Every address that the controller uses must be one that is mapped for it. */
static void *reach(uint64_t iova, uint64_t size)
{
	cr_assert(iova >= pool->iova && size <= pool->size &&
	                  iova - pool->iova <= pool->size - size,
	          "the controller was sent to 0x%llx", (unsigned long long)iova);
	return pool->address + (iova - pool->iova);
}

/* Section 4.3: moves size bytes between the namespace and where the pointers say. */
static void move(const struct nvme_command *command, uint8_t *data, uint32_t size, bool to_memory)
{
	uint64_t list = 0;
	uint64_t at = command->prp1;
	uint32_t first = 4096 - (uint32_t)(at % 4096);

	if (size > first && size - first > 4096)
		list = command->prp2;
	for (uint32_t done = 0, index = 0; done < size; index++) {
		uint32_t part = 4096 - (uint32_t)(at % 4096);

		if (part > size - done)
			part = size - done;
		if (to_memory)
			memcpy(reach(at, part), data + done, part);
		else
			memcpy(data + done, reach(at, part), part);
		done += part;
		if (done < size && list)
			memcpy(&at, reach(list + 8ull * index, 8), 8);
		else
			at = command->prp2;
		cr_assert(done >= size || at % 4096 == 0, "a page with an offset");
	}
}

static void identify(const struct nvme_command *command)
{
	static union {
		uint8_t bytes[4096];
		uint32_t list[1024];
		struct nvme_identify_controller controller;
		struct nvme_identify_namespace space;
	} data;

	memset(&data, 0, sizeof(data));
	if (command->dw10 == 1) {
		memset(data.controller.model, ' ', sizeof(data.controller.model));
		memcpy(data.controller.model, "Fake\001Disk", 9);
		memset(data.controller.serial, ' ', sizeof(data.controller.serial));
		memcpy(data.controller.serial, "12345", 5);
		data.controller.mdts = fake_nvme.mdts;
		data.controller.write_cache = 1;
	} else if (command->dw10 == 2) {
		data.list[0] = 1;
		data.list[1] = 2;
		data.list[2] = 3;
	} else {
		data.space.size = fake_nvme.blocks[command->nsid - 1];
		data.space.format = 1;
		data.space.formats[1].data_shift = command->nsid == 1 ? 9 : 12;
		data.space.formats[1].metadata_size = command->nsid == 3 ? 8 : 0;
	}
	move(command, data.bytes, sizeof(data), true);
}

static uint16_t admin(const struct nvme_command *command)
{
	struct ring *io = &rings[1];

	switch (command->opcode) {
	case NVME_ADMIN_IDENTIFY:
		identify(command);
		return 0;
	case NVME_ADMIN_SET_FEATURES:
		return command->dw10 == NVME_FEATURE_QUEUES ? 0 : 2;
	case NVME_ADMIN_CREATE_CQ:
		io->cq = command->prp1;
		io->cq_entries = (command->dw10 >> 16) + 1;
		io->phase = 1;
		return (command->dw10 & 0xffff) == 1 && command->dw11 == 1 ? 0 : 0x101;
	case NVME_ADMIN_CREATE_SQ:
		io->sq = command->prp1;
		io->sq_entries = (command->dw10 >> 16) + 1;
		return io->cq && command->dw11 == (1u << 16 | 1) ? 0 : 0x100;
	default:
		return 1;
	}
}

static uint16_t io(const struct nvme_command *command)
{
	uint64_t first = command->dw10 | (uint64_t)command->dw11 << 32;
	uint64_t count = (command->dw12 & 0xffff) + 1;
	uint32_t size = block_size(command->nsid);

	if (command->opcode == NVME_IO_FLUSH) {
		fake_nvme.flushes++;
		return 0;
	}
	cr_assert_eq(command->dw12 >> 16, 0);
	cr_assert_eq(command->reserved | command->metadata, 0);
	if (++fake_nvme.io_commands == fake_nvme.fail_io_at)
		return fake_nvme.fail_status;
	if (first + count > fake_nvme.blocks[command->nsid - 1])
		return 0x80;
	if (fake_nvme.mdts && count * size > 4096ull << fake_nvme.mdts)
		return 2;
	move(command, contents[command->nsid - 1] + first * size, (uint32_t)count * size,
	     command->opcode == NVME_IO_READ);
	return 0;
}

static void complete(unsigned int queue, const struct nvme_command *command, uint16_t status)
{
	struct ring *ring = &rings[queue];
	struct nvme_completion *entry = reach(ring->cq + 16ull * ring->cq_tail, 16);

	entry->result = 0;
	entry->sq_head = (uint16_t)ring->sq_head;
	entry->sq_id = (uint16_t)queue;
	entry->cid = (uint16_t)(command->cid + fake_nvme.wrong_cid);
	entry->status = (uint16_t)(status << 1 | ring->phase);
	ring->cq_tail = (ring->cq_tail + 1) % ring->cq_entries;
	ring->phase ^= ring->cq_tail == 0;
	cr_assert_neq(ring->cq_tail, get(NVME_DOORBELLS + (2 * queue + 1) * STRIDE),
	              "the completion queue overflows");
}

static void fetch(unsigned int queue)
{
	struct ring *ring = &rings[queue];
	uint32_t tail = get(NVME_DOORBELLS + 2 * queue * STRIDE);

	cr_assert_lt(tail, ring->sq_entries);
	while (ring->sq_head != tail) {
		cr_assert_lt(waiting_count[queue], WAITING_MAX);
		memcpy(&waiting[queue][waiting_count[queue]++],
		       reach(ring->sq + 64ull * ring->sq_head, 64), 64);
		ring->sq_head = (ring->sq_head + 1) % ring->sq_entries;
	}
	if (queue && waiting_count[queue] > fake_nvme.most_waiting)
		fake_nvme.most_waiting = waiting_count[queue];
}

/* Completes one waiting command, the first or any. */
static void work(unsigned int queue)
{
	struct nvme_command command;
	unsigned int which;

	if (rings[queue].sq_entries == 0)
		return;
	fetch(queue);
	if (waiting_count[queue] == 0 || fake_nvme.silent)
		return;
	which = fake_nvme.in_order ? 0 : (unsigned int)rand() % waiting_count[queue];
	command = waiting[queue][which];
	waiting_count[queue]--;
	memmove(&waiting[queue][which], &waiting[queue][which + 1],
	        (waiting_count[queue] - which) * sizeof(command));
	complete(queue, &command, queue ? io(&command) : admin(&command));
}

static void start(void)
{
	rings[0].sq = get64(NVME_ASQ);
	rings[0].cq = get64(NVME_ACQ);
	rings[0].sq_entries = (get(NVME_AQA) & 0xfff) + 1;
	rings[0].cq_entries = (get(NVME_AQA) >> 16 & 0xfff) + 1;
	rings[0].phase = 1;
	cr_assert_eq(get(NVME_CC) >> 16 & 0xff, 0x46, "entry sizes");
	put(NVME_CSTS, NVME_CSTS_READY);
}

static void stop(void)
{
	memset(rings, 0, sizeof(rings));
	memset(waiting_count, 0, sizeof(waiting_count));
	memset(registers + NVME_DOORBELLS, 0, 0x1000);
	put(NVME_CSTS, 0);
}

static void step(void)
{
	bool ready = get(NVME_CSTS) & NVME_CSTS_READY;
	bool enabled = get(NVME_CC) & NVME_CC_ENABLE;

	if (enabled && !ready && fake_nvme.fatal)
		put(NVME_CSTS, NVME_CSTS_FATAL);
	else if (enabled && !ready && !fake_nvme.never_ready)
		start();
	else if (!enabled && get(NVME_CSTS))
		stop();
	if (!(get(NVME_CSTS) & NVME_CSTS_READY))
		return;
	if (get(NVME_CC) & NVME_CC_SHUTDOWN_MASK)
		put(NVME_CSTS, get(NVME_CSTS) | NVME_CSTS_SHUTDOWN_DONE);
	work(0);
	work(1);
}

/* The driver's clock: a millisecond has passed, in which the controller did something. */
uint64_t cordon_now(void)
{
	fake_nvme.now += 1000000;
	step();
	return fake_nvme.now;
}

int64_t cordon_clock_sleep(uint64_t deadline)
{
	if (deadline > fake_nvme.now)
		fake_nvme.now = deadline;
	step();
	return 0;
}

void fake_nvme_setup(struct vfio_device *device)
{
	uint64_t cap = UINT64_C(2047) | UINT64_C(4) << 24 | UINT64_C(1) << 32 | UINT64_C(1) << 37;

	fake_reset();
	srand(7);
	memset(&fake_nvme, 0, sizeof(fake_nvme));
	memset(registers, 0, sizeof(registers));
	memcpy(registers + NVME_CAP, &cap, sizeof(cap));
	put(NVME_VS, 0x10400);
	stop();
	fake_nvme.mdts = 7;
	fake_nvme.blocks[0] = 4099;
	fake_nvme.blocks[1] = 700;
	fake_nvme.blocks[2] = 10;
	for (uint32_t n = 0; n < NAMESPACES; n++) {
		uint64_t size = fake_nvme.blocks[n] * block_size(n + 1);

		contents[n] = malloc(size);
		for (uint64_t i = 0; i < size; i++)
			contents[n][i] = (uint8_t)(i * 2654435761u >> 13);
	}
	memset(device, 0, sizeof(*device));
	cr_assert_eq(vfio_dma_pool_create(FAKE_CONTAINER, POOL_SIZE, 0, 0, &device->own_pool), 0);
	device->pool = &device->own_pool;
	pool = device->pool;
	device->bars[0].area_count = 1;
	device->bars[0].areas[0] = (struct vfio_area){0, sizeof(registers), registers};
}

void fake_nvme_teardown(struct vfio_device *device)
{
	for (uint32_t n = 0; n < NAMESPACES; n++)
		free(contents[n]);
	vfio_dma_pool_destroy(&device->own_pool);
	fake_reset();
}
