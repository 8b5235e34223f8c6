/* SPDX-License-Identifier: MIT */
/*
 * The system calls as a task makes them: pointers lie in world_user. Each returns what the call
 * returns, or the new handle.
 */
#ifndef TESTS_VFIO_CALLS_H
#define TESTS_VFIO_CALLS_H

#include <drivers/vfio/vfio.h>
#include <kernel/syscall.h>
#include <string.h>
#include <tests/unit/vfio/world.h>

static inline void *user_put(const void *from, size_t size)
{
	memcpy(world_user, from, size);
	return world_user;
}

static inline cordon_handle_t user_handle(int64_t result)
{
	cordon_handle_t handle;

	memcpy(&handle, world_user, sizeof(handle));
	return result < 0 ? (cordon_handle_t)result : handle;
}

static inline cordon_handle_t call_container_create(void)
{
	return user_handle(sys_container_create((void *)world_user));
}

static inline cordon_handle_t call_group_open(uint32_t number)
{
	struct object *authority;
	cordon_handle_t handle, result;

	if (authority_create(&authority))
		return -1000;
	handle = world_handle(authority, CORDON_RIGHTS_ALL);
	object_unref(authority);
	result = user_handle(sys_group_open(handle, number, (void *)world_user));
	handle_close(&task_current()->handles, handle);
	return result;
}

static inline int64_t call_trust(cordon_handle_t group, cordon_bdf_t bdf)
{
	struct object *authority;
	cordon_handle_t handle;
	int64_t result;

	if (authority_create(&authority))
		return -1000;
	handle = world_handle(authority, CORDON_RIGHTS_ALL);
	object_unref(authority);
	result = sys_group_trust_reset(handle, group, bdf);
	handle_close(&task_current()->handles, handle);
	return result;
}

static inline cordon_handle_t call_device_open(cordon_handle_t group,
                                               const struct pci_function *function)
{
	return user_handle(sys_group_device(group, function->bdf, (void *)world_user));
}

static inline int64_t call_map(cordon_handle_t container, cordon_handle_t memory, uint64_t offset,
                               uint64_t iova, uint64_t size, uint32_t flags)
{
	const struct cordon_dma_map args = {
	        .memory = memory, .flags = flags, .offset = offset, .iova = iova, .size = size};

	return sys_container_map(container, user_put(&args, sizeof(args)));
}

/* Returns the bytes that were unmapped, or an error. */
static inline int64_t call_unmap(cordon_handle_t container, uint64_t iova, uint64_t size)
{
	int64_t result = sys_container_unmap(container, iova, size, (void *)world_user);
	uint64_t bytes;

	memcpy(&bytes, world_user, sizeof(bytes));
	return result ? result : (int64_t)bytes;
}

static inline int64_t call_close(cordon_handle_t handle)
{
	return handle_close(&task_current()->handles, handle);
}

static inline struct cordon_container_info call_container_info(cordon_handle_t container)
{
	struct cordon_container_info info = {0};

	if (sys_container_info(container, (void *)world_user) == 0)
		memcpy(&info, world_user, sizeof(info));
	return info;
}

static inline struct cordon_group_status call_group_status(cordon_handle_t group)
{
	struct cordon_group_status status = {0};

	if (sys_group_status(group, (void *)world_user) == 0)
		memcpy(&status, world_user, sizeof(status));
	return status;
}

static inline struct cordon_device_info call_device_info(cordon_handle_t device)
{
	struct cordon_device_info info = {0};

	if (sys_device_info(device, (void *)world_user) == 0)
		memcpy(&info, world_user, sizeof(info));
	return info;
}

static inline int64_t call_config_write(cordon_handle_t device, uint64_t offset, uint32_t value,
                                        uint64_t size)
{
	return sys_device_region_write(device, CORDON_REGION_CONFIG, offset,
	                               user_put(&value, sizeof(value)), size);
}

static inline uint32_t call_config_read(cordon_handle_t device, uint64_t offset, uint64_t size)
{
	uint32_t value = 0;

	if (sys_device_region_read(device, CORDON_REGION_CONFIG, offset, world_user, size) ==
	    (int64_t)size)
		memcpy(&value, world_user, size);
	return value;
}

#define RW (CORDON_DMA_READ | CORDON_DMA_WRITE)

#endif
