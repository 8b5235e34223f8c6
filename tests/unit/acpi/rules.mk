# SPDX-License-Identifier: MIT

ACPI_PARSERS := drivers/acpi/table.c drivers/acpi/madt.c drivers/acpi/mcfg.c drivers/acpi/fadt.c \
		drivers/acpi/hpet.c drivers/acpi/dmar.c drivers/acpi/ivrs.c

UNIT_TESTS += acpi_dmar_test acpi_ivrs_test acpi_tables_test acpi_root_test
acpi_dmar_test_SRCS   := tests/unit/acpi/dmar_test.c $(ACPI_PARSERS)
acpi_ivrs_test_SRCS   := tests/unit/acpi/ivrs_test.c $(ACPI_PARSERS)
acpi_tables_test_SRCS := tests/unit/acpi/tables_test.c $(ACPI_PARSERS)
acpi_root_test_SRCS   := tests/unit/acpi/root_test.c drivers/acpi/root.c $(ACPI_PARSERS)
