# SPDX-License-Identifier: MIT

UNIT_TESTS += mmu_test
mmu_test_SRCS := tests/unit/arch/mmu_test.c arch/x86_64/mmu.c

UNIT_TESTS += memory_map_test
memory_map_test_SRCS := tests/unit/arch/memory_map_test.c arch/x86_64/memory_map.c

UNIT_TESTS += ioapic_test
ioapic_test_SRCS := tests/unit/arch/ioapic_test.c arch/x86_64/ioapic.c

UNIT_TESTS += cmos_test
cmos_test_SRCS := tests/unit/arch/cmos_test.c arch/x86_64/cmos.c

UNIT_TESTS += fpu_test
fpu_test_SRCS := tests/unit/arch/fpu_test.c
