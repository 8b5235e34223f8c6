# SPDX-License-Identifier: MIT

GUEST_TESTS += hostile
hostile_SRCS := tests/guest/hostile/hostile.c tests/guest/hostile/corpus.c tests/guest/fuzz/table.c \
		tests/guest/support/ledger.c tests/guest/support/tap.c tests/guest/support/support.c
