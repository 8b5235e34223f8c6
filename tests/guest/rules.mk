# SPDX-License-Identifier: MIT
#
# Programs of the test image, packed as /test/NAME. tests/qemu/README.md says how they are run.

GUEST_SUPPORT := tests/guest/support/tap.c tests/guest/support/support.c tests/guest/support/ledger.c

GUEST_TESTS += calls memory task s8_kill
calls_SRCS   := tests/guest/calls.c $(GUEST_SUPPORT)
memory_SRCS  := tests/guest/memory.c $(GUEST_SUPPORT)
task_SRCS    := tests/guest/task.c $(GUEST_SUPPORT)
s8_kill_SRCS := tests/guest/s8_kill.c $(GUEST_SUPPORT)

GUEST_TESTS += groups
groups_SRCS := tests/guest/groups.c $(GUEST_SUPPORT)

GUEST_TESTS += channel
channel_SRCS := tests/guest/channel.c tests/guest/vfio/edu.c $(GUEST_SUPPORT)

GUEST_TESTS += program
program_SRCS := tests/guest/program.c $(GUEST_SUPPORT)

GUEST_TESTS += service
service_SRCS := tests/guest/service.c $(GUEST_SUPPORT)

# <sys/mman.h>; its POSIX part is also checked against the host (tests/unit/libc).
GUEST_TESTS += mman
mman_SRCS := tests/guest/mman/mman.c tests/guest/mman/mman_posix.c $(GUEST_SUPPORT)
