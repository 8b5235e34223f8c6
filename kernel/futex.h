/* SPDX-License-Identifier: MIT */
/*
 * Waiting on a word of memory: what locks of tasks are made of. A word is known by address space
 * and address, which takes no lock that all threads of a task share; or, shared between tasks, by
 * the memory object that holds it and the offset in it.
 */
#ifndef KERNEL_FUTEX_H
#define KERNEL_FUTEX_H

#include <kernel/aspace.h>

/*
 * Blocks while the word at an address of the space is expected, until futex_wake, the end of the
 * task or the deadline (monotonic ns). The comparison and the beginning of the wait are one step
 * for every futex_wake. Returns 0 when woken, -EAGAIN (the word is another), -ETIMEDOUT, -EINTR,
 * -EINVAL (not aligned, unknown flags, or a device's memory) or -EFAULT (not mapped readable).
 * Without SHARED the space is that of the running task.
 */
int futex_wait(struct aspace *aspace, uaddr_t address, uint32_t expected, uint64_t deadline,
               uint32_t flags);

/* Wakes up to count of those who wait on the word, who waited longest first. Returns how many, or
 * -EINVAL or -EFAULT as above. */
int64_t futex_wake(struct aspace *aspace, uaddr_t address, uint32_t count, uint32_t flags);

#endif
