/* SPDX-License-Identifier: MIT */
#include <arch/mmio.h>
#include <cordon/errno.h>
#include <cordon/memory.h>
#include <kernel/asan.h>
#include <kernel/user.h>

/* copy.S */
int user_copy(void *to, const void *from, size_t size);

/* Whether a range lies below CORDON_USER_MAX; whether it is mapped shows in the copy. */
static bool in_user_space(uaddr_t start, size_t size)
{
	return size <= CORDON_USER_MAX && start.raw <= CORDON_USER_MAX - size;
}

int user_read(void *to, uaddr_t from, size_t size)
{
	if (!in_user_space(from, size))
		return -EFAULT;
	asan_check(to, size, ASAN_WRITE);
	return user_copy(to, (const void *)(uintptr_t)from.raw, size);
}

static int write_unchecked(uaddr_t to, const void *from, size_t size)
{
	if (!in_user_space(to, size))
		return -EFAULT;
	return user_copy((void *)(uintptr_t)to.raw, from, size);
}

int user_write(uaddr_t to, const void *from, size_t size)
{
	asan_check(from, size, ASAN_READ);
	return write_unchecked(to, from, size);
}

int user_write_ram(uaddr_t to, paddr_t from, size_t size)
{
	return write_unchecked(to, phys_to_virt(from), size);
}
