/* SPDX-License-Identifier: MIT */
/* mmap and its like over memory objects. */
#include <errno.h>
#include <sys/mman.h>

#include "internal.h"

CORDON_STATIC_ASSERT(PROT_READ == CORDON_PROT_READ && PROT_WRITE == CORDON_PROT_WRITE &&
                             PROT_EXEC == CORDON_PROT_EXEC,
                     "protections are passed on as they are");

static uint64_t whole_pages(size_t length)
{
	return (length + CORDON_PAGE_SIZE - 1) & ~(CORDON_PAGE_SIZE - 1);
}

void *mmap(void *address, size_t length, int prot, int flags, int fd, off_t offset)
{
	struct cordon_memory_map map = {
	        .address = (uint64_t)(uintptr_t)address,
	        .size = whole_pages(length),
	        .prot = (uint32_t)prot,
	        .flags = flags & MAP_FIXED ? CORDON_MAP_FIXED : 0,
	};
	cordon_handle_t memory;
	int64_t err;

	(void)fd;
	(void)offset;
	err = -ENODEV;
	if (!(flags & MAP_ANONYMOUS))
		goto out;
	err = -EINVAL;
	if ((flags & ~MAP_FIXED) != (MAP_PRIVATE | MAP_ANONYMOUS) || map.size == 0)
		goto out;
	err = cordon_memory_create(map.size, 0, &memory);
	if (err != 0)
		goto out;
	if (flags & MAP_FIXED)
		err = cordon_memory_unmap(map.address, map.size);
	if (err == 0)
		err = cordon_memory_map(memory, &map);
	cordon_handle_close(memory); /* the mapping keeps it */
out:
	if (err != 0) {
		errno = (int)-err;
		return MAP_FAILED;
	}
	return (void *)(uintptr_t)map.address;
}

int munmap(void *address, size_t length)
{
	return cordon_errno(cordon_memory_unmap((uint64_t)(uintptr_t)address, whole_pages(length)));
}

int mprotect(void *address, size_t length, int prot)
{
	return cordon_errno(cordon_memory_protect((uint64_t)(uintptr_t)address, whole_pages(length),
	                                          (uint32_t)prot));
}
