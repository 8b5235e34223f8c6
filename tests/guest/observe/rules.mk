# SPDX-License-Identifier: MIT

GUEST_TESTS += trace
trace_SRCS := tests/guest/observe/trace.c tests/guest/support/tap.c tests/guest/support/support.c

GUEST_TESTS += backtrace
backtrace_SRCS := tests/guest/observe/backtrace.c tests/guest/support/tap.c tests/guest/support/support.c

GUEST_TESTS += state
state_SRCS := tests/guest/observe/state.c tests/guest/vfio/edu.c tests/guest/support/tap.c tests/guest/support/support.c
