/* SPDX-License-Identifier: MIT */
/* The NVMe driver on a controller in memory: what it reads, and what it does with errors. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "fake_nvme.h"
#include "tasks/nvme/queue.h"
#include "tasks/nvme/stream.h"

static struct vfio_device device;
static struct nvme_controller controller;

static void setup(void)
{
	fake_nvme_setup(&device);
}

static void teardown(void)
{
	fake_nvme_teardown(&device);
}

TestSuite(nvme_driver, .init = setup, .fini = teardown);

static void open_controller(void)
{
	cr_assert_eq(nvme_open(&device, &controller), 0, "%s", controller.problem);
}

static void close_controller(void)
{
	nvme_close(&controller);
	cr_assert_eq(device.pool->used_count, 0, "DMA memory is left");
}

Test(nvme_driver, learns_what_the_controller_is)
{
	open_controller();
	cr_assert_str_eq(controller.model, "Fake?Disk");
	cr_assert_str_eq(controller.serial, "12345");
	cr_assert_eq(controller.transfer_max, 4096u << 7);
	cr_assert_eq(controller.namespace_count, 2, "one has metadata");
	cr_assert_eq(nvme_find_namespace(&controller, 1)->block_shift, 9);
	cr_assert_eq(nvme_find_namespace(&controller, 1)->blocks, 4099);
	cr_assert_eq(nvme_find_namespace(&controller, 2)->block_shift, 12);
	cr_assert_null(nvme_find_namespace(&controller, 3));
	close_controller();
}

Test(nvme_driver, takes_over_a_controller_that_somebody_left_on)
{
	open_controller();
	open_controller();
	nvme_close(&controller);
}

struct reader {
	uint32_t nsid;
	uint64_t next;
};

static void compare(void *context, const void *bytes, uint32_t size, uint64_t offset)
{
	struct reader *reader = context;

	cr_assert_eq(offset, reader->next, "out of order");
	for (uint32_t i = 0; i < size; i++)
		cr_assert_eq(((const uint8_t *)bytes)[i], fake_nvme_byte(reader->nsid, offset + i),
		             "byte %llu", (unsigned long long)(offset + i));
	reader->next += size;
}

static int read_all(uint32_t nsid, uint32_t depth, uint32_t chunk)
{
	struct reader reader = {.nsid = nsid};
	struct nvme_stream stream = {
	        .controller = &controller,
	        .space = nvme_find_namespace(&controller, nsid),
	        .depth = depth,
	        .chunk = chunk,
	        .consume = compare,
	        .context = &reader,
	};
	int result;

	cr_assert_eq(vfio_dma_alloc(device.pool, (uint64_t)depth * chunk, 4096, &stream.buffer), 0);
	result = nvme_stream_read(&stream);
	if (result == 0)
		cr_assert_eq(reader.next, stream.space->blocks << stream.space->block_shift);
	vfio_dma_free(device.pool, &stream.buffer);
	return result;
}

Test(nvme_driver, reads_every_byte_in_order_whatever_completes_first)
{
	open_controller();
	cr_assert_eq(read_all(1, 32, 16384), 0);
	cr_assert_eq(fake_nvme.most_waiting, 32);
	cr_assert_eq(read_all(2, 64, 8192), 0);
	cr_assert_eq(fake_nvme.most_waiting, 64);
	cr_assert_eq(read_all(1, 1, 4096), 0);
	cr_assert_eq(read_all(2, 5, 4096u << 7), 0);
	close_controller();
}

Test(nvme_driver, refuses_a_stream_that_does_not_fit)
{
	struct nvme_stream stream = {.controller = &controller, .depth = 2, .chunk = 4096};

	open_controller();
	stream.space = nvme_find_namespace(&controller, 1);
	stream.buffer.size = 8191;
	cr_assert_eq(nvme_stream_read(&stream), -EINVAL);
	stream.buffer.size = 1 << 20;
	stream.depth = NVME_DEPTH_MAX + 1;
	cr_assert_eq(nvme_stream_read(&stream), -EINVAL);
	stream.depth = 0;
	cr_assert_eq(nvme_stream_read(&stream), -EINVAL);
	stream.depth = 1;
	stream.chunk = 512;
	cr_assert_eq(nvme_stream_read(&stream), -EINVAL);
	close_controller();
}

Test(nvme_driver, writes_what_it_then_reads)
{
	const struct nvme_namespace *space;
	struct vfio_dma buffer;
	uint8_t *bytes;

	open_controller();
	space = nvme_find_namespace(&controller, 2);
	cr_assert_eq(vfio_dma_alloc(device.pool, 200000, 4096, &buffer), 0);
	bytes = buffer.address;
	memset(bytes, 0x5a, 200000);
	cr_assert_eq(nvme_io_transfer(&controller, space, NVME_IO_WRITE, 8192, 196608, buffer.iova),
	             0);
	cr_assert_eq(nvme_io_flush(&controller, space), 0);
	cr_assert_eq(fake_nvme.flushes, 1);
	cr_assert_neq(fake_nvme_byte(2, 8191), 0x5a);
	cr_assert_eq(fake_nvme_byte(2, 8192), 0x5a);
	cr_assert_eq(fake_nvme_byte(2, 8192 + 196607), 0x5a);
	memset(bytes, 0, 200000);
	cr_assert_eq(nvme_io_transfer(&controller, space, NVME_IO_READ, 8192, 196608, buffer.iova),
	             0);
	for (uint32_t i = 0; i < 196608; i++)
		cr_assert_eq(bytes[i], 0x5a);
	vfio_dma_free(device.pool, &buffer);
	close_controller();
}

Test(nvme_driver, starts_nothing_that_is_wrong)
{
	const struct nvme_namespace *space;
	uint64_t iova = device.pool->iova;

	open_controller();
	space = nvme_find_namespace(&controller, 1);
	cr_assert_eq(nvme_io_put(&controller, space, NVME_IO_READ, 0, 0, iova, 0), -EINVAL);
	cr_assert_eq(nvme_io_put(&controller, space, NVME_IO_READ, 0, 100, iova, 0), -EINVAL);
	cr_assert_eq(nvme_io_put(&controller, space, NVME_IO_READ, 100, 512, iova, 0), -EINVAL);
	cr_assert_eq(nvme_io_put(&controller, space, NVME_IO_READ, 0, 512, iova + 2, 0), -EINVAL);
	cr_assert_eq(nvme_io_put(&controller, space, NVME_IO_READ, 0, 512, iova, 64), -EINVAL);
	cr_assert_eq(nvme_io_put(&controller, space, NVME_IO_READ, 0, (4096u << 7) + 512, iova, 0),
	             -EINVAL);
	cr_assert_eq(nvme_io_put(&controller, space, NVME_IO_READ, 4098 * 512, 1024, iova, 0),
	             -ERANGE);
	cr_assert_eq(nvme_io_put(&controller, space, NVME_IO_READ, UINT64_C(1) << 50, 512, iova, 0),
	             -ERANGE);
	cr_assert_eq(controller.io.tail, 0);
	cr_assert_eq(nvme_io_put(&controller, space, NVME_IO_READ, 4098 * 512, 512, iova, 0), 0);
	cr_assert_eq(controller.io.tail, 1);
	close_controller();
}

/* The short way for one page, on both block sizes. */
Test(nvme_driver, moves_whole_pages)
{
	struct vfio_dma buffer;

	open_controller();
	cr_assert_eq(vfio_dma_alloc(device.pool, 8192, 4096, &buffer), 0);
	for (uint32_t nsid = 1; nsid <= 2; nsid++) {
		const struct nvme_namespace *space = nvme_find_namespace(&controller, nsid);
		uint64_t last = fake_nvme.blocks[nsid - 1] / (4096 >> space->block_shift) - 1;
		uint16_t tail = (uint16_t)controller.io.tail;
		uint16_t cid;

		cr_assert_eq(nvme_io_put_page(&controller, space, NVME_IO_READ, last + 1,
		                              buffer.iova, 0),
		             -ERANGE);
		cr_assert_eq(
		        nvme_io_put_page(&controller, space, NVME_IO_READ, 0, buffer.iova + 512, 0),
		        -EINVAL);
		cr_assert_eq(nvme_io_put_page(&controller, space, NVME_IO_READ, 0, buffer.iova, 64),
		             -EINVAL);
		cr_assert_eq(controller.io.tail, tail);
		cr_assert_eq(
		        nvme_io_put_page(&controller, space, NVME_IO_READ, last, buffer.iova, 5),
		        0);
		nvme_queue_ring(&controller.io);
		cr_assert_eq(nvme_io_complete(&controller, &cid), 0);
		cr_assert_eq(cid, 5);
		for (uint32_t i = 0; i < 4096; i++)
			cr_assert_eq(((uint8_t *)buffer.address)[i],
			             fake_nvme_byte(nsid, last * 4096 + i));
		cr_assert_eq(((uint8_t *)buffer.address)[4096], 0, "more than a page");
	}
	vfio_dma_free(device.pool, &buffer);
	close_controller();
}

Test(nvme_driver, honours_a_small_transfer_limit)
{
	fake_nvme.mdts = 2;
	open_controller();
	cr_assert_eq(controller.transfer_max, 16384);
	cr_assert_eq(read_all(1, 4, 16384), 0);
	fake_nvme.mdts = 0;
	open_controller();
	cr_assert_eq(controller.transfer_max, NVME_TRANSFER_MAX);
	nvme_close(&controller);
}

Test(nvme_driver, tells_why_a_read_failed)
{
	open_controller();
	fake_nvme.fail_io_at = 7;
	fake_nvme.fail_status = 0x281;
	cr_assert_eq(read_all(1, 4, 4096), -EIO);
	cr_assert_str_eq(nvme_status_text(controller.last_status), "unrecovered read error");
	close_controller();
}

Test(nvme_driver, gives_up_a_controller_that_answers_nonsense)
{
	uint16_t cid;

	open_controller();
	fake_nvme.wrong_cid = 40;
	cr_assert_eq(read_all(1, 4, 4096), -EPROTO, "a number of no command in flight");
	close_controller();
	fake_nvme.wrong_cid = 0;
	open_controller();
	fake_nvme.wrong_cid = 1000;
	cr_assert_eq(nvme_io_put(&controller, nvme_find_namespace(&controller, 1), NVME_IO_READ, 0,
	                         512, device.pool->iova, 3),
	             0);
	nvme_queue_ring(&controller.io);
	cr_assert_eq(nvme_io_complete(&controller, &cid), -EPROTO, "a number of no command at all");
	close_controller();
	cr_assert_eq(nvme_open(&device, &controller), -EPROTO);
}

Test(nvme_driver, gives_up_a_controller_that_does_not_answer)
{
	uint64_t start;

	open_controller();
	fake_nvme.silent = true;
	start = fake_nvme.now;
	cr_assert_eq(read_all(1, 4, 4096), -ETIMEDOUT);
	cr_assert_lt(fake_nvme.now - start, 2 * NVME_COMMAND_TIMEOUT_NS);
	close_controller();
}

Test(nvme_driver, waits_no_longer_than_the_controller_asked_for)
{
	fake_nvme.never_ready = true;
	cr_assert_eq(nvme_open(&device, &controller), -ETIMEDOUT);
	cr_assert_not_null(strstr(controller.problem, "enable the controller"));
	cr_assert_geq(fake_nvme.now, UINT64_C(2000000000), "CAP.TO is two seconds");
	cr_assert_lt(fake_nvme.now, UINT64_C(6000000000));
	cr_assert_eq(device.pool->used_count, 0);
}

Test(nvme_driver, sees_a_fatal_status)
{
	fake_nvme.fatal = true;
	cr_assert_eq(nvme_open(&device, &controller), -EIO);
	cr_assert_eq(device.pool->used_count, 0);
}

Test(nvme_driver, needs_its_registers)
{
	device.bars[0].areas[0].size = 0x1000;
	cr_assert_lt(nvme_open(&device, &controller), 0, "no doorbells");
	cr_assert_eq(device.pool->used_count, 0);
	device.bars[0].area_count = 0;
	cr_assert_eq(nvme_open(&device, &controller), -ENODEV);
}
