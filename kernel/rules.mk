# SPDX-License-Identifier: MIT

KERNEL_SRCS += kernel/format.c kernel/lock.c kernel/log.c kernel/string.c kernel/tree.c
