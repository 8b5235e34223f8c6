/* SPDX-License-Identifier: MIT */
/* Random bytes from the processor. */
#ifndef CORDON_SYS_RANDOM_H
#define CORDON_SYS_RANDOM_H

#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GRND_NONBLOCK 0x1 /* no effect: it never waits */
#define GRND_RANDOM   0x2 /* no effect */

/* Fills the buffer from RDRAND. Returns size, or -1 and errno: EINVAL unknown flags, ENOSYS the
 * processor has no RDRAND, EIO it gave nothing. */
ssize_t getrandom(void *bytes, size_t size, unsigned int flags);

/* The same for at most 256 bytes; EIO for more. Returns 0 or -1. */
int getentropy(void *bytes, size_t size);

#ifdef __cplusplus
}
#endif
#endif
