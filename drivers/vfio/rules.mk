# SPDX-License-Identifier: MIT

KERNEL_SRCS += drivers/vfio/authority.c drivers/vfio/config.c drivers/vfio/container.c \
	       drivers/vfio/device.c drivers/vfio/dma.c drivers/vfio/faults.c drivers/vfio/group.c \
	       drivers/vfio/info.c drivers/vfio/interrupt.c drivers/vfio/mapping.c \
	       drivers/vfio/region.c drivers/vfio/syscalls.c drivers/vfio/window.c
