/* SPDX-License-Identifier: MIT */
/*
 * The calls about memory that is mapped already. Most of them ask for something that always is the
 * case here, so what is left is to find out whether the range is mapped.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"

/* What to do with the part of a region in a range. Returns 0 or a negated error number. */
typedef int (*region_visit_t)(const struct cordon_memory_region *part, void *context);

/* Calls visit for every region in a range. -EINVAL bad alignment, -ENOMEM a hole: what lies before
 * it was visited. */
static int for_each_region(const void *address, size_t length, region_visit_t visit, void *context)
{
	uint64_t at = (uint64_t)(uintptr_t)address;
	uint64_t size = (length + CORDON_PAGE_SIZE - 1) & ~(CORDON_PAGE_SIZE - 1);
	uint64_t end;

	if (at & (CORDON_PAGE_SIZE - 1))
		return -EINVAL;
	if (size < length || __builtin_add_overflow(at, size, &end))
		return -ENOMEM;
	while (at < end) {
		struct cordon_memory_region region;
		int err;

		if (cordon_memory_query(at, &region) != 0 || region.address > at)
			return -ENOMEM;
		region.offset += at - region.address;
		region.size -= at - region.address;
		region.address = at;
		if (region.size > end - at)
			region.size = end - at;
		err = visit(&region, context);
		if (err != 0)
			return err;
		at += region.size;
	}
	return 0;
}

static int visit_any(const struct cordon_memory_region *part, void *context)
{
	(void)part;
	(void)context;
	return 0;
}

static int visit_backed(const struct cordon_memory_region *part, void *context)
{
	(void)context;
	return part->flags & CORDON_REGION_RESERVED ? -ENOMEM : 0;
}

static int visit_private(const struct cordon_memory_region *part, void *context)
{
	(void)context;
	return part->flags & (CORDON_REGION_PRIVATE | CORDON_REGION_RESERVED) ? 0 : -EINVAL;
}

/* Other memory, zeroed, with the same rights, takes the place of what is there. */
static int visit_exchange(const struct cordon_memory_region *part, void *context)
{
	uint32_t prot = part->prot ? part->prot : CORDON_PROT_READ;
	int64_t at;

	(void)context;
	if (part->flags & CORDON_REGION_RESERVED)
		return 0;
	at = cordon_memory_map_new(part->address, part->size, prot, CORDON_MAP_REPLACE, 0);
	if (at < 0)
		return (int)at;
	return prot == part->prot
	               ? 0
	               : (int)cordon_memory_protect(part->address, part->size, part->prot);
}

static int exchange(void *address, size_t length)
{
	int err = for_each_region(address, length, visit_private, NULL);

	return err != 0 ? err : for_each_region(address, length, visit_exchange, NULL);
}

static int advise(void *address, size_t length, int advice)
{
	switch (advice) {
	case MADV_DONTNEED:
		return exchange(address, length);
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_FREE:
	case MADV_DONTFORK:
	case MADV_DOFORK:
	case MADV_MERGEABLE:
	case MADV_UNMERGEABLE:
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
		return for_each_region(address, length, visit_any, NULL);
	default:
		return -EINVAL;
	}
}

int madvise(void *address, size_t length, int advice)
{
	return cordon_errno(advise(address, length, advice));
}

int posix_madvise(void *address, size_t length, int advice)
{
	if (advice < POSIX_MADV_NORMAL || advice > POSIX_MADV_DONTNEED)
		return EINVAL;
	return -for_each_region(address, length, visit_any, NULL);
}

int msync(void *address, size_t length, int flags)
{
	if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) ||
	    ((flags & MS_ASYNC) && (flags & MS_SYNC)))
		return cordon_errno(-EINVAL);
	return cordon_errno(for_each_region(address, length, visit_any, NULL));
}

/* The pages that hold a range, as the locking calls take it. */
static int lock_check(const void *address, size_t length)
{
	size_t within = (uintptr_t)address & (CORDON_PAGE_SIZE - 1);

	if (length > SIZE_MAX - within)
		return cordon_errno(-EINVAL);
	return cordon_errno(for_each_region((const char *)address - within, length + within,
	                                    visit_backed, NULL));
}

int mlock(const void *address, size_t length)
{
	return lock_check(address, length);
}

int munlock(const void *address, size_t length)
{
	return lock_check(address, length);
}

int mlockall(int flags)
{
	bool known = flags != 0 && !(flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT));

	return cordon_errno(known && flags != MCL_ONFAULT ? 0 : -EINVAL);
}

int munlockall(void)
{
	return 0;
}

static int visit_core(const struct cordon_memory_region *part, void *context)
{
	unsigned char **vector = context;
	size_t pages = part->size / CORDON_PAGE_SIZE;

	memset(*vector, !(part->flags & CORDON_REGION_RESERVED), pages);
	*vector += pages;
	return 0;
}

int mincore(void *address, size_t length, unsigned char *vector)
{
	return cordon_errno(for_each_region(address, length, visit_core, &vector));
}

/* --- mremap ---------------------------------------------------------------------------------- */

static int64_t grow(uint64_t old, uint64_t old_size, uint64_t new_size, uint32_t prot,
                    bool may_move)
{
	int64_t at = cordon_memory_map_new(old + old_size, new_size - old_size, prot,
	                                   CORDON_MAP_FIXED, 0);

	if (at >= 0)
		return (int64_t)old;
	if (!may_move)
		return -ENOMEM;
	at = cordon_memory_map_new(0, new_size, CORDON_PROT_READ | CORDON_PROT_WRITE, 0, 0);
	if (at < 0)
		return at;
	memcpy((void *)(uintptr_t)at, (const void *)(uintptr_t)old, old_size);
	cordon_memory_protect((uint64_t)at, new_size, prot); /* it has memory: cannot fail */
	cordon_memory_unmap(old, old_size);
	return at;
}

static int64_t remap(uint64_t old, size_t old_length, size_t new_length, int flags)
{
	uint64_t old_size = (old_length + CORDON_PAGE_SIZE - 1) & ~(CORDON_PAGE_SIZE - 1);
	uint64_t new_size = (new_length + CORDON_PAGE_SIZE - 1) & ~(CORDON_PAGE_SIZE - 1);
	struct cordon_memory_region region;
	int err;

	if (old_size == 0 || new_size == 0 || (flags & ~MREMAP_MAYMOVE))
		return -EINVAL;
	err = for_each_region((const void *)(uintptr_t)old, old_size, visit_private, NULL);
	if (err != 0)
		return err == -ENOMEM ? -EFAULT : err;
	if (new_size < old_size) {
		err = (int)cordon_memory_unmap(old + new_size, old_size - new_size);
		return err != 0 ? err : (int64_t)old;
	}
	if (new_size == old_size)
		return (int64_t)old;
	if (cordon_memory_query(old, &region) != 0)
		return -EFAULT;
	/* To move it all must be readable, and of one kind. */
	if (region.address + region.size < old + old_size || !(region.prot & CORDON_PROT_READ))
		flags &= ~MREMAP_MAYMOVE;
	return grow(old, old_size, new_size, region.prot, flags & MREMAP_MAYMOVE);
}

void *mremap(void *address, size_t old_length, size_t new_length, int flags, ...)
{
	int64_t at = remap((uint64_t)(uintptr_t)address, old_length, new_length, flags);

	if (at < 0) {
		errno = (int)-at;
		return MAP_FAILED;
	}
	return (void *)(uintptr_t)at;
}
