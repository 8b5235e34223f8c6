/* SPDX-License-Identifier: MIT */
/*
 * The ten steps. Each is one function that makes at most one thing to be undone, marks it in
 * device->done, and explains its own failure; vfio_device_open runs them in order.
 */
#include <errno.h>
#include <string.h>

#include <cordon/memory.h>
#include <cordon/rt.h>
#include <cordon/syscall.h>

#include "internal.h"

/* What a driver does with its group: ask about it, put it into a container, open devices. */
#define GROUP_RIGHTS (CORDON_RIGHT_READ | CORDON_RIGHT_WRITE)

static int is_none(cordon_handle_t handle)
{
	return handle <= 0;
}

static void mark_done(struct vfio_device *device, int step)
{
	device->done |= 1u << step;
}

static int open_container(const struct vfio_open_params *params, struct vfio_device *device)
{
	struct cordon_handle_info info;
	int result;

	if (!is_none(params->container)) {
		result = (int)cordon_handle_info(params->container, &info);
		if (result == 0 && info.type != CORDON_OBJECT_CONTAINER)
			result = -EBADF;
		if (result < 0)
			return vfio_error_set(&device->error, VFIO_STEP_CONTAINER, result,
			                      "handle %d is no container", (int)params->container);
		device->container = params->container;
		return 0;
	}
	if (params->pool)
		return vfio_error_set(&device->error, VFIO_STEP_CONTAINER, -EINVAL,
		                      "a pool was given without its container");
	result = (int)cordon_container_create(&device->container);
	if (result < 0)
		return vfio_error_set(&device->error, VFIO_STEP_CONTAINER, result, "%s",
		                      result == -ENODEV ? "there is no usable IOMMU"
		                                        : cordon_strerror(result));
	mark_done(device, VFIO_STEP_CONTAINER);
	return 0;
}

/* Takes the function as the answer, unless a better one was found: one that is not open. */
static void consider(const struct vfio_match *match, const struct cordon_device_desc *desc,
                     cordon_handle_t group, struct cordon_device_desc *best,
                     struct vfio_device *device)
{
	if (!vfio_match_device(match, desc))
		return;
	if (best->bdf != CORDON_BDF_NONE && !(best->flags & CORDON_DEVICE_OPEN))
		return;
	if (best->bdf != CORDON_BDF_NONE && desc->flags & CORDON_DEVICE_OPEN)
		return;
	*best = *desc;
	device->group = group;
}

static int search_group(const struct vfio_match *match, cordon_handle_t group,
                        struct cordon_device_desc *best, struct vfio_device *device)
{
	struct cordon_device_desc desc;
	int64_t result;

	for (uint32_t i = 0; (result = cordon_group_function(group, i, &desc)) == 0; i++)
		consider(match, &desc, group, best, device);
	return result == -ENOENT ? 0 : (int)result;
}

static int search_system(const struct vfio_match *match, cordon_handle_t authority,
                         struct cordon_device_desc *best, struct vfio_device *device)
{
	struct cordon_device_desc desc;
	int64_t result;

	for (uint32_t i = 0; (result = cordon_system_info(authority, CORDON_SYSTEM_DEVICES, i,
	                                                  &desc, sizeof(desc))) == 0;
	     i++)
		consider(match, &desc, CORDON_HANDLE_NONE, best, device);
	return result == -ENOENT ? 0 : (int)result;
}

static int search_own_groups(const struct vfio_match *match, struct cordon_device_desc *best,
                             struct vfio_device *device)
{
	for (unsigned int n = 0;; n++) {
		cordon_handle_t group = cordon_handle_of_type(CORDON_OBJECT_GROUP, n);
		int result;

		if (group == CORDON_HANDLE_NONE)
			return 0;
		result = search_group(match, group, best, device);
		/* The table is that of the start: a group closed since is not ours. */
		if (result < 0 && result != -EBADF)
			return result;
	}
}

static int find_group(const struct vfio_open_params *params, struct vfio_device *device)
{
	struct cordon_device_desc best = {.bdf = CORDON_BDF_NONE};
	const struct vfio_match *match = &params->match;
	char text[VFIO_MATCH_TEXT];
	int result;

	if (!is_none(params->group))
		result = search_group(match, params->group, &best, device);
	else if (!is_none(params->authority))
		result = search_system(match, params->authority, &best, device);
	else
		result = search_own_groups(match, &best, device);
	if (result < 0)
		return vfio_error_set(&device->error, VFIO_STEP_FIND_GROUP, result,
		                      "looking for %s: %s", vfio_match_text(match, text),
		                      cordon_strerror(result));
	if (best.bdf == CORDON_BDF_NONE) {
		vfio_error_set(&device->error, VFIO_STEP_FIND_GROUP, -ENODEV,
		               "no group of this task has %s", vfio_match_text(match, text));
		device->error.unavailable = 1;
		return -ENODEV;
	}
	device->bdf = best.bdf;
	device->group_number = best.group;
	return 0;
}

static int open_group(const struct vfio_open_params *params, struct vfio_device *device)
{
	struct cordon_handle_info info;
	int result;

	if (is_none(params->group) && !is_none(params->authority)) {
		result = (int)cordon_group_open(params->authority, device->group_number,
		                                &device->group);
		if (result < 0)
			return vfio_error_set(&device->error, VFIO_STEP_OPEN_GROUP, result,
			                      "group %u: %s", (unsigned int)device->group_number,
			                      cordon_strerror(result));
		mark_done(device, VFIO_STEP_OPEN_GROUP);
		return 0;
	}
	result = (int)cordon_handle_info(device->group, &info);
	if (result == 0 && info.type != CORDON_OBJECT_GROUP)
		result = -EBADF;
	if (result == 0 && (info.rights & GROUP_RIGHTS) != GROUP_RIGHTS)
		result = -EACCES;
	if (result < 0)
		return vfio_error_set(&device->error, VFIO_STEP_OPEN_GROUP, result, "handle %d %s",
		                      (int)device->group,
		                      result == -EACCES ? "lacks READ or WRITE" : "is no group");
	return 0;
}

static int check_viable(struct vfio_device *device, uint32_t *group_flags)
{
	struct cordon_group_status status;
	char bdf[VFIO_BDF_TEXT];
	int result = (int)cordon_group_status(device->group, &status);

	if (result < 0)
		return vfio_error_set(&device->error, VFIO_STEP_VIABLE, result, "group %u: %s",
		                      (unsigned int)device->group_number, cordon_strerror(result));
	if (!(status.flags & CORDON_GROUP_VIABLE))
		return vfio_error_set(
		        &device->error, VFIO_STEP_VIABLE, -EPERM,
		        "group %u is not viable: %s: %.*s", (unsigned int)status.number,
		        status.blocker == CORDON_BDF_NONE ? "the group"
		                                          : vfio_bdf_text(status.blocker, bdf),
		        (int)sizeof(status.reason), status.reason);
	*group_flags = status.flags;
	return 0;
}

static int add_group(const struct vfio_open_params *params, struct vfio_device *device,
                     uint32_t group_flags)
{
	int result;

	/* A second device of the group: the caller's container has it already. */
	if (!is_none(params->container) && group_flags & CORDON_GROUP_CONTAINER)
		return 0;
	result = (int)cordon_container_add_group(device->container, device->group);
	if (result < 0)
		return vfio_error_set(&device->error, VFIO_STEP_ADD_GROUP, result, "group %u: %s",
		                      (unsigned int)device->group_number,
		                      result == -EBUSY ? "it is in another container, or in use"
		                                       : cordon_strerror(result));
	mark_done(device, VFIO_STEP_ADD_GROUP);
	return 0;
}

static int map_memory(const struct vfio_open_params *params, struct vfio_device *device)
{
	int result;

	if (params->pool) {
		if (params->pool->container != device->container)
			return vfio_error_set(&device->error, VFIO_STEP_MAP_MEMORY, -EXDEV,
			                      "the pool is of another container");
		device->pool = params->pool;
		return 0;
	}
	if (params->dma_size == 0)
		return 0;
	result = vfio_dma_pool_create(device->container, params->dma_size, params->dma_iova,
	                              params->dma_flags, &device->own_pool);
	if (result < 0 && params->dma_iova)
		return vfio_error_set(
		        &device->error, VFIO_STEP_MAP_MEMORY, result,
		        "%llu bytes at IOVA %#llx: %s", (unsigned long long)params->dma_size,
		        (unsigned long long)params->dma_iova, cordon_strerror(result));
	if (result < 0)
		return vfio_error_set(&device->error, VFIO_STEP_MAP_MEMORY, result,
		                      "%llu bytes: %s", (unsigned long long)params->dma_size,
		                      cordon_strerror(result));
	device->pool = &device->own_pool;
	mark_done(device, VFIO_STEP_MAP_MEMORY);
	return 0;
}

static int get_device(struct vfio_device *device)
{
	char bdf[VFIO_BDF_TEXT];
	int result;

	vfio_bdf_text(device->bdf, bdf);
	result = (int)cordon_group_device(device->group, device->bdf, &device->device);
	if (result == -ENODEV) {
		vfio_error_set(&device->error, VFIO_STEP_GET_DEVICE, result, "%s is not handed out",
		               bdf);
		device->error.unavailable = 1;
		return result;
	}
	if (result < 0)
		return vfio_error_set(&device->error, VFIO_STEP_GET_DEVICE, result, "%s: %s", bdf,
		                      result == -EBUSY ? "it is open, or in quarantine"
		                                       : cordon_strerror(result));
	mark_done(device, VFIO_STEP_GET_DEVICE);
	result = (int)cordon_device_info(device->device, &device->info);
	if (result < 0)
		return vfio_error_set(&device->error, VFIO_STEP_GET_DEVICE, result, "%s: %s", bdf,
		                      cordon_strerror(result));
	return 0;
}

/* Maps one area and enters it, so that an undo finds it. */
static int map_area(struct vfio_device *device, unsigned int index,
                    const struct cordon_region_area *area)
{
	struct vfio_bar *bar = &device->bars[index];
	struct cordon_region_map map = {.offset = area->offset, .size = area->size};
	int result;

	if (bar->flags & CORDON_REGION_READ)
		map.prot |= CORDON_PROT_READ;
	if (bar->flags & CORDON_REGION_WRITE)
		map.prot |= CORDON_PROT_WRITE;
	result = (int)cordon_device_region_map(device->device, index, &map);
	if (result < 0)
		return result;
	bar->areas[bar->area_count++] = (struct vfio_area){
	        .offset = area->offset,
	        .size = area->size,
	        .address = (volatile uint8_t *)(uintptr_t)map.address,
	};
	return 0;
}

/* The kernel reaches and maps a BAR only while the device decodes its kind of addresses. */
static int decoder_on(struct vfio_device *device, uint16_t decoder)
{
	uint16_t command = 0;
	int result = vfio_config_read16(device, VFIO_PCI_COMMAND, &command);

	if (result < 0 || command & decoder)
		return result;
	return vfio_config_write16(device, VFIO_PCI_COMMAND, (uint16_t)(command | decoder));
}

static int map_bar(struct vfio_device *device, unsigned int index)
{
	struct cordon_region_info region;
	int result = (int)cordon_device_region_info(device->device, index, &region);

	if (result < 0)
		return result;
	device->bars[index].size = region.size;
	device->bars[index].flags = region.flags;
	if (region.size == 0)
		return 0;
	if (region.flags & CORDON_REGION_IO)
		return decoder_on(device, VFIO_PCI_COMMAND_IO);
	result = decoder_on(device, VFIO_PCI_COMMAND_MEMORY);
	for (uint32_t i = 0; result == 0 && i < region.area_count && i < CORDON_REGION_AREAS_MAX;
	     i++)
		result = map_area(device, index, &region.areas[i]);
	return result;
}

static int map_bars(struct vfio_device *device)
{
	mark_done(device, VFIO_STEP_MAP_BARS);
	for (unsigned int index = 0; index < VFIO_BAR_COUNT; index++) {
		int result = map_bar(device, index);

		if (result < 0)
			return vfio_error_set(&device->error, VFIO_STEP_MAP_BARS, result,
			                      "BAR %u: %s", index, cordon_strerror(result));
	}
	return 0;
}

static int describe_interrupts(struct vfio_device *device)
{
	for (uint32_t irq = 0; irq < CORDON_IRQ_COUNT; irq++) {
		int result = (int)cordon_device_irq_info(device->device, irq, &device->irqs[irq]);

		if (result < 0)
			return vfio_error_set(&device->error, VFIO_STEP_INTERRUPTS, result,
			                      "index %u: %s", (unsigned int)irq,
			                      cordon_strerror(result));
	}
	return 0;
}

static int bus_master_on(struct vfio_device *device)
{
	uint16_t command = 0;
	uint16_t now = 0;
	int result = vfio_config_read16(device, VFIO_PCI_COMMAND, &command);

	mark_done(device, VFIO_STEP_BUS_MASTER);
	command |= VFIO_PCI_COMMAND_MASTER;
	if (result == 0)
		result = vfio_config_write16(device, VFIO_PCI_COMMAND, command);
	if (result == 0)
		result = vfio_config_read16(device, VFIO_PCI_COMMAND, &now);
	if (result < 0)
		return vfio_error_set(&device->error, VFIO_STEP_BUS_MASTER, result,
		                      "command register: %s", cordon_strerror(result));
	if (!(now & VFIO_PCI_COMMAND_MASTER))
		return vfio_error_set(&device->error, VFIO_STEP_BUS_MASTER, -EIO,
		                      "the command register reads %04x after %04x was written",
		                      (unsigned int)now, (unsigned int)command);
	return 0;
}

static int run_steps(const struct vfio_open_params *params, struct vfio_device *device)
{
	uint32_t group_flags = 0;
	int result = open_container(params, device);

	if (result == 0)
		result = find_group(params, device);
	if (result == 0)
		result = open_group(params, device);
	if (result == 0)
		result = check_viable(device, &group_flags);
	if (result == 0)
		result = add_group(params, device, group_flags);
	if (result == 0)
		result = map_memory(params, device);
	if (result == 0)
		result = get_device(device);
	if (result == 0)
		result = map_bars(device);
	if (result == 0)
		result = describe_interrupts(device);
	if (result == 0)
		result = bus_master_on(device);
	return result;
}

int vfio_device_open(const struct vfio_open_params *params, struct vfio_device *device)
{
	int result;

	memset(device, 0, sizeof(*device));
	device->container = CORDON_HANDLE_NONE;
	device->group = CORDON_HANDLE_NONE;
	device->device = CORDON_HANDLE_NONE;
	result = run_steps(params, device);
	if (result < 0)
		vfio_device_undo(device);
	return result;
}
