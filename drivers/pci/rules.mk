# SPDX-License-Identifier: MIT
KERNEL_SRCS += drivers/pci/config.c drivers/pci/ecam.c drivers/pci/capability.c \
	       drivers/pci/number.c drivers/pci/enumerate.c drivers/pci/resource.c \
	       drivers/pci/assign.c drivers/pci/silence.c drivers/pci/acs.c drivers/pci/refuse.c \
	       drivers/pci/virtio.c drivers/pci/master.c drivers/pci/group.c drivers/pci/reset.c
