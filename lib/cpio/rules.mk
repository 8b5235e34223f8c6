# SPDX-License-Identifier: MIT
#
# Reader for the archive of programs. The kernel (which starts /init from it) and the C library
# (which opens its files) link the same source.

KERNEL_SRCS += lib/cpio/cpio.c
LIBC_SRCS   += lib/cpio/cpio.c
