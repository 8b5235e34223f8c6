# SPDX-License-Identifier: MIT
#
# FUZZ_TARGETS: programs around LLVMFuzzerTestOneInput, each with fuzz_<name>_SRCS (which like
# those of host tests are the real sources) and a corpus in corpus/<name>.
# The lists of tests/unit are not read yet: = and not :=.

FUZZ_TARGETS += acpi_madt acpi_mcfg acpi_fadt acpi_hpet acpi_dsdt acpi_dmar acpi_ivrs acpi_root
fuzz_acpi_madt_SRCS = tests/fuzz/acpi_madt.c $(ACPI_PARSERS)
fuzz_acpi_mcfg_SRCS = tests/fuzz/acpi_mcfg.c $(ACPI_PARSERS)
fuzz_acpi_fadt_SRCS = tests/fuzz/acpi_fadt.c $(ACPI_PARSERS)
fuzz_acpi_hpet_SRCS = tests/fuzz/acpi_hpet.c $(ACPI_PARSERS)
fuzz_acpi_dsdt_SRCS = tests/fuzz/acpi_dsdt.c $(ACPI_PARSERS)
fuzz_acpi_dmar_SRCS = tests/fuzz/acpi_dmar.c $(ACPI_PARSERS)
fuzz_acpi_ivrs_SRCS = tests/fuzz/acpi_ivrs.c $(ACPI_PARSERS)
fuzz_acpi_root_SRCS = tests/fuzz/acpi_root.c drivers/acpi/root.c $(ACPI_PARSERS)

FUZZ_TARGETS += pci_capabilities config msix
fuzz_pci_capabilities_SRCS = tests/fuzz/pci_capabilities.c drivers/pci/capability.c drivers/pci/config.c
fuzz_config_SRCS = tests/fuzz/config.c drivers/vfio/config.c drivers/pci/capability.c drivers/pci/config.c

FUZZ_TARGETS += channels faults
fuzz_faults_SRCS = tests/fuzz/faults.c $(IOMMU_ALL_SRCS)
fuzz_channels_SRCS = tests/fuzz/channels.c kernel/channel.c kernel/waiting.c kernel/handle.c kernel/object.c kernel/account.c

FUZZ_TARGETS += elf cpio manifest options cmdline memory_map handles pagetable
fuzz_elf_SRCS	     = tests/fuzz/elf.c $(filter-out tests/unit/%,$(elf_test_SRCS))
fuzz_cpio_SRCS	     = tests/fuzz/cpio.c lib/cpio/cpio.c
fuzz_manifest_SRCS   = tests/fuzz/manifest.c tasks/init/manifest.c tasks/init/budget.c tasks/init/selector.c tasks/init/words.c
fuzz_options_SRCS    = tests/fuzz/options.c tasks/init/options.c tasks/init/words.c
fuzz_cmdline_SRCS    = tests/fuzz/cmdline.c kernel/cmdline.c
fuzz_memory_map_SRCS = tests/fuzz/memory_map.c arch/x86_64/memory_map.c
fuzz_handles_SRCS    = tests/fuzz/handles.c kernel/handle.c kernel/object.c kernel/account.c
fuzz_pagetable_SRCS  = tests/fuzz/pagetable.c drivers/iommu/iommu.c $(IOMMU_CORE_SRCS)

# System calls on containers, groups and devices, over the world of the VFIO tests.
FUZZ_TARGETS += vfio_calls
fuzz_vfio_calls_SRCS = tests/fuzz/vfio_calls.c $(VFIO_TEST_WORLD)
fuzz_msix_SRCS	     = tests/fuzz/msix.c $(VFIO_TEST_WORLD)

FUZZ_TARGETS += paths inet
fuzz_paths_SRCS = tests/fuzz/paths.c lib/libc/fs_tree.c lib/libc/fs_data.c
fuzz_inet_SRCS	= tests/fuzz/inet.c
