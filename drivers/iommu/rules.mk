# SPDX-License-Identifier: MIT

KERNEL_SRCS += drivers/iommu/domain.c drivers/iommu/fault.c drivers/iommu/gather.c \
	       drivers/iommu/ids.c drivers/iommu/iommu.c drivers/iommu/pagetable.c \
	       drivers/iommu/payer.c \
	       drivers/iommu/queue.c drivers/iommu/remap.c

KERNEL_SRCS += drivers/iommu/intel/fault.c drivers/iommu/intel/invalidate.c \
	       drivers/iommu/intel/probe.c drivers/iommu/intel/remap.c drivers/iommu/intel/scope.c \
	       drivers/iommu/intel/table.c drivers/iommu/intel/unit.c

KERNEL_SRCS += drivers/iommu/amd/fault.c drivers/iommu/amd/invalidate.c \
	       drivers/iommu/amd/probe.c drivers/iommu/amd/remap.c drivers/iommu/amd/scope.c \
	       drivers/iommu/amd/table.c drivers/iommu/amd/unit.c
