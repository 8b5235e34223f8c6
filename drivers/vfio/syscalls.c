/* SPDX-License-Identifier: MIT */
/*
 * System calls on containers, groups and devices. Each checks its arguments and finds its objects
 * first, tries the place of its results, and only then acts.
 */
#include <cordon/errno.h>
#include <drivers/vfio/container.h>
#include <drivers/vfio/device.h>
#include <drivers/vfio/group.h>
#include <drivers/vfio/interrupt.h>
#include <drivers/vfio/vfio.h>
#include <kernel/account.h>
#include <kernel/aspace.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/syscall.h>
#include <kernel/task.h>
#include <kernel/user.h>

#define PROT_READ_WRITE (CORDON_PROT_READ | CORDON_PROT_WRITE)

static uaddr_t user(const void *pointer)
{
	return uaddr((uintptr_t)pointer);
}

/* A place behind a pointer from a task, which may be null or wrap: no arithmetic for a C pointer.
 */
static uaddr_t user_at(const void *pointer, uint64_t offset)
{
	return uaddr((uintptr_t)pointer + offset);
}

/* Finds an object; the caller drops the reference. */
static int find(cordon_handle_t handle, enum cordon_object_type type, uint32_t rights,
                struct object **out)
{
	return handle_get(&task_current()->handles, handle, type, rights, out, NULL);
}

static int find_container(cordon_handle_t handle, uint32_t rights, struct container **out)
{
	struct object *object;
	int error = find(handle, CORDON_OBJECT_CONTAINER, rights, &object);

	if (!error)
		*out = container_from(object);
	return error;
}

static int find_session(cordon_handle_t handle, uint32_t rights, struct group_session **out)
{
	struct object *object;
	int error = find(handle, CORDON_OBJECT_GROUP, rights, &object);

	if (!error)
		*out = group_session_from(object);
	return error;
}

static int find_device(cordon_handle_t handle, uint32_t rights, struct device **out)
{
	struct object *object;
	int error = find(handle, CORDON_OBJECT_DEVICE, rights, &object);

	if (!error)
		*out = device_from(object);
	return error;
}

static int check_authority(cordon_handle_t handle)
{
	struct object *object;
	int error = find(handle, CORDON_OBJECT_AUTHORITY, CORDON_RIGHT_MANAGE, &object);

	if (!error)
		object_unref(object);
	return error;
}

/* Tries the place of a new handle, so that a bad address is found before anything is done. */
static int try_handle_out(cordon_handle_t *out)
{
	const cordon_handle_t none = CORDON_HANDLE_NONE;

	return user_write(user(out), &none, sizeof(none));
}

/* --- containers ------------------------------------------------------------------------------ */

int64_t sys_container_create(cordon_handle_t *out)
{
	struct container *container;
	int error = try_handle_out(out);

	if (!error)
		error = container_create(task_current()->account, &container);
	return error ? error : syscall_return_handle(&container->object, out);
}

int64_t sys_container_add_group(cordon_handle_t container_handle, cordon_handle_t group_handle)
{
	struct container *container;
	struct group_session *session;
	struct group *group;
	int error = find_container(container_handle, CORDON_RIGHT_WRITE, &container);

	if (error)
		return error;
	error = find_session(group_handle, CORDON_RIGHT_WRITE, &session);
	if (error)
		goto out;
	mutex_lock(&vfio_lock);
	group = group_of_locked(session);
	error = group ? container_add_group_locked(container, group, task_current()) : -EBADF;
	mutex_unlock(&vfio_lock);
	object_unref(&session->object);
out:
	object_unref(&container->object);
	return error;
}

static int remove_group_locked(struct container *container, struct group_session *session)
{
	struct group *group = group_of_locked(session);

	if (!group)
		return -EBADF;
	if (group->container != container)
		return -EINVAL;
	if (group->open_devices)
		return -EBUSY;
	container_leave_locked(container, group);
	return 0;
}

int64_t sys_container_remove_group(cordon_handle_t container_handle, cordon_handle_t group_handle)
{
	struct container *container;
	struct group_session *session;
	int error = find_container(container_handle, CORDON_RIGHT_WRITE, &container);

	if (error)
		return error;
	error = find_session(group_handle, CORDON_RIGHT_WRITE, &session);
	if (error)
		goto out;
	mutex_lock(&vfio_lock);
	error = remove_group_locked(container, session);
	mutex_unlock(&vfio_lock);
	object_unref(&session->object);
out:
	object_unref(&container->object);
	return error;
}

int64_t sys_container_info(cordon_handle_t handle, struct cordon_container_info *out)
{
	struct cordon_container_info info;
	struct container *container;
	int error = find_container(handle, CORDON_RIGHT_READ, &container);

	if (error)
		return error;
	container_describe(container, task_current()->account, &info);
	object_unref(&container->object);
	return user_write(user(out), &info, sizeof(info));
}

int64_t sys_container_map(cordon_handle_t handle, const struct cordon_dma_map *args)
{
	struct cordon_dma_map map;
	struct container *container;
	int error = find_container(handle, CORDON_RIGHT_WRITE, &container);

	if (error)
		return error;
	error = user_read(&map, user(args), sizeof(map));
	if (!error)
		error = mapping_check(&map);
	if (!error)
		error = container_map(container, &map, task_current());
	object_unref(&container->object);
	return error;
}

int64_t sys_container_unmap(cordon_handle_t handle, uint64_t iova, uint64_t size,
                            uint64_t *unmapped)
{
	struct container *container;
	uint64_t bytes = 0;
	int error = find_container(handle, CORDON_RIGHT_WRITE, &container);

	if (error)
		return error;
	if (unmapped)
		error = user_write(user(unmapped), &bytes, sizeof(bytes));
	if (!error)
		error = container_unmap(container, iova, size, &bytes);
	if (unmapped && bytes && user_write(user(unmapped), &bytes, sizeof(bytes)) && !error)
		error = -EFAULT; /* it went away in between; the mappings are gone all the same */
	object_unref(&container->object);
	return error;
}

int64_t sys_container_batch(cordon_handle_t handle, struct cordon_dma_op *user_ops, uint32_t count)
{
	struct account *payer = task_current()->account;
	struct container *container;
	struct cordon_dma_op *ops;
	uint32_t done = 0;
	int error = find_container(handle, CORDON_RIGHT_WRITE, &container);

	if (error)
		return error;
	error = -EINVAL;
	if (count == 0 || count > CORDON_DMA_BATCH_MAX)
		goto out;
	error = -ENOMEM;
	ops = account_alloc(payer, count * sizeof(*ops)); /* others may run meanwhile */
	if (!ops)
		goto out;
	error = user_read(ops, user(user_ops), count * sizeof(*ops));
	if (error)
		goto free;
	/* What is not reached says so; and writing it tries the place of the results. */
	for (uint32_t i = 0; i < count; i++)
		ops[i].result = -ECANCELED;
	error = user_write(user(user_ops), ops, count * sizeof(*ops));
	if (error)
		goto free;
	error = container_batch(container, ops, count, task_current(), &done);
	if (user_write(user(user_ops), ops, count * sizeof(*ops)) && !error)
		error = -EFAULT;
free:
	account_free(payer, ops, count * sizeof(*ops));
out:
	object_unref(&container->object);
	return error ? error : (int64_t)done;
}

/* Moves faults to the task, one by one. Returns how many, or an error when not even one. */
static int64_t copy_faults(struct container *container, struct cordon_fault *out, uint32_t count)
{
	struct cordon_fault fault;
	uint32_t done;

	for (done = 0; done < count; done++) {
		uaddr_t place = user_at(out, done * sizeof(fault));

		memset(&fault, 0, sizeof(fault));
		/* Tried first, so that a bad address loses no fault. */
		if (user_write(place, &fault, sizeof(fault)))
			return done ? (int64_t)done : -EFAULT;
		if (!fault_queue_take(&container->faults, &fault))
			break;
		if (user_write(place, &fault, sizeof(fault)))
			return -EFAULT;
	}
	return done;
}

int64_t sys_container_faults(cordon_handle_t handle, struct cordon_fault *out, uint32_t count,
                             uint64_t *lost)
{
	struct container *container;
	uint64_t dropped = 0;
	int64_t result = find_container(handle, CORDON_RIGHT_READ, &container);

	if (result)
		return result;
	if (lost)
		result = user_write(user(lost), &dropped, sizeof(dropped));
	if (result)
		goto unref;
	iommu_poll_faults();
	result = copy_faults(container, out, count);
	if (result < 0 || !lost)
		goto unref;
	dropped = fault_queue_lost(&container->faults);
	if (user_write(user(lost), &dropped, sizeof(dropped)))
		result = -EFAULT;
unref:
	object_unref(&container->object);
	return result;
}

/* --- groups ---------------------------------------------------------------------------------- */

int64_t sys_group_open(cordon_handle_t authority, uint32_t number, cordon_handle_t *out)
{
	struct group_session *session;
	int error = check_authority(authority);

	if (!error)
		error = try_handle_out(out);
	if (!error)
		error = group_open(task_current()->account, number, &session);
	return error ? error : syscall_return_handle(&session->object, out);
}

int64_t sys_group_status(cordon_handle_t handle, struct cordon_group_status *out)
{
	struct cordon_group_status status;
	struct group_session *session;
	int error = find_session(handle, CORDON_RIGHT_READ, &session);

	if (error)
		return error;
	mutex_lock(&vfio_lock);
	group_describe_locked(session->group, &status);
	mutex_unlock(&vfio_lock);
	object_unref(&session->object);
	return user_write(user(out), &status, sizeof(status));
}

int64_t sys_group_function(cordon_handle_t handle, uint32_t index, struct cordon_device_desc *out)
{
	struct cordon_device_desc desc;
	struct group_session *session;
	int error = find_session(handle, CORDON_RIGHT_READ, &session);

	if (error)
		return error;
	mutex_lock(&vfio_lock);
	if (index < session->group->function_count)
		function_describe_locked(session->group, &session->group->functions[index], &desc);
	else
		error = -ENOENT;
	mutex_unlock(&vfio_lock);
	object_unref(&session->object);
	return error ? error : user_write(user(out), &desc, sizeof(desc));
}

int64_t sys_group_device(cordon_handle_t handle, cordon_bdf_t bdf, cordon_handle_t *out)
{
	struct group_session *session;
	struct device *device;
	struct group *group;
	int error = find_session(handle, CORDON_RIGHT_WRITE, &session);

	if (error)
		return error;
	error = try_handle_out(out);
	if (error)
		goto out;
	mutex_lock(&vfio_lock);
	group = group_of_locked(session);
	error = group ? device_open_locked(group, bdf, task_current(), &device) : -EBADF;
	mutex_unlock(&vfio_lock);
out:
	object_unref(&session->object);
	return error ? error : syscall_return_handle(&device->object, out);
}

int64_t sys_group_trust_reset(cordon_handle_t authority, cordon_handle_t handle, cordon_bdf_t bdf)
{
	struct group_session *session;
	struct function *function;
	int error = check_authority(authority);

	if (error)
		return error;
	error = find_session(handle, 0, &session);
	if (error)
		return error;
	mutex_lock(&vfio_lock);
	function = group_function_find(session->group, bdf);
	if (function)
		function->reset_trusted = true;
	else
		error = -ENODEV;
	mutex_unlock(&vfio_lock);
	object_unref(&session->object);
	return error;
}

/* --- devices --------------------------------------------------------------------------------- */

int64_t sys_device_info(cordon_handle_t handle, struct cordon_device_info *out)
{
	struct cordon_device_info info;
	struct device *device;
	int error = find_device(handle, CORDON_RIGHT_READ, &device);

	if (error)
		return error;
	device_describe(device, &info);
	object_unref(&device->object);
	return user_write(user(out), &info, sizeof(info));
}

int64_t sys_device_region_info(cordon_handle_t handle, uint32_t region,
                               struct cordon_region_info *out)
{
	struct cordon_region_info info;
	struct device *device;
	int error = find_device(handle, CORDON_RIGHT_READ, &device);

	if (error)
		return error;
	error = device_region_info(device, region, &info);
	object_unref(&device->object);
	return error ? error : user_write(user(out), &info, sizeof(info));
}

/* Checks that [offset, offset + size) lies in a region. */
static int check_region_range(const struct device *device, uint32_t region, uint64_t offset,
                              uint64_t size)
{
	uint64_t region_size = device_region_size(device, region);

	if (region_size == 0)
		return -EINVAL;
	return offset > region_size || size > region_size - offset ? -ERANGE : 0;
}

/* Reads one access. The place is tried first, because reading a register may change it. */
static int read_access(struct device *device, uint32_t region, uint64_t offset, uint64_t size,
                       uaddr_t out, uint32_t *width)
{
	uint64_t value = 0;
	int error = user_write(out, &value, device_access_width(region, offset, size));

	if (!error)
		error = device_region_read(device, region, offset, size, &value, width);
	return error ? error : user_write(out, &value, *width);
}

static int write_access(struct device *device, uint32_t region, uint64_t offset, uint64_t size,
                        uaddr_t from, uint32_t *width)
{
	uint64_t value = 0;
	int error = user_read(&value, from, device_access_width(region, offset, size));

	return error ? error : device_region_write(device, region, offset, size, &value, width);
}

/* One access of a range: size bytes are left of it, width were done. */
typedef int access_fn(struct device *device, uint32_t region, uint64_t offset, uint64_t size,
                      uaddr_t bytes, uint32_t *width);

/* Does a range access by access and drops the device. After many of them, with nothing locked,
 * others may run; the next one finds out anew what the device allows. Returns the bytes done, or
 * what stopped it when there are none. */
static inline __attribute__((always_inline)) int64_t access_range(struct device *device,
                                                                  uint32_t region, uint64_t offset,
                                                                  const void *bytes, uint64_t size,
                                                                  access_fn *access)
{
	uint64_t done = 0;
	uint32_t accesses = 0, width;
	int error = check_region_range(device, region, offset, size);

	while (!error && done < size) {
		error = access(device, region, offset + done, size - done, user_at(bytes, done),
		               &width);
		if (error)
			break;
		done += width;
		if (++accesses % SCHED_POINT_EVERY == 0)
			error = task_pause();
	}
	object_unref(&device->object);
	return done ? (int64_t)done : error;
}

int64_t sys_device_region_read(cordon_handle_t handle, uint32_t region, uint64_t offset,
                               void *bytes, uint64_t size)
{
	struct device *device;
	int error = find_device(handle, CORDON_RIGHT_READ, &device);

	return error ? error : access_range(device, region, offset, bytes, size, read_access);
}

int64_t sys_device_region_write(cordon_handle_t handle, uint32_t region, uint64_t offset,
                                const void *bytes, uint64_t size)
{
	struct device *device;
	int error = find_device(handle, CORDON_RIGHT_WRITE, &device);

	return error ? error : access_range(device, region, offset, bytes, size, write_access);
}

static int check_region_map(const struct cordon_region_map *args)
{
	if (args->prot == 0 || args->prot & ~PROT_READ_WRITE || args->flags & ~CORDON_MAP_FIXED ||
	    args->size == 0 || !is_aligned(args->offset | args->size, CORDON_PAGE_SIZE))
		return -EINVAL;
	return 0;
}

/* The protection that a handle allows. The processor cannot write what it cannot read. */
static uint32_t region_prot_max(uint32_t rights)
{
	if (!(rights & CORDON_RIGHT_READ))
		return 0;
	return rights & CORDON_RIGHT_WRITE ? PROT_READ_WRITE : CORDON_PROT_READ;
}

int64_t sys_device_region_map(cordon_handle_t handle, uint32_t region,
                              struct cordon_region_map *user_args)
{
	struct task *task = task_current();
	struct cordon_region_map args;
	struct device *device;
	struct object *object;
	uint32_t rights, prot_max;
	int error = handle_get(&task->handles, handle, CORDON_OBJECT_DEVICE, CORDON_RIGHT_MAP,
	                       &object, &rights);

	if (error)
		return error;
	device = device_from(object);
	prot_max = region_prot_max(rights);
	error = user_read(&args, user(user_args), sizeof(args));
	if (!error)
		error = user_write(user(user_args), &args, sizeof(args));
	if (!error)
		error = check_region_map(&args);
	if (!error && args.prot & ~prot_max)
		error = -EACCES;
	if (!error)
		error = device_region_map(device, region, &args, prot_max, task->aspace);
	if (!error && user_write(user(user_args), &args, sizeof(args))) {
		aspace_unmap(task->aspace, uaddr(args.address), args.size);
		error = -EFAULT;
	}
	object_unref(object);
	return error;
}

int64_t sys_device_irq_info(cordon_handle_t handle, uint32_t irq, struct cordon_irq_info *out)
{
	struct cordon_irq_info info;
	struct device *device;
	int error = find_device(handle, CORDON_RIGHT_READ, &device);

	if (error)
		return error;
	error = interrupt_describe(device->function->pci, device->msix.vectors, irq, &info);
	object_unref(&device->object);
	return error ? error : user_write(user(out), &info, sizeof(info));
}

int64_t sys_device_reset(cordon_handle_t handle)
{
	struct device *device;
	int error = find_device(handle, CORDON_RIGHT_WRITE, &device);

	if (error)
		return error;
	error = device_reset(device);
	object_unref(&device->object);
	return error;
}
