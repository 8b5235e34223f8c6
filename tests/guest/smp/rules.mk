# SPDX-License-Identifier: MIT

GUEST_TESTS += smp
smp_SRCS := tests/guest/smp/smp.c tests/guest/smp/stress.c tests/guest/vfio/edu.c \
	    tests/guest/support/tap.c tests/guest/support/support.c

GUEST_TESTS += contention
contention_SRCS := tests/guest/smp/contention.c tests/guest/support/tap.c tests/guest/support/support.c

GUEST_TESTS += latency
latency_SRCS := tests/guest/smp/latency.c tests/guest/vfio/edu.c tests/guest/support/tap.c \
		tests/guest/support/support.c
