# SPDX-License-Identifier: MIT
#
# POSIX threads, and the kernel's calls beneath them.

GUEST_TESTS += pthread futex
pthread_SRCS := $(addprefix tests/guest/pthread/,main.c threads.c locks.c waits.c library.c) \
		tests/guest/support/tap.c
futex_SRCS := tests/guest/pthread/futex.c tests/guest/support/tap.c tests/guest/support/support.c
