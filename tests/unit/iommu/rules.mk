# SPDX-License-Identifier: MIT

IOMMU_CORE_SRCS := drivers/iommu/domain.c drivers/iommu/fault.c drivers/iommu/gather.c \
		   drivers/iommu/ids.c drivers/iommu/pagetable.c drivers/iommu/payer.c drivers/iommu/queue.c drivers/iommu/remap.c \
		   kernel/account.c kernel/cmdline.c kernel/tree.c tests/unit/iommu/machine.c

IOMMU_ALL_SRCS := $(IOMMU_CORE_SRCS) drivers/iommu/iommu.c $(wildcard drivers/iommu/*/*.c)

# A system with a unit of a vendor, and functions behind it.
IOMMU_BED_SRCS := tests/unit/iommu/bed.c tests/unit/iommu/shadow.c $(IOMMU_ALL_SRCS)
INTEL_BED_SRCS := tests/unit/iommu/intel_bed.c tests/unit/iommu/vtd_model.c $(IOMMU_BED_SRCS)
AMD_BED_SRCS   := tests/unit/iommu/amd_bed.c tests/unit/iommu/amd_model.c tests/unit/iommu/amd_translate.c \
		  $(IOMMU_BED_SRCS)

# Tables of both vendors' formats, and a unit of the test's.
TREE_SRCS := tests/unit/iommu/pagetable_bed.c $(IOMMU_ALL_SRCS)

UNIT_TESTS += iommu_pagetable_test iommu_pagetable_random_test iommu_gather_test iommu_ids_test
iommu_pagetable_test_SRCS	 := tests/unit/iommu/pagetable_test.c $(TREE_SRCS)
iommu_pagetable_random_test_SRCS := tests/unit/iommu/pagetable_random_test.c $(TREE_SRCS)
iommu_gather_test_SRCS		 := tests/unit/iommu/gather_test.c $(TREE_SRCS)
iommu_ids_test_SRCS		 := tests/unit/iommu/ids_test.c $(IOMMU_ALL_SRCS)

# The same for both vendors, named after the drivers' files.
VENDOR_TESTS := start scope table invalidate remap fault
UNIT_TESTS   += $(VENDOR_TESTS:%=iommu_intel_%_test) $(VENDOR_TESTS:%=iommu_amd_%_test)
$(foreach test,$(VENDOR_TESTS),$(eval \
	iommu_intel_$(test)_test_SRCS := tests/unit/iommu/intel_$(test)_test.c $(INTEL_BED_SRCS)))
$(foreach test,$(VENDOR_TESTS),$(eval \
	iommu_amd_$(test)_test_SRCS := tests/unit/iommu/amd_$(test)_test.c $(AMD_BED_SRCS)))
iommu_intel_table_test_SRCS += tests/unit/iommu/batches.c
iommu_amd_table_test_SRCS   += tests/unit/iommu/batches.c
