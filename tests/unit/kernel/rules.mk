# SPDX-License-Identifier: MIT

UNIT_TESTS += tree_test
tree_test_SRCS := tests/unit/kernel/tree_test.c kernel/tree.c

UNIT_TESTS += page_test
page_test_SRCS := tests/unit/kernel/page_test.c kernel/page.c

UNIT_TESTS += heap_test
heap_test_SRCS := tests/unit/kernel/heap_test.c kernel/heap.c kernel/page.c

UNIT_TESTS += handle_test
handle_test_SRCS := tests/unit/kernel/handle_test.c kernel/handle.c kernel/object.c kernel/account.c

UNIT_TESTS += object_test
object_test_SRCS := tests/unit/kernel/object_test.c kernel/object.c
