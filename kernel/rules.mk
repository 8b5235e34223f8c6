# SPDX-License-Identifier: MIT

KERNEL_SRCS += kernel/tree.c
