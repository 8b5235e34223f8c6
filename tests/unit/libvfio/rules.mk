LIBVFIO_TEST_CFLAGS := -Ilib/libvfio/include -idirafter lib/libc/include
LIBVFIO_TEST_SRCS := tests/unit/libvfio/fake_kernel.c $(LIBVFIO_SRCS)

UNIT_TESTS += libvfio_open_test
libvfio_open_test_SRCS := tests/unit/libvfio/libvfio_open_test.c $(LIBVFIO_TEST_SRCS)
libvfio_open_test_CFLAGS := $(LIBVFIO_TEST_CFLAGS)

UNIT_TESTS += libvfio_dma_test
libvfio_dma_test_SRCS := tests/unit/libvfio/libvfio_dma_test.c $(LIBVFIO_TEST_SRCS)
libvfio_dma_test_CFLAGS := $(LIBVFIO_TEST_CFLAGS)

UNIT_TESTS += nvme_test
nvme_test_SRCS := tests/unit/libvfio/nvme_test.c tasks/nvme/prp.c tasks/nvme/status.c
nvme_test_CFLAGS := $(LIBVFIO_TEST_CFLAGS)

UNIT_TESTS += sha256_test
sha256_test_SRCS := tests/unit/libvfio/sha256_test.c tasks/common/sha256.c

UNIT_TESTS += nvme_driver_test
nvme_driver_test_SRCS := tests/unit/libvfio/nvme_driver_test.c tests/unit/libvfio/fake_nvme.c
nvme_driver_test_SRCS += tasks/nvme/admin.c tasks/nvme/queue.c tasks/nvme/io.c tasks/nvme/prp.c
nvme_driver_test_SRCS += tasks/nvme/status.c tasks/nvme/stream.c $(LIBVFIO_TEST_SRCS)
nvme_driver_test_CFLAGS := $(LIBVFIO_TEST_CFLAGS)

UNIT_TESTS += drivers_page_test
drivers_page_test_SRCS := tests/unit/libvfio/drivers_page_test.c
