# SPDX-License-Identifier: MIT
#
# A .c and a .S file never share a name: both would become the same object.
KERNEL_SRCS += $(addprefix arch/x86_64/,apic.c boot.c clock.c cmos.c context.c copy.S cpu.c \
	       descriptors.c entry.S ioapic.c irq.c memory_map.c mmio.c mmu.c paging.c panic.c \
	       percpu.c pic.c poweroff.c serial.c shadow.c shootdown.c smp.c stack.c switch.S syscall.c \
	       syscall_entry.S timer.c trampoline.S trap.c usercopy.c)
