# SPDX-License-Identifier: MIT

IOMMU_CORE_SRCS := drivers/iommu/domain.c drivers/iommu/fault.c drivers/iommu/gather.c \
		   drivers/iommu/ids.c drivers/iommu/pagetable.c drivers/iommu/queue.c drivers/iommu/remap.c \
		   kernel/account.c tests/unit/iommu/machine.c

IOMMU_ALL_SRCS := $(IOMMU_CORE_SRCS) drivers/iommu/iommu.c $(wildcard drivers/iommu/*/*.c)

# A system with a unit of a vendor, and functions behind it.
IOMMU_BED_SRCS := tests/unit/iommu/bed.c tests/unit/iommu/shadow.c $(IOMMU_ALL_SRCS)
INTEL_BED_SRCS := tests/unit/iommu/intel_bed.c tests/unit/iommu/vtd_model.c $(IOMMU_BED_SRCS)
AMD_BED_SRCS   := tests/unit/iommu/amd_bed.c tests/unit/iommu/amd_model.c $(IOMMU_BED_SRCS)

UNIT_TESTS += iommu_pagetable_test
iommu_pagetable_test_SRCS := tests/unit/iommu/pagetable_test.c $(IOMMU_ALL_SRCS)

UNIT_TESTS += iommu_intel_start_test iommu_intel_test iommu_fault_test
iommu_intel_start_test_SRCS := tests/unit/iommu/intel_start_test.c $(INTEL_BED_SRCS)
iommu_intel_test_SRCS	    := tests/unit/iommu/intel_test.c tests/unit/iommu/random.c $(INTEL_BED_SRCS)
iommu_fault_test_SRCS	    := tests/unit/iommu/fault_test.c $(INTEL_BED_SRCS)

UNIT_TESTS += iommu_amd_start_test iommu_amd_test iommu_amd_fault_test iommu_amd_scope_test
iommu_amd_start_test_SRCS := tests/unit/iommu/amd_start_test.c $(AMD_BED_SRCS)
iommu_amd_test_SRCS	  := tests/unit/iommu/amd_test.c tests/unit/iommu/random.c $(AMD_BED_SRCS)
iommu_amd_fault_test_SRCS := tests/unit/iommu/amd_fault_test.c $(AMD_BED_SRCS)
iommu_amd_scope_test_SRCS := tests/unit/iommu/amd_scope_test.c $(AMD_BED_SRCS)
