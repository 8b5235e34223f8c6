# SPDX-License-Identifier: MIT

UNIT_TESTS += tree_test
tree_test_SRCS := tests/unit/kernel/tree_test.c kernel/tree.c

UNIT_TESTS += page_test
page_test_SRCS := tests/unit/kernel/page_test.c kernel/page.c kernel/page_map.c

UNIT_TESTS += heap_test
heap_test_SRCS := tests/unit/kernel/heap_test.c kernel/heap.c kernel/page.c kernel/page_map.c

UNIT_TESTS += handle_test
handle_test_SRCS := tests/unit/kernel/handle_test.c kernel/handle.c kernel/object.c kernel/account.c

UNIT_TESTS += object_test
object_test_SRCS := tests/unit/kernel/object_test.c kernel/object.c

UNIT_TESTS += event_test
event_test_SRCS := tests/unit/kernel/event_test.c kernel/event.c kernel/waiting.c kernel/object.c kernel/account.c

# The same test over the list of pages of the fake machine, and over the real page tables.
ASPACE_SRCS := tests/unit/kernel/aspace_test.c kernel/aspace.c kernel/aspace_change.c kernel/aspace_reserve.c \
	       kernel/revoke.c \
	       kernel/memory.c kernel/object.c kernel/account.c kernel/tree.c
UNIT_TESTS += aspace_test aspace_mmu_test
aspace_test_SRCS := $(ASPACE_SRCS)
aspace_mmu_test_SRCS := $(ASPACE_SRCS) tests/unit/kernel/mmu_paging.c arch/x86_64/mmu.c
aspace_mmu_test_CFLAGS := -DASPACE_PAGES=1536

UNIT_TESTS += memory_test
memory_test_SRCS := tests/unit/kernel/memory_test.c kernel/memory.c kernel/page.c kernel/page_map.c kernel/heap.c \
		    kernel/object.c kernel/account.c

UNIT_TESTS += elf_test
elf_test_SRCS := tests/unit/kernel/elf_test.c kernel/elf.c kernel/aspace.c kernel/aspace_change.c kernel/aspace_reserve.c \
		 kernel/memory.c kernel/object.c kernel/account.c kernel/tree.c

UNIT_TESTS += format_test
format_test_SRCS := tests/unit/kernel/format_test.c kernel/format.c

UNIT_TESTS += log_test
log_test_SRCS := tests/unit/kernel/log_test.c kernel/log.c kernel/format.c

UNIT_TESTS += string_test
string_test_SRCS := tests/unit/kernel/string_test.c tests/unit/kernel/string_kernel.c

UNIT_TESTS += lock_test
lock_test_SRCS := tests/unit/kernel/lock_test.c kernel/lock.c kernel/lock_stats.c

UNIT_TESTS += mutex_test
mutex_test_SRCS := tests/unit/kernel/mutex_test.c kernel/mutex.c

UNIT_TESTS += mark_test
mark_test_SRCS := tests/unit/kernel/mark_test.c kernel/mark.c kernel/cmdline.c kernel/format.c

UNIT_TESTS += cmdline_test
cmdline_test_SRCS := tests/unit/kernel/cmdline_test.c kernel/cmdline.c kernel/format.c

UNIT_TESTS += symbols_test
symbols_test_SRCS := tests/unit/kernel/symbols_test.c kernel/symbols.c

UNIT_TESTS += syscall_test
syscall_test_SRCS := tests/unit/kernel/syscall_test.c kernel/syscall.c kernel/handle.c kernel/object.c \
		     kernel/account.c

UNIT_TESTS += futex_test
futex_test_SRCS := tests/unit/kernel/futex_test.c kernel/futex.c kernel/aspace.c kernel/aspace_change.c \
		   kernel/aspace_reserve.c \
		   kernel/memory.c kernel/waiting.c kernel/object.c kernel/account.c kernel/tree.c

UNIT_TESTS += channel_test
channel_test_SRCS := tests/unit/kernel/channel_test.c kernel/channel.c kernel/waiting.c kernel/handle.c kernel/object.c \
		     kernel/account.c

UNIT_TESTS += trace_test
trace_test_SRCS := tests/unit/kernel/trace_test.c kernel/trace.c kernel/trace_format.c

UNIT_TESTS += program_test
program_test_SRCS := tests/unit/kernel/program_test.c kernel/program.c kernel/backtrace.c kernel/memory.c kernel/page.c kernel/page_map.c \
		     kernel/heap.c kernel/object.c kernel/account.c

UNIT_TESTS += account_test
account_test_SRCS := tests/unit/kernel/account_test.c kernel/account.c

UNIT_TESTS += sched_test
# Processors overtake each other between any two steps of the kernel, not at its locks alone.
sched_test_CFLAGS = $(if $(filter tests/%,$<),,-fsanitize-coverage=trace-pc)
sched_test_SRCS := tests/unit/kernel/sched_test.c tests/unit/kernel/cpu_sim.c kernel/sched.c kernel/sched_queue.c \
		   kernel/sched_balance.c kernel/waiting.c kernel/object.c
