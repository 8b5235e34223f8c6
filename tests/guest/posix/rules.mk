# SPDX-License-Identifier: MIT
#
# The POSIX face. posix_test.py runs the same sources on the host.

POSIX_SUPPORT := tests/guest/posix/system.c tests/guest/support/tap.c

GUEST_TESTS += posix_fd posix_poll
posix_fd_SRCS	:= tests/guest/posix/posix_fd.c $(POSIX_SUPPORT)
posix_poll_SRCS := tests/guest/posix/posix_poll.c $(POSIX_SUPPORT)

GUEST_TESTS += posix_fs
posix_fs_SRCS := tests/guest/posix/posix_fs.c $(POSIX_SUPPORT)

GUEST_TESTS += posix_epoll posix_timer posix_misc posix_math
posix_epoll_SRCS := tests/guest/posix/posix_epoll.c $(POSIX_SUPPORT)
posix_timer_SRCS := tests/guest/posix/posix_timer.c $(POSIX_SUPPORT)
posix_misc_SRCS	 := tests/guest/posix/posix_misc.c $(POSIX_SUPPORT)
posix_math_SRCS	 := tests/guest/posix/posix_math.c $(POSIX_SUPPORT)

TOOL_TESTS += tests/tools/posix_test.py

GUEST_TESTS += posix_budget
posix_budget_SRCS := tests/guest/posix/budget.c tests/guest/support/tap.c \
		     tests/guest/support/support.c
