# SPDX-License-Identifier: MIT
#
# The C library on the real kernel.

GUEST_TESTS += libc
libc_SRCS := tests/guest/libc/libc.c tests/guest/libc/libc_tasks.c tests/guest/support/tap.c \
	     tests/guest/support/support.c
