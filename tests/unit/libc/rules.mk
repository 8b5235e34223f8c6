# SPDX-License-Identifier: MIT
#
# Parts of the C library that need no kernel.

UNIT_TESTS += fs_data_test fs_tree_test
fs_data_test_SRCS := tests/unit/libc/fs_data_test.c lib/libc/fs_data.c
fs_tree_test_SRCS := tests/unit/libc/fs_tree_test.c lib/libc/fs_tree.c lib/libc/fs_data.c
