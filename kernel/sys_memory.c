/* SPDX-License-Identifier: MIT */
/* System calls on memory objects and the caller's address space. */
#include <cordon/errno.h>
#include <kernel/aspace.h>
#include <kernel/syscall.h>
#include <kernel/task.h>
#include <kernel/user.h>

#define PROT_ALL (CORDON_PROT_READ | CORDON_PROT_WRITE | CORDON_PROT_EXEC)
#define PLACES   (CORDON_MAP_FIXED | CORDON_MAP_REPLACE)

/* Page tables that are only kept must not stand in the way of memory. */
static int create(struct task *task, uint64_t size, uint32_t flags, struct memory **out)
{
	int error = memory_create(task->account, size, flags, out);

	if (__builtin_expect(error == -ENOMEM, 0) && aspace_trim(task->aspace))
		error = memory_create(task->account, size, flags, out);
	return error;
}

int64_t sys_memory_create(uint64_t size, uint32_t flags, cordon_handle_t *out)
{
	struct memory *memory;
	int error = create(task_current(), size, flags, &memory);

	return error ? error : syscall_return_handle(&memory->object, out);
}

int64_t sys_memory_info(cordon_handle_t handle, struct cordon_memory_info *out)
{
	struct object *object;
	struct cordon_memory_info info = {0};
	int error = handle_get(&task_current()->handles, handle, CORDON_OBJECT_MEMORY,
	                       CORDON_RIGHT_READ, &object, NULL);

	if (error)
		return error;
	struct memory *memory = memory_from(object);
	info.size = memory->size;
	info.flags = memory->flags;
	info.extents = memory->extent_count;
	info.mappings = __atomic_load_n(&memory->regions, __ATOMIC_RELAXED) +
	                __atomic_load_n(&memory->dma_mappings, __ATOMIC_RELAXED);
	object_unref(object);
	return user_write(uaddr((uintptr_t)out), &info, sizeof(info));
}

/* The protection that a handle's rights allow: nothing without READ, since pages that can be
 * written or executed can be read as well. */
static uint32_t prot_of_rights(uint32_t rights)
{
	uint32_t prot = CORDON_PROT_READ;

	if (!(rights & CORDON_RIGHT_READ))
		return CORDON_PROT_NONE;
	if (rights & CORDON_RIGHT_WRITE)
		prot |= CORDON_PROT_WRITE;
	if (rights & CORDON_RIGHT_EXEC)
		prot |= CORDON_PROT_EXEC;
	return prot;
}

int64_t sys_memory_map(cordon_handle_t handle, struct cordon_memory_map *user_args)
{
	struct task *task = task_current();
	struct cordon_memory_map args;
	struct object *object;
	uint32_t rights, prot_max;
	int error = user_read(&args, uaddr((uintptr_t)user_args), sizeof(args));

	/* Tried first: what is replaced does not come back. */
	if (!error)
		error = user_write(uaddr((uintptr_t)user_args), &args, sizeof(args));
	if (error)
		return error;
	error = handle_get(&task->handles, handle, CORDON_OBJECT_MEMORY, CORDON_RIGHT_MAP, &object,
	                   &rights);
	if (error)
		return error;
	prot_max = prot_of_rights(rights);
	uaddr_t address = uaddr(args.address);
	if ((args.prot & ~PROT_ALL) || (args.flags & ~PLACES))
		error = -EINVAL;
	else if (args.prot & ~prot_max)
		error = -EACCES;
	else
		error = aspace_map(task->aspace, memory_from(object), args.offset, args.size,
		                   args.prot, prot_max, args.flags, &address);
	object_unref(object);
	if (error)
		return error;
	args.address = address.raw;
	error = user_write(uaddr((uintptr_t)user_args), &args, sizeof(args));
	if (error)
		aspace_unmap(task->aspace, address, args.size);
	return error;
}

int64_t sys_memory_map_new(uint64_t address, uint64_t size, uint32_t prot, uint32_t map_flags,
                           uint32_t memory_flags)
{
	struct task *task = task_current();
	uaddr_t place = uaddr(address);
	struct memory *memory = NULL;
	int error;

	if ((prot & ~PROT_ALL) || (map_flags & ~(PLACES | CORDON_MAP_GROW)))
		return -EINVAL;
	if (prot != CORDON_PROT_NONE)
		error = create(task, size, memory_flags, &memory);
	else
		error = memory_flags ? -EINVAL : 0;
	if (error)
		return error;
	if (memory)
		memory->anonymous = true;
	error = aspace_map(task->aspace, memory, 0, size, prot, PROT_ALL, map_flags, &place);
	if (memory)
		object_unref(&memory->object);
	return error ? error : (int64_t)place.raw;
}

int64_t sys_memory_unmap(uint64_t address, uint64_t size)
{
	return aspace_unmap(task_current()->aspace, uaddr(address), size);
}

int64_t sys_memory_query(uint64_t address, struct cordon_memory_region *out)
{
	struct cordon_memory_region region;
	int error = aspace_query(task_current()->aspace, uaddr(address), &region);

	return error ? error : user_write(uaddr((uintptr_t)out), &region, sizeof(region));
}

int64_t sys_memory_protect(uint64_t address, uint64_t size, uint32_t prot)
{
	return aspace_protect(task_current()->aspace, uaddr(address), size, prot);
}
