/* SPDX-License-Identifier: MIT */
/*
 * Copies between kernel and the current task. Any byte of the range that is not user
 * memory, or not accessible, makes the call return -EFAULT; the destination may then be
 * partly written. Never called with a spinlock held (the address may be another CPU's to
 * unmap).
 */
#ifndef KERNEL_USER_H
#define KERNEL_USER_H

#include <kernel/types.h>

int user_read(void *to, uaddr_t from, size_t size);
int user_write(uaddr_t to, const void *from, size_t size);

/* The same for one integer, and for 32 bytes: as large as what the quickest calls are told. */
int user_write_u64(uaddr_t to, uint64_t value);
int user_read_32(void *to, uaddr_t from);
int user_write_32(uaddr_t to, const void *from);

/* The same from RAM by physical address, whoever has it: free frames, too, which the address
 * sanitizer would object to. */
int user_write_ram(uaddr_t to, paddr_t from, size_t size);

#endif
