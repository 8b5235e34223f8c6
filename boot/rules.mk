# SPDX-License-Identifier: MIT
KERNEL_SRCS += boot/start.S boot/pvh.c
