/* SPDX-License-Identifier: MIT */
/* Section 7.6.1: from reset to a controller with one queue pair, and back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cordon/rt.h>

#include "queue.h"

#define ADMIN_ENTRIES 32u
#define IO_QUEUE_ID   1u
#define IO_ENTRIES    (2 * NVME_DEPTH_MAX) /* a ring is full with one entry free */

/* Between two looks at a controller that changes its state. */
#define STATE_POLL_NS UINT64_C(1000000)

/* Section 7.6.2 leaves the time to the device; afterwards it is disabled all the same. */
#define SHUTDOWN_TIMEOUT_NS UINT64_C(2000000000)

static uint32_t read_register(const struct nvme_controller *controller, uint32_t offset)
{
	return vfio_read32(controller->registers + offset);
}

static void write_register(struct nvme_controller *controller, uint32_t offset, uint32_t value)
{
	vfio_write32(controller->registers + offset, value);
}

static void write_register64(struct nvme_controller *controller, uint32_t offset, uint64_t value)
{
	vfio_write64(controller->registers + offset, value);
}

static int problem(struct nvme_controller *controller, int result, const char *what)
{
	if (result < 0)
		snprintf(controller->problem, sizeof(controller->problem), "%s: %s", what,
		         controller->last_status ? nvme_status_text(controller->last_status)
		                                 : cordon_strerror(result));
	return result;
}

/* Waits until the bits of mask in CSTS are value. */
static int wait_status(const struct nvme_controller *controller, uint32_t mask, uint32_t value,
                       uint64_t timeout_ns)
{
	uint64_t deadline = cordon_now() + timeout_ns;

	for (;;) {
		uint32_t status = read_register(controller, NVME_CSTS);
		uint64_t now;

		if (status == UINT32_MAX) /* the device is gone from the bus */
			return -ENODEV;
		if ((status & mask) == value)
			return 0;
		if (value && status & NVME_CSTS_FATAL)
			return -EIO;
		now = cordon_now();
		if (now > deadline)
			return -ETIMEDOUT;
		cordon_clock_sleep(now + STATE_POLL_NS);
	}
}

static int disable(struct nvme_controller *controller)
{
	uint32_t config = read_register(controller, NVME_CC);

	config &= ~(NVME_CC_ENABLE | NVME_CC_SHUTDOWN_MASK);
	write_register(controller, NVME_CC, config);
	return wait_status(controller, NVME_CSTS_READY, 0, nvme_cap_timeout_ns(controller->cap));
}

static int check_capabilities(struct nvme_controller *controller)
{
	if (nvme_cap_page_shift_min(controller->cap) > 12)
		return problem(controller, -EOPNOTSUPP, "pages of 4 KiB");
	if (!nvme_cap_nvm_commands(controller->cap))
		return problem(controller, -EOPNOTSUPP, "NVM command set");
	if (nvme_cap_max_entries(controller->cap) < IO_ENTRIES)
		return problem(controller, -EOPNOTSUPP, "queue size");
	return 0;
}

static int enable(struct nvme_controller *controller)
{
	struct nvme_queue *admin = &controller->admin;
	int result = problem(controller, disable(controller), "disable the controller");

	if (result == 0)
		result = problem(controller, nvme_queue_create(controller, 0, ADMIN_ENTRIES, admin),
		                 "admin queue");
	if (result < 0)
		return result;
	write_register(controller, NVME_AQA, (ADMIN_ENTRIES - 1) << 16 | (ADMIN_ENTRIES - 1));
	write_register64(controller, NVME_ASQ, admin->sq_memory.iova);
	write_register64(controller, NVME_ACQ, admin->cq_memory.iova);
	write_register(controller, NVME_CC,
	               NVME_CC_CQ_ENTRY_16 | NVME_CC_SQ_ENTRY_64 | NVME_CC_MPS_4K |
	                       NVME_CC_CSS_NVM | NVME_CC_ENABLE);
	return problem(controller,
	               wait_status(controller, NVME_CSTS_READY, NVME_CSTS_READY,
	                           nvme_cap_timeout_ns(controller->cap)),
	               "enable the controller");
}

static int identify(struct nvme_controller *controller, enum nvme_identify_what what, uint32_t nsid,
                    const struct vfio_dma *page)
{
	struct nvme_command command = {
	        .opcode = NVME_ADMIN_IDENTIFY,
	        .nsid = nsid,
	        .prp1 = page->iova,
	        .dw10 = what,
	};

	return nvme_queue_execute(controller, &controller->admin, &command, NULL);
}

/* Copies an ASCII field padded with spaces (section 1.5); other bytes become '?'. */
static void copy_text(char *text, const char *field, size_t size)
{
	while (size && (field[size - 1] == ' ' || field[size - 1] == '\0'))
		size--;
	for (size_t i = 0; i < size; i++)
		text[i] = field[i] >= ' ' && field[i] <= '~' ? field[i] : '?';
	text[size] = '\0';
}

static int identify_controller(struct nvme_controller *controller, const struct vfio_dma *page)
{
	const struct nvme_identify_controller *data = page->address;
	uint32_t shift = nvme_cap_page_shift_min(controller->cap);
	int result = identify(controller, NVME_IDENTIFY_CONTROLLER, 0, page);

	if (result < 0)
		return problem(controller, result, "identify controller");
	copy_text(controller->model, data->model, sizeof(data->model));
	copy_text(controller->serial, data->serial, sizeof(data->serial));
	controller->write_cache = data->write_cache & 1;
	controller->transfer_max = NVME_TRANSFER_MAX;
	if (data->mdts && data->mdts + shift < 31 &&
	    1u << (data->mdts + shift) < controller->transfer_max)
		controller->transfer_max = 1u << (data->mdts + shift);
	return 0;
}

static int identify_namespace(struct nvme_controller *controller, uint32_t id,
                              const struct vfio_dma *page)
{
	const struct nvme_identify_namespace *data = page->address;
	const struct nvme_lba_format *format;
	int result = identify(controller, NVME_IDENTIFY_NAMESPACE, id, page);

	if (result < 0)
		return problem(controller, result, "identify namespace");
	format = &data->formats[data->format & 15];
	if ((format->data_shift != 9 && format->data_shift != 12) || format->metadata_size ||
	    data->size > UINT64_MAX >> format->data_shift)
		return 0;
	controller->namespaces[controller->namespace_count++] = (struct nvme_namespace){
	        .id = id,
	        .block_shift = format->data_shift,
	        .blocks = data->size,
	        .pages = data->size >> (NVME_PAGE_SHIFT - format->data_shift),
	        .page_blocks = NVME_PAGE_SIZE >> format->data_shift,
	};
	return 0;
}

static int find_namespaces(struct nvme_controller *controller, const struct vfio_dma *page)
{
	uint32_t ids[NVME_NAMESPACES_MAX];
	int result = identify(controller, NVME_IDENTIFY_ACTIVE_NAMESPACES, 0, page);

	if (result < 0)
		return problem(controller, result, "identify active namespaces");
	memcpy(ids, page->address, sizeof(ids));
	for (unsigned int i = 0; result == 0 && i < NVME_NAMESPACES_MAX && ids[i]; i++)
		result = identify_namespace(controller, ids[i], page);
	return result;
}

static int read_identity(struct nvme_controller *controller)
{
	struct vfio_dma page;
	int result = vfio_dma_alloc(controller->device->pool, NVME_IDENTIFY_SIZE, NVME_PAGE_SIZE,
	                            &page);

	if (result < 0)
		return problem(controller, result, "memory for identify data");
	result = identify_controller(controller, &page);
	if (result == 0)
		result = find_namespaces(controller, &page);
	vfio_dma_free(controller->device->pool, &page);
	return result;
}

/* Sections 5.21.1.7, 5.3 and 5.4. The completion queue goes first: the other names it. */
static int create_io_queue(struct nvme_controller *controller)
{
	struct nvme_queue *io = &controller->io;
	struct nvme_command features = {
	        .opcode = NVME_ADMIN_SET_FEATURES,
	        .dw10 = NVME_FEATURE_QUEUES,
	        .dw11 = 0, /* one of each, zero based */
	};
	struct nvme_command create = {
	        .opcode = NVME_ADMIN_CREATE_CQ,
	        .dw10 = (IO_ENTRIES - 1) << 16 | IO_QUEUE_ID,
	        .dw11 = NVME_QUEUE_CONTIGUOUS,
	};
	int result = nvme_queue_execute(controller, &controller->admin, &features, NULL);

	if (result < 0)
		return problem(controller, result, "set the number of queues");
	result = nvme_queue_create(controller, IO_QUEUE_ID, IO_ENTRIES, io);
	if (result < 0)
		return problem(controller, result, "memory for the queue");
	create.prp1 = io->cq_memory.iova;
	result = nvme_queue_execute(controller, &controller->admin, &create, NULL);
	if (result < 0)
		return problem(controller, result, "create the completion queue");
	create.opcode = NVME_ADMIN_CREATE_SQ;
	create.dw11 |= IO_QUEUE_ID << 16;
	create.prp1 = io->sq_memory.iova;
	result = nvme_queue_execute(controller, &controller->admin, &create, NULL);
	return problem(controller, result, "create the submission queue");
}

int nvme_open(struct vfio_device *device, struct nvme_controller *controller)
{
	int result;

	memset(controller, 0, sizeof(*controller));
	controller->device = device;
	controller->registers = vfio_bar_pointer(device, 0, 0, NVME_DOORBELLS);
	if (!controller->registers || !device->pool)
		return problem(controller, -ENODEV, "registers and DMA memory");
	controller->cap = vfio_read64(controller->registers + NVME_CAP);
	controller->version = read_register(controller, NVME_VS);
	result = check_capabilities(controller);
	if (result < 0)
		return result;
	result = enable(controller);
	if (result == 0)
		result = read_identity(controller);
	if (result == 0)
		result = problem(controller,
		                 vfio_dma_alloc(device->pool,
		                                (uint64_t)NVME_DEPTH_MAX * NVME_PAGE_SIZE,
		                                NVME_PAGE_SIZE, &controller->prp_lists),
		                 "memory for PRP lists");
	if (result == 0)
		result = create_io_queue(controller);
	if (result < 0)
		nvme_close(controller);
	return result;
}

void nvme_close(struct nvme_controller *controller)
{
	uint32_t config = read_register(controller, NVME_CC);

	/* Section 7.6.2. Whether it answers or not, disabling stops it. */
	if (config & NVME_CC_ENABLE) {
		write_register(controller, NVME_CC, config | NVME_CC_SHUTDOWN_NORMAL);
		wait_status(controller, NVME_CSTS_SHUTDOWN_MASK, NVME_CSTS_SHUTDOWN_DONE,
		            SHUTDOWN_TIMEOUT_NS);
	}
	disable(controller);
	nvme_queue_destroy(controller, &controller->io);
	nvme_queue_destroy(controller, &controller->admin);
	if (controller->prp_lists.size)
		vfio_dma_free(controller->device->pool, &controller->prp_lists);
	controller->prp_lists.size = 0;
}

const struct nvme_namespace *nvme_find_namespace(const struct nvme_controller *controller,
                                                 uint32_t id)
{
	for (uint32_t i = 0; i < controller->namespace_count; i++)
		if (controller->namespaces[i].id == id)
			return &controller->namespaces[i];
	return NULL;
}
