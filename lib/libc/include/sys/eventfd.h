/* SPDX-License-Identifier: MIT */
/* Events as files: <cordon/types.h>'s events with the calls that drivers know. */
#ifndef CORDON_SYS_EVENTFD_H
#define CORDON_SYS_EVENTFD_H

#include <fcntl.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EFD_SEMAPHORE 0x1
#define EFD_NONBLOCK  0x4000  /* O_NONBLOCK */
#define EFD_CLOEXEC   0x40000 /* O_CLOEXEC */

typedef uint64_t eventfd_t;

/* A new event that counts from `initial`. Reading gives the count as 8 bytes and makes it zero
 * (EFD_SEMAPHORE: gives 1 and subtracts 1), and waits while it is zero; writing 8 bytes adds. The
 * descriptor is a handle to a kernel event, so a device's interrupt or another task can signal it.
 * -1 and errno: EINVAL unknown flags, EMFILE, ENOMEM. */
int eventfd(unsigned int initial, int flags);

/* Reads or writes it. 0, or -1 and errno. */
int eventfd_read(int fd, eventfd_t *value);
int eventfd_write(int fd, eventfd_t value);

#ifdef __cplusplus
}
#endif
#endif
