# SPDX-License-Identifier: MIT

GUEST_TESTS += fuzz_calls
fuzz_calls_SRCS = tests/guest/fuzz/fuzz_calls.c tests/guest/fuzz/victim.c \
		  tests/guest/fuzz/arguments.c tests/guest/fuzz/table.c $(GUEST_SUPPORT)
