# SPDX-License-Identifier: MIT

KERNEL_SRCS += kernel/account.c kernel/aspace.c kernel/aspace_change.c kernel/aspace_reserve.c kernel/cmdline.c kernel/elf.c \
	       kernel/format.c kernel/handle.c kernel/heap.c kernel/inject.c kernel/lock.c kernel/lock_stats.c kernel/log.c kernel/mark.c kernel/memory.c kernel/mutex.c \
	       kernel/object.c kernel/page.c kernel/page_map.c kernel/revoke.c kernel/string.c kernel/symbols.c kernel/tree.c

KERNEL_SRCS += kernel/main.c kernel/task.c kernel/thread.c kernel/sched.c kernel/sched_queue.c kernel/sched_balance.c kernel/spawn.c kernel/event.c \
	       kernel/futex.c kernel/channel.c kernel/sys_channel.c kernel/waiting.c \
	       kernel/console.c kernel/trap.c kernel/syscall.c kernel/sys_object.c kernel/sys_memory.c \
	       kernel/sys_task.c kernel/system.c kernel/selftest.c kernel/asan.c kernel/ubsan.c

# What the system says of itself.
KERNEL_SRCS += kernel/backtrace.c kernel/program.c kernel/state.c kernel/state_devices.c kernel/trace.c kernel/trace_format.c kernel/version.c
