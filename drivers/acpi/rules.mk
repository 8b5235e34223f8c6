# SPDX-License-Identifier: MIT
KERNEL_SRCS += drivers/acpi/root.c drivers/acpi/table.c drivers/acpi/madt.c drivers/acpi/mcfg.c \
	       drivers/acpi/fadt.c drivers/acpi/hpet.c drivers/acpi/dmar.c drivers/acpi/ivrs.c
