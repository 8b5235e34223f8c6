# SPDX-License-Identifier: MIT
#
# Fault injection (docs/testing.md).

INJECT_SUPPORT   = tests/guest/inject/sweep.c tests/guest/inject/devices.c tests/guest/vfio/edu.c $(GUEST_SUPPORT)

GUEST_TESTS += inject inject_wait
inject_SRCS	  = tests/guest/inject/inject.c tests/guest/inject/objects.c $(INJECT_SUPPORT)
inject_wait_SRCS  = tests/guest/inject/inject_wait.c $(INJECT_SUPPORT)
