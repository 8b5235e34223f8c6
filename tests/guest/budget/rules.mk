# SPDX-License-Identifier: MIT
#
# Budgets used up on purpose, and tasks killed at every moment.

GUEST_TESTS += budget
budget_SRCS = tests/guest/budget/budget.c tests/guest/budget/hoard.c $(GUEST_SUPPORT)

GUEST_TESTS += moments
moments_SRCS = tests/guest/budget/moments.c $(GUEST_SUPPORT)

GUEST_TESTS += shared
shared_SRCS = tests/guest/budget/shared.c tests/guest/vfio/edu.c $(GUEST_SUPPORT)
