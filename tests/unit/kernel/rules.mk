# SPDX-License-Identifier: MIT

UNIT_TESTS += tree_test
tree_test_SRCS := tests/unit/kernel/tree_test.c kernel/tree.c
