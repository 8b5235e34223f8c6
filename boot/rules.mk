# SPDX-License-Identifier: MIT
KERNEL_SRCS += boot/pvh.S boot/pvh.c
