# SPDX-License-Identifier: MIT

PCI_ALL_SRCS := $(wildcard drivers/pci/*.c) tests/unit/pci/machine.c

UNIT_TESTS += pci_capability_test pci_enumerate_test pci_group_test pci_resource_test \
	      pci_function_test
pci_capability_test_SRCS := tests/unit/pci/capability_test.c drivers/pci/capability.c \
			    drivers/pci/config.c
pci_enumerate_test_SRCS	 := tests/unit/pci/enumerate_test.c $(PCI_ALL_SRCS)
pci_resource_test_SRCS	 := tests/unit/pci/resource_test.c $(PCI_ALL_SRCS)
pci_group_test_SRCS	 := tests/unit/pci/group_test.c $(PCI_ALL_SRCS)
pci_function_test_SRCS	 := tests/unit/pci/function_test.c $(PCI_ALL_SRCS)
