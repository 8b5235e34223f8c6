/* SPDX-License-Identifier: MIT */
/*
 * Error numbers. Tasks and host tests use their libc's <errno.h>; the freestanding kernel
 * uses the same numbers as newlib (a test asserts that they agree). System calls return
 * 0 or a positive result, or the negated number.
 */
#ifndef CORDON_ERRNO_H
#define CORDON_ERRNO_H

/* CORDON_ERRNO_KERNEL: asked for by the test that compares the two sets. */
#if __STDC_HOSTED__ && !defined(CORDON_ERRNO_KERNEL)
#include <errno.h>
#else
#define EPERM        1  /* the caller may not do this */
#define ENOENT       2  /* no such thing */
#define EINTR        4  /* the thread is being ended */
#define EIO          5  /* the hardware did not do it */
#define ENXIO        6  /* no such unit, index out of range */
#define E2BIG        7  /* too many elements, or non-zero reserved bytes */
#define ENOEXEC      8  /* not a program that can be loaded */
#define EBADF        9  /* no such handle, or one of another type */
#define EAGAIN       11 /* nothing there now */
#define ENOMEM       12 /* out of memory, or of the caller's budget */
#define EACCES       13 /* the handle lacks a right */
#define EFAULT       14 /* bad user address */
#define EBUSY        16 /* in use */
#define EEXIST       17 /* overlaps something that exists */
#define EXDEV        18 /* objects do not belong together */
#define ENODEV       19 /* the device or the IOMMU is not there */
#define EINVAL       22 /* bad argument */
#define EMFILE       24 /* handle table full */
#define ENOTTY       25 /* the object does not know this operation */
#define EFBIG        27 /* too large */
#define ENOSPC       28 /* no room: IOVA space, mapping limit */
#define EPIPE        32 /* the other end is gone */
#define ERANGE       34 /* result does not fit */
#define ENOSYS       88 /* no such system call */
#define ENAMETOOLONG 91
#define ELOOP        92  /* channels would keep each other alive for ever */
#define EOPNOTSUPP   95  /* known, but not possible here */
#define ECANCELED    140 /* given up: the object was revoked */
#define ETIMEDOUT    116 /* the deadline passed */
#define EALREADY     120
#define EMSGSIZE     122 /* buffer too small */
#define EOVERFLOW    139 /* offset + length wraps */
#endif

#endif
