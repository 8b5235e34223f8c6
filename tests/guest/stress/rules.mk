# SPDX-License-Identifier: MIT

GUEST_TESTS += stress
stress_SRCS := tests/guest/stress/stress.c tests/guest/stress/worker.c tests/guest/support/ledger.c \
	       tests/guest/support/tap.c tests/guest/support/support.c
