/* SPDX-License-Identifier: MIT */
/* Device requests. No file of the C library has any: devices are driven by <cordon/vfio.h>. */
#ifndef CORDON_SYS_IOCTL_H
#define CORDON_SYS_IOCTL_H

#ifdef __cplusplus
extern "C" {
#endif

/* -1 and errno: EBADF not open, ENOTTY for everything that is. */
int ioctl(int fd, unsigned long request, ...);

#ifdef __cplusplus
}
#endif
#endif
