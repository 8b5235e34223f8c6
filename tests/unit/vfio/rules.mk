# SPDX-License-Identifier: MIT

VFIO_TEST_WORLD := tests/unit/vfio/world_iommu.c tests/unit/vfio/world_kernel.c \
		   tests/unit/vfio/world_pci.c \
		   drivers/vfio/authority.c drivers/vfio/config.c drivers/vfio/container.c \
		   drivers/vfio/device.c drivers/vfio/dma.c drivers/vfio/faults.c drivers/vfio/group.c \
		   drivers/vfio/info.c drivers/vfio/interrupt.c drivers/vfio/mapping.c \
		   drivers/vfio/region.c drivers/vfio/syscalls.c drivers/vfio/window.c \
		   kernel/account.c kernel/handle.c kernel/object.c kernel/tree.c

UNIT_TESTS += vfio_window_test
vfio_window_test_SRCS := tests/unit/vfio/window_test.c drivers/vfio/window.c

UNIT_TESTS += vfio_config_test
vfio_config_test_SRCS := tests/unit/vfio/config_test.c drivers/vfio/config.c

UNIT_TESTS += vfio_dma_test vfio_batch_test vfio_long_test
vfio_dma_test_SRCS   := tests/unit/vfio/dma_test.c tests/unit/vfio/dma_bed.c $(VFIO_TEST_WORLD)
vfio_batch_test_SRCS := tests/unit/vfio/batch_test.c tests/unit/vfio/dma_bed.c $(VFIO_TEST_WORLD)
vfio_long_test_SRCS  := tests/unit/vfio/long_test.c tests/unit/vfio/dma_bed.c $(VFIO_TEST_WORLD)

UNIT_TESTS += vfio_region_test
vfio_region_test_SRCS := tests/unit/vfio/region_test.c $(VFIO_TEST_WORLD)

UNIT_TESTS += vfio_group_test
vfio_group_test_SRCS := tests/unit/vfio/group_test.c $(VFIO_TEST_WORLD)

UNIT_TESTS += vfio_device_test vfio_device_end_test
vfio_device_test_SRCS	  := tests/unit/vfio/device_test.c tests/unit/vfio/device_bed.c $(VFIO_TEST_WORLD)
vfio_device_end_test_SRCS := tests/unit/vfio/device_end_test.c tests/unit/vfio/device_bed.c $(VFIO_TEST_WORLD)

UNIT_TESTS += vfio_faults_test
vfio_faults_test_SRCS := tests/unit/vfio/faults_test.c $(VFIO_TEST_WORLD)
