/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cordon/rt.h>
#include <vfio/pci.h>

#include "fake_kernel.h"

#define FIRST_MEMORY  100 /* handles of memory objects, one for each created */
#define MEMORY_MAX    8
#define NEW_CONTAINER 40
#define NEW_GROUP     41
#define NEW_DEVICE    42

struct fake_memory {
	void *bytes;
	uint64_t size;
};

struct fake_kernel fake;
static struct fake_memory memories[MEMORY_MAX];
static uint8_t bar_pages[4][CORDON_PAGE_SIZE] __attribute__((aligned(4096)));

void fake_reset(void)
{
	for (int i = 0; i < MEMORY_MAX; i++)
		free(memories[i].bytes);
	memset(memories, 0, sizeof(memories));
	memset(&fake, 0, sizeof(fake));
	fake.group_flags = CORDON_GROUP_VIABLE;
	fake.group_rights = CORDON_RIGHTS_ALL;
	fake.iova.range_count = 1;
	fake.iova.ranges[0] = (struct cordon_iova_range){0, UINT64_MAX};
	fake.config[VFIO_PCI_COMMAND] = VFIO_PCI_COMMAND_MEMORY;
}

bool fake_is_clean(void)
{
	return fake.containers == 0 && fake.groups == 0 && fake.devices == 0 &&
	       fake.memories == 0 && fake.cpu_maps == 0 && fake.bar_maps == 0 &&
	       fake.groups_added == 0 && fake.map_count == 0;
}

bool fake_is_master(void)
{
	return fake.config[VFIO_PCI_COMMAND] & VFIO_PCI_COMMAND_MASTER;
}

int fake_last_call(const char *name, int64_t argument)
{
	for (unsigned int i = fake.calls; i-- > 0;)
		if (strcmp(fake.log[i].name, name) == 0 &&
		    (argument == -1 || fake.log[i].argument == argument))
			return (int)i;
	return -1;
}

/* Notes the call; the result that it must fail with, or 0. */
static int enter(const char *name, int64_t argument)
{
	if (fake.calls >= FAKE_CALLS_MAX)
		abort();
	fake.log[fake.calls++] = (struct fake_call){name, argument};
	if (fake.fail_at == fake.calls)
		return fake.fail_result;
	if (fake.fail_name && strcmp(fake.fail_name, name) == 0)
		return fake.fail_result;
	return 0;
}

#define ENTER(argument)                                  \
	do {                                             \
		int failure = enter(__func__, argument); \
		if (failure)                             \
			return failure;                  \
	} while (0)

int64_t cordon_container_create(cordon_handle_t *out)
{
	ENTER(-1);
	fake.containers++;
	*out = NEW_CONTAINER;
	return 0;
}

int64_t cordon_handle_info(cordon_handle_t handle, struct cordon_handle_info *out)
{
	ENTER(handle);
	memset(out, 0, sizeof(*out));
	out->rights = fake.group_rights;
	if (handle == FAKE_GROUP_A || handle == FAKE_GROUP_B || handle == NEW_GROUP)
		out->type = CORDON_OBJECT_GROUP;
	else if (handle == FAKE_CONTAINER)
		out->type = CORDON_OBJECT_CONTAINER;
	else if (handle == FAKE_AUTHORITY)
		out->type = CORDON_OBJECT_AUTHORITY;
	else
		return -EBADF;
	return 0;
}

int64_t cordon_handle_close(cordon_handle_t handle)
{
	ENTER(handle);
	if (handle == NEW_CONTAINER) {
		fake.containers--;
	} else if (handle == NEW_GROUP) {
		fake.groups--;
	} else if (handle == NEW_DEVICE) {
		fake.devices--;
	} else if (handle >= FIRST_MEMORY && handle < FIRST_MEMORY + MEMORY_MAX &&
	           memories[handle - FIRST_MEMORY].bytes) {
		free(memories[handle - FIRST_MEMORY].bytes);
		memories[handle - FIRST_MEMORY].bytes = NULL;
		fake.memories--;
	} else {
		return -EBADF;
	}
	return 0;
}

static void describe(cordon_handle_t group, struct cordon_device_desc *out, uint32_t index)
{
	memset(out, 0, sizeof(*out));
	out->group = group == FAKE_GROUP_A ? 3 : 5;
	if (group == FAKE_GROUP_B) {
		out->bdf = FAKE_EDU;
		out->vendor = 0x1234;
		out->device = 0x11e8;
		out->class_code = 0x00ff00;
	} else if (index == 0) {
		out->bdf = CORDON_BDF(0, 0, 4, 0);
		out->flags = CORDON_DEVICE_BRIDGE;
		out->vendor = 0x1b36;
		out->device = 0x000c;
		out->class_code = 0x060400;
	} else {
		out->bdf = FAKE_NVME;
		out->vendor = 0x1b36;
		out->device = 0x0010;
		out->class_code = 0x010802;
	}
}

int64_t cordon_group_function(cordon_handle_t group, uint32_t index, struct cordon_device_desc *out)
{
	ENTER(group);
	if (group != FAKE_GROUP_A && group != FAKE_GROUP_B)
		return -EBADF;
	if (index >= (group == FAKE_GROUP_A ? 2u : 1u))
		return -ENOENT;
	describe(group, out, index);
	return 0;
}

int64_t cordon_system_info(cordon_handle_t authority, uint32_t topic, uint32_t index, void *out,
                           uint64_t size)
{
	ENTER(authority);
	if (authority != FAKE_AUTHORITY || topic != CORDON_SYSTEM_DEVICES ||
	    size < sizeof(struct cordon_device_desc))
		return -EINVAL;
	if (index >= 3)
		return -ENOENT;
	describe(index < 2 ? FAKE_GROUP_A : FAKE_GROUP_B, out, index % 2);
	return 0;
}

cordon_handle_t cordon_handle_of_type(uint32_t type, unsigned int nth)
{
	if (type != CORDON_OBJECT_GROUP || nth > 1 || fake.no_groups)
		return CORDON_HANDLE_NONE;
	return nth == 0 ? FAKE_GROUP_A : FAKE_GROUP_B;
}

int64_t cordon_group_open(cordon_handle_t authority, uint32_t number, cordon_handle_t *out)
{
	ENTER(number);
	if (authority != FAKE_AUTHORITY)
		return -EBADF;
	fake.groups++;
	*out = NEW_GROUP;
	return 0;
}

int64_t cordon_group_status(cordon_handle_t group, struct cordon_group_status *out)
{
	ENTER(group);
	memset(out, 0, sizeof(*out));
	out->number = group == FAKE_GROUP_A ? 3 : 5;
	out->flags = fake.group_flags;
	out->blocker = fake.group_flags & CORDON_GROUP_VIABLE ? CORDON_BDF_NONE
	                                                      : CORDON_BDF(0, 0, 9, 0);
	strcpy(out->reason, "the kernel uses it");
	return 0;
}

int64_t cordon_container_add_group(cordon_handle_t container, cordon_handle_t group)
{
	ENTER(container);
	(void)group;
	fake.groups_added++;
	return 0;
}

int64_t cordon_container_remove_group(cordon_handle_t container, cordon_handle_t group)
{
	ENTER(container);
	(void)group;
	if (fake.devices)
		return -EBUSY;
	fake.groups_added--;
	return 0;
}

int64_t cordon_container_info(cordon_handle_t container, struct cordon_container_info *out)
{
	ENTER(container);
	*out = fake.iova;
	return 0;
}

int64_t cordon_memory_create(uint64_t size, uint32_t flags, cordon_handle_t *out)
{
	ENTER((int64_t)size);
	if (fake.no_huge && flags & CORDON_MEMORY_HUGE)
		return -ENOMEM;
	for (int i = 0; i < MEMORY_MAX; i++) {
		if (memories[i].bytes)
			continue;
		memories[i].bytes = aligned_alloc(0x200000, (size + 0x1fffff) & ~0x1fffffull);
		memories[i].size = size;
		fake.memories++;
		*out = FIRST_MEMORY + i;
		return 0;
	}
	return -EMFILE;
}

int64_t cordon_memory_map(cordon_handle_t memory, struct cordon_memory_map *args)
{
	ENTER(memory);
	args->address = (uint64_t)(uintptr_t)memories[memory - FIRST_MEMORY].bytes;
	fake.cpu_maps++;
	return 0;
}

int64_t cordon_memory_unmap(uint64_t address, uint64_t size)
{
	ENTER((int64_t)address);
	for (int i = 0; i < MEMORY_MAX; i++) {
		if ((uint64_t)(uintptr_t)memories[i].bytes == address && memories[i].size == size) {
			fake.cpu_maps--;
			return 0;
		}
	}
	for (int i = 0; i < 4; i++) {
		if ((uint64_t)(uintptr_t)bar_pages[i] == address && size == CORDON_PAGE_SIZE) {
			fake.bar_maps--;
			return 0;
		}
	}
	return -EINVAL;
}

static bool is_usable(uint64_t start, uint64_t last)
{
	for (uint32_t i = 0; i < fake.iova.range_count; i++) {
		if (start >= fake.iova.ranges[i].start && last <= fake.iova.ranges[i].last)
			return true;
	}
	return false;
}

int64_t cordon_container_map(cordon_handle_t container, const struct cordon_dma_map *args)
{
	ENTER((int64_t)args->iova);
	(void)container;
	if (!is_usable(args->iova, args->iova + args->size - 1))
		return -EINVAL;
	if (fake.map_count == FAKE_MAPS_MAX)
		return -ENOSPC;
	fake.maps[fake.map_count++] = (struct fake_map){args->iova, args->size};
	return 0;
}

int64_t cordon_container_unmap(cordon_handle_t container, uint64_t iova, uint64_t size,
                               uint64_t *unmapped)
{
	ENTER((int64_t)iova);
	(void)container;
	for (int i = 0; i < fake.map_count; i++) {
		if (fake.maps[i].iova == iova && fake.maps[i].size == size) {
			fake.maps[i] = fake.maps[--fake.map_count];
			if (unmapped)
				*unmapped = size;
			return 0;
		}
	}
	return 0;
}

int64_t cordon_container_faults(cordon_handle_t container, struct cordon_fault *faults,
                                uint32_t count, uint64_t *lost)
{
	ENTER(container);
	(void)faults;
	(void)count;
	*lost = 7;
	return 0;
}

int64_t cordon_group_device(cordon_handle_t group, cordon_bdf_t bdf, cordon_handle_t *out)
{
	ENTER(bdf);
	(void)group;
	fake.devices++;
	*out = NEW_DEVICE;
	return 0;
}

int64_t cordon_device_info(cordon_handle_t device, struct cordon_device_info *out)
{
	ENTER(device);
	memset(out, 0, sizeof(*out));
	out->flags = CORDON_DEVICE_FLAG_PCI;
	out->regions = CORDON_REGION_COUNT;
	out->irqs = CORDON_IRQ_COUNT;
	return 0;
}

/* BAR 0: four pages, of which the third holds the MSI-X table. BAR 2: I/O ports. */
int64_t cordon_device_region_info(cordon_handle_t device, uint32_t region,
                                  struct cordon_region_info *out)
{
	ENTER(region);
	(void)device;
	memset(out, 0, sizeof(*out));
	if (region == 0) {
		out->size = 4 * CORDON_PAGE_SIZE;
		out->flags = CORDON_REGION_READ | CORDON_REGION_WRITE | CORDON_REGION_MMAP;
		out->area_count = 2;
		out->areas[0] = (struct cordon_region_area){0, CORDON_PAGE_SIZE};
		out->areas[1] = (struct cordon_region_area){3 * CORDON_PAGE_SIZE, CORDON_PAGE_SIZE};
	} else if (region == 2) {
		out->size = 32;
		out->flags = CORDON_REGION_READ | CORDON_REGION_WRITE | CORDON_REGION_IO;
	}
	return 0;
}

int64_t cordon_device_region_map(cordon_handle_t device, uint32_t region,
                                 struct cordon_region_map *args)
{
	ENTER(region);
	(void)device;
	if (!(fake.config[VFIO_PCI_COMMAND] & VFIO_PCI_COMMAND_MEMORY))
		return -EIO;
	args->address = (uint64_t)(uintptr_t)bar_pages[args->offset / CORDON_PAGE_SIZE];
	fake.bar_maps++;
	return 0;
}

int64_t cordon_device_region_read(cordon_handle_t device, uint32_t region, uint64_t offset,
                                  void *bytes, uint64_t size)
{
	ENTER((int64_t)offset);
	(void)device;
	if (region == 2 && !(fake.config[VFIO_PCI_COMMAND] & VFIO_PCI_COMMAND_IO))
		return -EIO;
	if (region == 2 && offset + size <= sizeof(fake.ports)) {
		memcpy(bytes, fake.ports + offset, size);
		return (int64_t)size;
	}
	if (region != CORDON_REGION_CONFIG || offset + size > sizeof(fake.config))
		return -ERANGE;
	memcpy(bytes, fake.config + offset, size);
	return (int64_t)size;
}

int64_t cordon_device_region_write(cordon_handle_t device, uint32_t region, uint64_t offset,
                                   const void *bytes, uint64_t size)
{
	ENTER((int64_t)offset);
	(void)device;
	if (region == 2 && offset + size <= sizeof(fake.ports)) {
		memcpy(fake.ports + offset, bytes, size);
		return (int64_t)size;
	}
	if (region != CORDON_REGION_CONFIG || offset + size > sizeof(fake.config))
		return -ERANGE;
	memcpy(fake.config + offset, bytes, size);
	if (fake.stuck_master)
		fake.config[VFIO_PCI_COMMAND] &= (uint8_t)~VFIO_PCI_COMMAND_MASTER;
	return (int64_t)size;
}

int64_t cordon_device_irq_info(cordon_handle_t device, uint32_t irq, struct cordon_irq_info *out)
{
	ENTER(irq);
	(void)device;
	out->count = irq == CORDON_IRQ_MSIX ? 65 : irq == CORDON_IRQ_INTX;
	out->flags = 0;
	return 0;
}

const char *cordon_strerror(int64_t result)
{
	return strerror((int)(result < 0 ? -result : result));
}

const char *cordon_fault_reason_name(uint32_t reason)
{
	return reason == CORDON_FAULT_NOT_PRESENT ? "not mapped" : "something else";
}
