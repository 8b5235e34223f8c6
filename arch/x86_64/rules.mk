# SPDX-License-Identifier: MIT
KERNEL_SRCS += $(addprefix arch/x86_64/,apic.c boot.c clock.c cmos.c context.S context.c cpu.c \
	       descriptors.c ioapic.c irq.c memory_map.c mmio.c pagetable.c paging.c panic.c \
	       percpu.c pic.c poweroff.c serial.c stack.c syscall.S syscall.c timer.c trap.S trap.c \
	       usercopy.S usercopy.c)
