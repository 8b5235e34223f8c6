# SPDX-License-Identifier: MIT
#
# Parts of the C library that need no kernel.

UNIT_TESTS += fs_data_test fs_tree_test
fs_data_test_SRCS := tests/unit/libc/fs_data_test.c lib/libc/fs_data.c
fs_tree_test_SRCS := tests/unit/libc/fs_tree_test.c lib/libc/fs_tree.c lib/libc/fs_data.c

UNIT_TESTS += mman_host_test
mman_host_test_SRCS := tests/unit/libc/mman_host_test.c tests/guest/mman/mman_posix.c
