# SPDX-License-Identifier: MIT

UNIT_TESTS += cpio_test
cpio_test_SRCS := tests/unit/cpio/cpio_test.c lib/cpio/cpio.c
